"""A change of one service beside what others have left: revisions, and the lock of a run that died."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.lock import Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.service import change_service
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import LOCK, labels_of

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_swarm import Clock, FakeSwarm

OPTIONS = {"wait": False, "resolve_image": "never"}


def deployed(times=1):
    swarm = FakeSwarm()
    for number in range(times):
        state = desired([service("web", image=f"app:{number}")])
        deploy_stack(swarm, Clock(), state, {**OPTIONS, "keep_revisions": 100})
    return swarm


def scale(swarm, replicas, **options):
    wanted = {**OPTIONS, "service": "web", "state": "scaled", "replicas": replicas, **options}
    return change_service(swarm, Clock(), "shop", wanted)


def numbers(swarm):
    return [revision.number for revision in History(swarm, Clock(), "shop").read()]


def locks(swarm):
    return [config for config in swarm.objects["configs"].values() if LOCK in labels_of(config)]


def test_a_change_that_fails_forgets_no_revisions():
    """How many are kept was said by the deployments; a change of one service does not know."""
    swarm = deployed(15)
    before = numbers(swarm)
    assert len(before) == 15

    def refuse(method, path):
        if method == "POST" and path.startswith("/services/"):
            raise EngineError("no", "engine_error", status=400)

    swarm.before = refuse
    with pytest.raises(DeployError):
        scale(swarm, 3)
    swarm.before = lambda method, path: None
    assert numbers(swarm) == before


def heal(swarm):
    return stack_drift(
        swarm, Clock(), "shop", {**OPTIONS, "heal": True, "images": False, "rules": (), "fail_on_drift": True}
    )


@pytest.mark.parametrize("again", [lambda swarm: scale(swarm, 1), heal], ids=["service", "heal"])
def test_the_lock_of_a_run_that_died_goes_also_where_nothing_is_left_to_do(again):
    swarm = deployed()
    died = {"run": "r", "host": "elsewhere", "boot": "", "pid": 1, "started": "", "user": "", "who": "", "message": ""}
    Lock(swarm, Clock(), "shop", died, is_gone=lambda holder: False).acquire(10)
    assert len(locks(swarm)) == 1
    result = again(swarm)
    assert not result["changed"]
    assert locks(swarm) == []


@pytest.mark.parametrize("options", [{"defer": True}, {"check": True}], ids=str)
def test_a_look_waits_for_no_lock(options):
    swarm = deployed()
    Lock(swarm, Clock(), "shop", {"run": "r"}, is_gone=lambda holder: False).acquire(10)
    writes = list(swarm.writes)
    assert not scale(swarm, 1, **options)["changed"]
    assert swarm.writes == writes
