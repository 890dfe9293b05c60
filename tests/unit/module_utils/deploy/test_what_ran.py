"""A revision stores what ran: the source files, their commit, and the status of each service."""

import json
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS, deploy, drift
from test_jobs_on_the_way_back import version

COMMIT = {"id": "a" * 40, "branch": "main"}


def state(number, text=True):
    file = {"path": "compose.yml", "sha256": str(number) * 64, **({"text": f"the text {number}"} if text else {})}
    return {**version(number, job=False), "sources": {"files": [file], "commit": COMMIT}}


def revisions(swarm, **options):
    (stack,) = stack_info(swarm, "shop", history=True, **options)["stacks"]
    return stack["revisions"]


@pytest.fixture
def swarm():
    made = FakeSwarm()
    deploy(made, state(1))
    return made


def test_a_revision_shows_its_files_and_the_texts_where_they_are_asked_for(swarm):
    (shown,) = revisions(swarm)
    assert shown["files"] == [{"path": "compose.yml", "sha256": "1" * 64}] and shown["commit"] == COMMIT
    (shown,) = revisions(swarm, files=True)
    assert shown["files"][0]["text"] == "the text 1"
    labels = [config["Spec"]["Labels"] for config in swarm.objects["configs"].values()]
    assert "the text" not in str(labels)  # only the packed content has it


def test_without_texts_and_without_sources_there_are_none(swarm):
    deploy(swarm, state(2, text=False))
    deploy(swarm, version(3, job=False))
    newest, second, _first = revisions(swarm, files=True)
    assert (newest["files"], newest["commit"]) == ([], {})
    assert second["files"] == [{"path": "compose.yml", "sha256": "2" * 64}]


def test_going_back_and_healing_take_them_along(swarm):
    deploy(swarm, state(2))
    roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 1})
    assert revisions(swarm)[0]["files"][0]["sha256"] == "1" * 64
    web = next(iter(swarm.objects["services"].values()))
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=9"]
    assert drift(swarm, heal=True)["changed"]
    assert revisions(swarm)[0]["operation"] == "heal" and revisions(swarm)[0]["files"][0]["sha256"] == "1" * 64


def test_only_another_commit_changes_nothing(swarm):
    other = {**state(1), "sources": {"files": [], "commit": {"id": "b" * 40, "branch": "x"}}}
    done = deploy(swarm, other)
    assert not done["changed"] and len(revisions(swarm)) == 1
    assert done["plan_id"] == deploy(swarm, state(1))["plan_id"]


def test_each_service_has_its_counts_and_when_they_were_seen(swarm):
    (service,) = revisions(swarm)[0]["services"]
    assert service == {
        "name": "shop_web",
        "status": "healthy",
        "desired": 1,
        "running": 1,
        "updated_at": "2023-11-14T22:13:20Z",
        "message": "",
    }


@pytest.mark.parametrize(
    "sources", [7, [], {"files": 3}, {"files": [{"path": 1}]}, {"files": [7]}, {"files": [{}], "commit": "x"}], ids=str
)
def test_a_damaged_record_has_no_sources_and_is_shown_all_the_same(swarm, sources):
    for config in swarm.objects["configs"].values():
        labels = config["Spec"]["Labels"]
        if "stackwright.revision" in labels:
            labels["stackwright.revision"] = json.dumps(
                {**json.loads(labels["stackwright.revision"]), "sources": sources}
            )
    assert revisions(swarm)[0]["files"] == [] and History(swarm, Clock(), "shop").read()[0].good
