"""Swarm's own rollback of one service is requested once, even if the answer is lost."""

import copy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import _send_rollback

sys.path.insert(0, str(Path(__file__).parent))
from fake_clock import Clock
from fake_swarm import FakeSwarm

OLD, NEW = {"Name": "shop_web", "Labels": {"n": "old"}}, {"Name": "shop_web", "Labels": {"n": "new"}}
LOST = EngineError("no leader", "no_quorum", status=500)


class Swarm(FakeSwarm):
    """One service with a previous spec."""

    def __init__(self):
        super().__init__()
        self.sent = 0
        self.web = {"ID": "web", "Version": {"Index": 5}, "Spec": NEW, "PreviousSpec": OLD}
        self.objects["services"]["web"] = self.web

    def _post(self, path, query, body):
        if query["version"] != self.web["Version"]["Index"]:
            raise EngineError("update out of sequence", "out_of_sequence", status=500)
        self.sent += 1
        self.web.update(Spec=self.web["PreviousSpec"], PreviousSpec=self.web["Spec"])
        self.web["Version"]["Index"] += 1
        return {}


def send_back(swarm, live=None):
    live = live or copy.deepcopy(swarm.web)
    _send_rollback(SimpleNamespace(client=swarm, clock=Clock(), keep=lambda: None), "/services/web", live)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("times", [1, 3])
def test_it_is_done_once_whatever_is_lost(moment, times):
    swarm, left = Swarm(), [times]

    def lose(method, path):
        if method == "POST" and left[0]:
            left[0] -= 1
            raise LOST

    setattr(swarm, moment, lose)
    send_back(swarm)
    assert (swarm.sent, swarm.web["Spec"]) == (1, OLD)


def test_a_version_that_swarm_has_moved_on():
    swarm = Swarm()
    live = copy.deepcopy(swarm.web)
    swarm.web["Version"]["Index"] = 9
    send_back(swarm, live)
    assert (swarm.sent, swarm.web["Spec"]) == (1, OLD)


def test_what_somebody_else_has_changed_meanwhile_is_left_alone():
    swarm = Swarm()
    live = copy.deepcopy(swarm.web)
    swarm.web.update(Version={"Index": 9}, Spec={**NEW, "Labels": {"n": "theirs"}})
    with pytest.raises(EngineError) as refused:
        send_back(swarm, live)
    assert (refused.value.error_code, swarm.sent) == ("out_of_sequence", 0)


def test_a_refusal_is_raised_at_once():
    swarm = Swarm()

    def refuse(method, path):
        if method == "POST":
            raise EngineError("no previous spec", "invalid_spec", status=400)

    swarm.before = refuse
    with pytest.raises(EngineError, match="no previous spec"):
        send_back(swarm)
