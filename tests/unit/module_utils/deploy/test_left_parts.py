"""A part of a snapshot whose name an old config still has."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fake_clock import Clock
from fake_swarm import FakeSwarm

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import revision_name

REVISION = Revision("shop", id="ours", number=3)


@pytest.fixture
def swarm():
    swarm = FakeSwarm()
    swarm.post("/configs/create", body={"Name": revision_name("shop", 3, 1), "Labels": {}, "Data": "b2xk"})
    return swarm


def add_part(swarm):
    History(swarm, Clock(), "shop")._add_parts(REVISION, [b"new"], 1)


def test_it_is_replaced(swarm):
    add_part(swarm)
    assert [config["Spec"]["Data"] for config in swarm.objects["configs"].values()] == ["bmV3"]


def test_if_it_can_not_be_removed_the_run_ends(swarm):
    def in_use(method, path):
        if method == "DELETE":
            raise EngineError("config is in use by the following service", "invalid_spec", status=400)

    swarm.before = in_use
    with pytest.raises(EngineError, match="is in use"):
        add_part(swarm)
    assert swarm.calls < 20
