"""Metadata of a run: stored with its revision, shown, and never a reason for a change."""

import sys
from pathlib import Path

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import from_record
from ansible_collections.stackwright.swarm.plugins.module_utils.info.history import past_of
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = {"wait": False, "resolve_image": "never"}


def deploy(swarm, image, sources, **options):
    state = {**desired([service("web", image=image)]), **({"sources": sources} if sources else {})}
    return deploy_stack(swarm, Clock(), state, {**OPTIONS, **options})


def shown(swarm, files=False):
    return [revision["metadata"] for revision in past_of(swarm, "shop", files)["shop"]["revisions"]]


def test_a_revision_keeps_and_shows_it_also_without_files():
    swarm = FakeSwarm()
    assert deploy(swarm, "app:1", {"files": [], "metadata": {"release": "1"}})["changed"]
    assert deploy(swarm, "app:2", None)["changed"]
    file = {"path": "compose.yml", "sha256": "ab" * 32}
    assert deploy(swarm, "app:3", {"files": [file], "commit": {"id": "c"}, "metadata": {"release": "3"}})["changed"]
    assert shown(swarm) == shown(swarm, files=True) == [{"release": "3"}, {}, {"release": "1"}]


def test_other_metadata_alone_is_no_change():
    swarm = FakeSwarm()
    first = deploy(swarm, "app:1", {"files": [], "metadata": {"release": "1"}})
    planned = deploy(swarm, "app:2", {"files": [], "metadata": {"release": "2"}}, check=True)
    again = deploy(swarm, "app:1", {"files": [], "metadata": {"release": "2"}})
    assert first["changed"] and not again["changed"]
    assert shown(swarm) == [{"release": "1"}]
    # An approved plan stays valid, whichever pipeline carries it out.
    other = deploy(swarm, "app:2", {"files": [], "metadata": {"release": "3"}}, plan_id=planned["plan_id"])
    assert other["changed"]


def test_a_rollback_has_that_of_the_revision_it_restored():
    swarm = FakeSwarm()
    for release in ("1", "2"):
        deploy(swarm, f"app:{release}", {"files": [], "metadata": {"release": release}})
    roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 1})
    assert shown(swarm) == [{"release": "1"}, {"release": "2"}, {"release": "1"}]


def test_a_record_with_other_metadata_counts_as_without():
    record = {"number": 1, "status": "HEALTHY", "sources": {"files": [], "metadata": "x", "commit": []}}
    assert from_record("shop", 1, record).shown()["metadata"] == {}
