"""Every story of the modules against an Engine whose answers are spoilt: it ends, well or with an error of ours."""

from __future__ import annotations

import copy
import json
import random

import pytest
from answers import DESIRED, KINDS, Clock, Engine
from fuzzing import hunt

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy import transaction
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.info import logs, status
from ansible_collections.stackwright.swarm.plugins.module_utils.info import stack_info as inventory
from ansible_collections.stackwright.swarm.plugins.module_utils.info import swarm_info as overview
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import wanted_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import (
    cleanup,
    drift,
    node_cleanup,
    preflight,
    rollback,
    service,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import node_preflight as preflight_host

STACK = "shop"
OPTIONS = {
    "timeout": 5.0,
    "lock_timeout": 5.0,
    "stable_for": 0.5,
    "pending_for": 3.0,
    "poll_interval": 0.5,
    "this_run": lambda operation, message, since, who: {"run": "mine", "operation": operation, "since": since},
    "is_gone": is_gone,
    "resolve_image": "always",
}
CLEAN = dict.fromkeys(("services", "networks", "configs", "secrets", "history", "values", "volumes", "images"), True)
CLEAN.update(
    seen=(), others=False, volume_names=[], dangling=False, break_lock=False, ignore_residue=False, values_path=None
)
PREFLIGHT = {"resolve_image": "always", "with_registry_auth": False, "registry_auth": []}


def changed():
    """The recorded desired state, with something to do."""
    state = copy.deepcopy(DESIRED)
    state["services"][0]["spec"]["Labels"]["new"] = "label"
    state["services"][-1]["spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["MARK=three"]
    return state


def options(**more):
    return with_defaults({**OPTIONS, **more})


def clean_up(client, clock, **more):
    given = options(**{**CLEAN, **more})
    done = cleanup.clean_cluster(client, clock, STACK, given)
    return [done, node_cleanup.clean_node(client, clock, STACK, given, done["facts"], lambda: "")]


def look_before(client, clock):
    own = preflight_host.check_host(client, clock, {"min_free_mib": 1, "warn_free_mib": 2}, True)
    done = preflight.check_cluster(client, changed(), PREFLIGHT)
    return [
        own,
        done,
        preflight_host.check_node(
            client,
            "m1",
            done["facts"].get(own["node_id"]) or {"binds": [], "ports": []},
            wanted_volumes(changed()),
        ),
    ]


def page(client):
    sections = ["cluster", "nodes", "stacks", "services", "tasks", "networks", "configs", "secrets"]
    return overview.swarm_info(client, sections, {}, overview.Page(None, 0), True)


DRIFT = {"rules": (), "heal": False, "prune": False, "images": True, "fail_on_drift": False, "values": {}}
ONE = {"service": "web", "replicas": None, "started_before": None}
STORIES = {
    "deploy": lambda c, k: transaction.deploy_stack(c, k, changed(), options(wait=False)),
    "deploy and wait": lambda c, k: transaction.deploy_stack(c, k, changed(), options()),
    "deploy in check mode": lambda c, k: transaction.deploy_stack(
        c, k, changed(), options(check=True, on_drift="warn")
    ),
    "deploy without changes": lambda c, k: transaction.deploy_stack(c, k, copy.deepcopy(DESIRED), options(wait=False)),
    "stop": lambda c, k: transaction.stop_stack(c, k, STACK, options(wait=False)),
    "remove": lambda c, k: transaction.remove_stack(c, k, STACK, options()),
    "roll back": lambda c, k: rollback.roll_back(c, k, STACK, options(to=1, wait=False, values={})),
    "drift": lambda c, k: drift.stack_drift(c, k, STACK, options(**DRIFT)),
    "heal": lambda c, k: drift.stack_drift(c, k, STACK, options(**{**DRIFT, "heal": True}, wait=False)),
    "scale": lambda c, k: service.change_service(c, k, STACK, options(**{**ONE, "replicas": 2}, state="scaled")),
    "restart": lambda c, k: service.change_service(c, k, STACK, options(**ONE, state="restarted")),
    "roll one back": lambda c, k: service.change_service(c, k, STACK, options(**ONE, state="rolled_back")),
    "health": lambda c, k: status.stack_status(c, k, STACK, options(wait=False)),
    "health and wait": lambda c, k: status.stack_status(c, k, STACK, options(wait=True)),
    "stack info": lambda c, k: inventory.stack_info(c, STACK, True),
    "all stacks": lambda c, k: inventory.stack_info(c, None, True),
    "swarm info": lambda c, k: page(c),
    "logs": lambda c, k: logs.stack_logs(c, k, STACK, logs.Wanted()),
    "clean up": lambda c, k: clean_up(c, k),
    "clean up what dangles": lambda c, k: clean_up(c, k, dangling=True),
    "clean up and break the lock": lambda c, k: clean_up(c, k, break_lock=True),
    "preflight": look_before,
}
ANSWERS = (*KINDS, "tasks", "nodes", "info", "swarm", "containers", "images", "volumes", "distribution")


def make(chance: random.Random):
    """Which story, the seed of the spoiling, what is spoilt, how, and after how many calls."""
    story = chance.choice(sorted(STORIES))
    spoilt = tuple(sorted(set(chance.choices(ANSWERS, k=chance.choice((1, 1, 1, 2, 4))))))
    how = chance.choices(("part", "body", "bytes", "torn"), (75, 12, 10, 3))[0]
    return story, chance.randrange(10**9), spoilt, how, chance.choice((0, 0, 0, 3, 8, 15))


def door(case):
    story, seed, spoilt, how, late = case
    tell(story, Engine(seed, spoilt, how, late))


def tell(story, engine):
    """Tells a story; what it gives can be written as JSON and printed."""
    client = EngineClient(Connection("unix:///nowhere"), engine)
    try:
        result = STORIES[story](client, Clock())
    except StackwrightError as error:
        assert error.error_code != "error"
        result = [str(error), error.details]
    json.dumps(result, default=str, allow_nan=False).encode("utf-8")
    json.dumps(result, default=str, ensure_ascii=False).encode("utf-8")
    return result


@pytest.mark.parametrize("story", sorted(STORIES))
def test_an_engine_in_good_order(story):
    """The stories come to their ends: what spoils them is the spoiling."""
    engine = Engine()
    result = tell(story, engine)
    assert engine.count >= 2
    assert isinstance(result, (dict, list)), result
    failed = result[0] if isinstance(result, list) and isinstance(result[0], str) else ""
    assert failed == "" or "not become healthy" in failed or "stop within" in failed or "end within" in failed, failed


def test_spoilt_answers():
    hunt(make, door, few=150, full=2000)
