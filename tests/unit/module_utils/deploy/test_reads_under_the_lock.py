"""If an Engine does not answer for a moment, a run with the stack's lock continues: it retries each read."""

import copy
import functools
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import remove_stack, stop_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service

sys.path.insert(0, str(Path(__file__).parent))
from fake_clock import Clock
from fake_tasks import TaskSwarm
from runs import OPTIONS, back, deploy, drift
from test_jobs_on_the_way_back import live, version


def state(number):
    return version(number, job=False)


def heal(swarm):
    (service,) = swarm.objects["services"].values()
    service["Spec"]["Labels"]["a.stranger"] = "was here"
    swarm.silent.clear()
    return drift(swarm, heal=True)


def service(state, **more):
    return lambda swarm: change_service(
        swarm, Clock(), "shop", {**OPTIONS, "wait": True, "service": "web", "state": state, **more}
    )


#: A run, and the releases of the stack's services afterwards.
RUNS = {
    "deployment": (lambda swarm: deploy(swarm, state(3)), {"web": "3"}),
    "deployment that waits": (lambda swarm: deploy(swarm, state(3), wait=True), {"web": "3"}),
    "rollback": (lambda swarm: back(swarm, 1), {"web": "1"}),
    "rollback that waits": (lambda swarm: back(swarm, 1, wait=True), {"web": "1"}),
    "heal": (heal, {"web": "2"}),
    "restart": (service("restarted"), {"web": "2"}),
    "restart without a wait": (service("restarted", wait=False), {"web": "2"}),
    "scale": (service("scaled", replicas=3), {"web": "2"}),
    "stop": (lambda swarm: stop_stack(swarm, Clock(), "shop", {**OPTIONS, "wait": True}), {"web": "2"}),
    "removal": (lambda swarm: remove_stack(swarm, Clock(), "shop", {**OPTIONS, "wait": True}), {}),
}


class Slow(TaskSwarm):
    """After the first write, the ``nth`` read gets no answer, once."""

    def __init__(self):
        super().__init__()
        self.silent, self.nth = [], None

    def silence(self, nth):
        self.nth, self.writes = nth, []
        self.before = self._when

    def _when(self, method, path):
        if method == "GET" and self.writes:
            self.silent.append(path)
            if len(self.silent) == self.nth:
                raise EngineError(f"GET {path}: no answer in time.", "timeout")


@functools.cache
def twice():
    swarm = Slow()
    deploy(swarm, state(1))
    deploy(swarm, state(2))
    return swarm


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNS)
def test_each_read_once(kind):
    run, releases = RUNS[kind]
    reads = nth = 1
    while nth <= reads:
        swarm = copy.deepcopy(twice())
        swarm.silence(nth)
        done = run(swarm)
        assert done["changed"], swarm.silent
        assert live(swarm) == releases
        reads, nth = len(swarm.silent), nth + 1
    assert reads > 5
