"""A run is killed at each of its calls, before and after; then it is run again unchanged, then healed: what it wanted
stays, nothing is drift, and the history says that it is healthy."""

import copy
import functools
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, stop_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import service
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
import builders
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS
from test_after_a_run_that_died import Died, dead, gone
from test_jobs_on_the_way_back import JOBS
from test_what_is_left_open import locks

DRIFT = {"rules": [], "images": False, "heal": False, "fail_on_drift": False, "prune": False}


def state(number):
    """Two services, a job, a config and a secret; version 2 has another service, and no longer ``old``."""
    web = builders.service(
        "web",
        Env=[f"V={number}"],
        Configs=[builders.reference("Config", "page")],
        Secrets=[builders.reference("Secret", "key")],
    )
    job = builders.service("migrate", Env=[f"V={number}"])
    job["spec"]["Mode"] = JOBS["replicated"]
    made = [web, job, builders.service("db"), builders.service("old" if number == 1 else "new")]
    contents = [builders.content("page", f"page {number}")], [builders.content("key", f"secret {number}")]
    return builders.desired(made, *contents)


class Run:
    """A kind of run to kill, on a stack with two revisions."""

    def __init__(self, name, act, wanted, prepare=lambda swarm: None):
        self.name, self.act, self.wanted, self.prepare = name, act, wanted, prepare

    def __str__(self):
        return self.name


def deployed(number):
    return lambda swarm, **options: deploy_stack(swarm, Clock(), state(number), {**OPTIONS, **options})


def back(swarm, **options):
    return roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 1, **options})


def heal(swarm, **options):
    return stack_drift(swarm, Clock(), "shop", {**OPTIONS, **DRIFT, "heal": True, **options})


def scale(swarm, **options):
    given = {**OPTIONS, "state": "scaled", "service": "web", "replicas": 3, "prefix": "stackwright", **options}
    return service.change_service(swarm, Clock(), "shop", given)


def stop(swarm, **options):
    return stop_stack(swarm, Clock(), "shop", {**OPTIONS, "prefix": "stackwright", **options})


def by_hand(swarm):
    for live in swarm.objects["services"].values():
        if live["Spec"]["Name"] in ("shop_web", "shop_db"):
            live["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=hand"]


def versions(swarm):
    found = {}
    for live in swarm.objects["services"].values():
        env = live["Spec"]["TaskTemplate"]["ContainerSpec"].get("Env") or [""]
        replicas = (live["Spec"]["Mode"].get("Replicated") or {}).get("Replicas")
        found[live["Spec"]["Name"][5:]] = (env[0], replicas)
    return found


V2 = {"web": ("V=2", 1), "migrate": ("V=2", None), "db": ("", 1), "new": ("", 1)}
V3 = {**V2, "web": ("V=3", 1), "migrate": ("V=3", None)}
BACK = {"web": ("V=1", 1), "migrate": ("V=2", None), "db": ("", 1), "old": ("", 1)}
RUNS = [
    Run("deploy", deployed(3), V3),
    Run("rollback", back, BACK),
    Run("heal", heal, V2, by_hand),
    Run("scale", scale, {**V2, "web": ("V=2", 3)}),
    Run("stop", stop, {name: (env, replicas and 0) for name, (env, replicas) in V2.items()}),
]
#: Whether the next run sees that the process has ended, or must wait until the lock expires, on another manager.
NEXT = {"on the same manager": {"is_gone": gone}, "on another manager": {"lock_timeout": 60}}


def prepared(run):
    return copy.deepcopy(_prepared(run))


@functools.lru_cache
def _prepared(run):
    swarm = FakeSwarm()
    swarm.completed.add("shop_migrate")
    for number in (1, 2):
        deployed(number)(swarm)
    run.prepare(swarm)
    return swarm


def killed(swarm, run, at, after):
    """Runs it, and kills it at its call ``at``; returns whether it made that call."""
    calls = [0]

    def die(method, path):
        raise Died

    def note(method, path):
        calls[0] += 1
        if calls[0] == at and not after:
            swarm.before = die
            raise Died
        if calls[0] == at:
            swarm.before, swarm.after = die_later, die

    def die_later(method, path):
        raise Died

    swarm.before = note
    try:
        run.act(swarm, this_run=dead)
    except Died:
        return True
    finally:
        swarm.before = swarm.after = lambda method, path: None
    return False


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("where", NEXT)
@pytest.mark.parametrize("run", RUNS, ids=str)
def test_run_again_then_healed(run, where, after):
    at = 0
    while True:
        at += 1
        swarm = prepared(run)
        if not killed(swarm, run, at, after):
            break
        what = f"{run} killed at its call {at}"
        run.act(swarm, **NEXT[where])
        assert versions(swarm) == run.wanted, what
        assert locks(swarm) == [], what
        seen = heal(swarm)
        assert (seen["drift_lines"], seen["changed"]) == ([], False), what
        assert versions(swarm) == run.wanted, what
        # A run that only waited for the lock, and found no changes, is CANCELLED.
        worked = [revision for revision in History(swarm, Clock(), "shop").read() if revision.started]
        assert worked[0].status == "HEALTHY", what
    assert at > 10
    assert versions(swarm) == run.wanted


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("run", RUNS, ids=str)
def test_healed_at_once_undoes_nothing_that_a_user_wanted(run, after):
    """Healing comes first, on another manager: it may do nothing, or complete the change."""
    at = 0
    while True:
        at += 1
        swarm = prepared(run)
        if not killed(swarm, run, at, after):
            break
        what = f"{run} killed at its call {at}"
        left = versions(swarm)
        seen = heal(swarm, lock_timeout=60)
        if run.name == "stop":  # a stack that is stopped in part is stopped as a whole
            assert versions(swarm) in (left, run.wanted), what
        elif run.name != "heal":
            assert versions(swarm) == left and not seen["changed"], what
        assert "held" not in locks(swarm), what
        run.act(swarm)
        assert versions(swarm) == run.wanted and locks(swarm) == [], what
        assert heal(swarm)["drift_lines"] == [], what
