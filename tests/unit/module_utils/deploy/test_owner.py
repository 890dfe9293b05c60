"""Stacks with the same name in a Swarm: none changes another one's objects, whatever the request."""

import copy
import itertools
import json
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import (
    deploy_stack,
    remove_stack,
    stop_stack,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.trim import trimmed
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.store.swarm import SwarmStore
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import OWNER
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack, lock_name, revision_name
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import owner_of, recorded
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.cleanup import clean_cluster
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.preflight import NOTHING, check_cluster
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

sys.path.insert(0, str(Path(__file__).parent))
from fake_clock import Clock
from fake_swarm import FakeSwarm

FILE = """\
services:
  web: {image: "app:TAG", configs: [page], secrets: [key], volumes: ["data:/data"]}
  KEY: {image: "app:1"}
volumes: {data: {}}
configs: {page: {content: "page TAG"}}
secrets: {key: {environment: KEY}}
"""
OPTIONS = {"wait": False, "resolve_image": "never", "lock_timeout": 0.0}
CLEANUP = {
    **dict.fromkeys(("services", "networks", "configs", "secrets", "history", "volumes"), True),
    **dict.fromkeys(("images", "dangling", "ignore_residue", "values", "others"), False),
    "break_lock": True,
    "volume_names": [],
    "seen": (),
}
#: All of these have the name acme-dev-eu-shop in the Swarm.
TRIPLES = (
    Stack("shop", "acme-dev", "eu"),
    Stack("eu-shop", "acme", "dev"),
    Stack("shop", "acme", "dev-eu"),
    Stack("acme-dev-eu-shop"),
)


@lru_cache(maxsize=None)
def compiled(stack, tag="1", tracking=None, key="x_web"):
    platform = {} if tracking is None else {"tracking_labels": tracking}
    request = CompileRequest(
        [
            Source(
                "compose.yml",
                FILE.replace("TAG", tag).replace("KEY:", f"{key}:").replace("environment: key", "environment: KEY"),
            )
        ],
        name=stack.name,
        project=stack.project,
        environment=stack.environment,
        platform=platform,
        variables={"KEY": "x"},
    )
    return compile_stack(request, MemoryFiles({}))


def every_act(swarm, stack, tag, tracking, check):
    """The modules' actions on a stack, by name."""
    name, clock = stack.full_name, Clock()
    options = {**OPTIONS, "identity": stack.data, "check": check}
    return {
        "present": lambda: deploy_stack(swarm, clock, compiled(stack, tag, tracking), {**options, "identity": None}),
        "stopped": lambda: stop_stack(swarm, clock, name, options),
        "absent": lambda: remove_stack(swarm, clock, name, options),
        "rollback": lambda: roll_back(swarm, clock, name, options),
        "heal": lambda: stack_drift(
            swarm, clock, name, {**options, "heal": True, "rules": (), "images": False, "fail_on_drift": False}
        ),
        "service": lambda: change_service(
            swarm, clock, name, {**options, "service": "web", "state": "scaled", "replicas": 4}
        ),
        "cleanup": lambda: clean_cluster(swarm, clock, name, with_defaults({**options, **CLEANUP})),
    }


ACTS = ("present", "stopped", "absent", "rollback", "heal", "service", "cleanup")


def run(act):
    try:
        return act(), ""
    except StackwrightError as error:
        return error, error.error_code


@lru_cache(maxsize=None)
def deployed(stack, tracking):
    swarm = FakeSwarm()
    for tag in "12":
        deploy_stack(swarm, Clock(), compiled(stack, tag, tracking), OPTIONS)
    return swarm


@pytest.mark.slow
@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("tracking", [None, True, False])
def test_another_owner_is_a_conflict_that_names_both(act, tracking, check):
    for mine, other in itertools.permutations(TRIPLES, 2):
        swarm = copy.deepcopy(deployed(mine, tracking))
        before = copy.deepcopy(swarm.objects)
        swarm.writes.clear()
        error, code = run(every_act(swarm, other, "3", tracking, check)[act])
        assert code == "conflict", (mine, other, error)
        assert swarm.objects == before
        if not check:
            assert [path for _method, path in swarm.writes if "services" in path] == []
        for stack in (mine, other):
            assert owner_of(stack.data).shown in str(error)
        assert error.details["owner"]["id"] == mine.id


def everything(swarm):
    for kind, objects in swarm.objects.items():
        for key, obj in objects.items():
            yield kind, key, obj


class Watched(FakeSwarm):
    """Records which stack's run has created an object."""

    def __init__(self):
        super().__init__()
        self.made_by, self.running = {}, None

    def _create(self, kind, body):
        made = super()._create(kind, body)
        self.made_by[made["ID"]] = self.running
        return made


@pytest.mark.slow
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*TRIPLES, Stack("acme-dev-eu"), Stack("acme-dev-eu-shop_x"), Stack("shop")]),
            st.sampled_from(ACTS),
            st.sampled_from("12"),
            st.sampled_from([None, True, False]),
            st.booleans(),
        ),
        min_size=2,
        max_size=10,
    )
)
def test_no_two_stacks_touch_each_others_objects(walk):
    swarm = Watched()
    for stack, act, tag, tracking, check in walk:
        swarm.running = stack
        theirs = {key: copy.deepcopy(obj) for _kind, key, obj in everything(swarm) if swarm.made_by[key] != stack}
        run(every_act(swarm, stack, tag, tracking, check)[act])
        now = {key: obj for _kind, key, obj in everything(swarm)}
        for key, obj in theirs.items():
            assert key in now, (stack, act, obj)
            assert now[key] == obj, (stack, act)


def test_the_last_of_a_stack_frees_its_name():
    swarm, (one, two, *_rest) = FakeSwarm(), TRIPLES
    deploy_stack(swarm, Clock(), compiled(one), OPTIONS)
    remove_stack(swarm, Clock(), one.full_name, {**OPTIONS, "identity": one.data})
    # Its history, and perhaps its volumes, still exist.
    assert run(lambda: deploy_stack(swarm, Clock(), compiled(two), OPTIONS))[1] == "conflict"
    run(every_act(swarm, one, "1", None, False)["cleanup"])
    assert run(lambda: deploy_stack(swarm, Clock(), compiled(two), OPTIONS))[1] == ""


def test_what_docker_made_is_taken_over():
    swarm, (one, two, *_rest) = FakeSwarm(), TRIPLES
    deploy_stack(swarm, Clock(), compiled(one, tracking=False), OPTIONS)
    for config in list(swarm.objects["configs"].values()):
        if config["Spec"]["Name"].startswith("stackwright.rev"):
            del swarm.objects["configs"][config["ID"]]
    assert run(lambda: deploy_stack(swarm, Clock(), compiled(two, "2"), OPTIONS))[1] == ""


def test_a_first_deployment_that_died_has_said_whose_it_is():
    swarm, (one, two, *_rest) = FakeSwarm(), TRIPLES
    calls = []

    def die(method, path):
        calls.append((method, path))
        if path.startswith("/networks/create"):
            raise KeyboardInterrupt

    swarm.before = die
    with pytest.raises(KeyboardInterrupt):
        deploy_stack(swarm, Clock(), compiled(one, tracking=False), {**OPTIONS, "on_failure": "keep"})
    swarm.before = lambda method, path: None
    labels = [config["Spec"]["Labels"] for config in swarm.objects["configs"].values()]
    assert {label.get(OWNER) for label in labels} == {one.owner}
    for check in (True, False):
        assert run(every_act(swarm, two, "1", False, check)["present"])[1] == "conflict"
    assert run(every_act(swarm, one, "1", False, False)["present"])[1] == ""


def test_a_history_from_before_owners_were_recorded_says_whose_it_is():
    swarm, (one, two, *_rest) = FakeSwarm(), TRIPLES
    deploy_stack(swarm, Clock(), compiled(one, tracking=False), OPTIONS)
    for config in swarm.objects["configs"].values():
        config["Spec"]["Labels"].pop(OWNER, None)
    assert run(every_act(swarm, two, "2", False, False)["present"])[1] == "conflict"
    assert run(every_act(swarm, one, "2", False, False)["present"])[1] == ""


def test_who_waits_for_another_stacks_lock_is_told_at_once():
    swarm, (one, two, *_rest) = FakeSwarm(), TRIPLES
    labels = {"stackwright.lock": json.dumps({"run": "x"}), "stackwright.stack": one.full_name, OWNER: one.owner}
    swarm.add("configs", Name=lock_name(one.full_name), Labels=labels, Data="")
    before = copy.deepcopy(swarm.objects)
    # The label of the stack is missing: the comparison before the lock does not see it.
    error, code = run(lambda: deploy_stack(swarm, Clock(), compiled(two), {**OPTIONS, "lock_timeout": 60.0}))
    assert (code, swarm.objects) == ("conflict", before), error


def test_shortened_names_of_locks_and_revisions_that_meet():
    long = Stack("a" * 45)
    short = Stack(lock_name(long.full_name)[len("stackwright.lock.") :])
    assert revision_name(long.full_name, 1) == revision_name(short.full_name, 1)
    swarm = Watched()
    swarm.running = long
    deploy_stack(swarm, Clock(), compiled(long), OPTIONS)
    theirs = copy.deepcopy({key: obj for _kind, key, obj in everything(swarm)})
    swarm.running = short
    for act in ("heal", "rollback", "cleanup", "absent", "present", "present", "heal", "absent", "cleanup"):
        run(every_act(swarm, short, "2", None, False)[act])
        now = {key: obj for _kind, key, obj in everything(swarm)}
        assert {key: now.get(key) for key in theirs} == theirs, act


def test_values_of_two_stacks_are_never_shared():
    swarm, (one, two, *_rest) = FakeSwarm(), TRIPLES
    mine, theirs = SwarmStore(one.full_name, swarm), SwarmStore(two.full_name, swarm)
    mine.owner, theirs.owner = one.owner, two.owner
    kept, token = mine.read()
    mine.write(kept.added("stack/A", "x", "set", "m", "now"), token)
    assert mine.read()[0].current("stack/A").value == "x"
    error, code = run(theirs.read)
    assert code == "conflict"
    assert owner_of(one.data).shown in str(error)
    nobody = SwarmStore(two.full_name, swarm)
    assert nobody.read()[0].owner == one.owner


@pytest.mark.parametrize(
    "labels, owner",
    [
        ({}, None),
        ({"stackwright-managed": "true", "stackwright-stack": "production"}, None),
        ({"acme-managed": "true", "acme-stack": Stack("x", "a", "b").id}, Stack("x", "a", "b").id),
        ({"acme-stack": Stack("x", "a", "b").id}, None),
        ({OWNER: "a/b/x"}, Stack("x", "a", "b").id),
        ({OWNER: "damaged"}, None),
    ],
)
def test_what_records_an_owner(labels, owner):
    found = recorded(labels, "a-b-x")
    assert (found and found.id) == owner


def test_a_name_that_was_shortened_is_shown_by_its_id():
    stack = Stack("s" * 40, "p" * 20, "e" * 20)
    labels = {"x-managed": "true", "x-stack": stack.id, "x-project": stack.project, "x-environment": stack.environment}
    assert stack.id in recorded(labels, stack.full_name).shown
    assert stack.name in owner_of(stack.data).shown


def preflight(swarm, stack, desired=None):
    class Registryless(type(swarm)):
        def list(self, path, query=None, timeout=None):
            return [] if path in ("/nodes", "/tasks") else super().list(path, query, timeout)

    swarm.__class__ = Registryless
    options = {"resolve_image": "never", "with_registry_auth": False, "registry_auth": None}
    done = check_cluster(swarm, desired or NOTHING, options, stack.data)
    return [item for item in done["findings"] if item["code"] == "conflict"]


@pytest.mark.parametrize("files", [True, False], ids=["with files", "by its name"])
@pytest.mark.parametrize("tracking", [None, True, False])
def test_a_preflight_finds_that_the_name_is_another_stacks(tracking, files):
    for mine, other in itertools.permutations(TRIPLES, 2):
        for stack, count in ((other, 1), (mine, 0)):
            found = preflight(
                copy.deepcopy(deployed(mine, tracking)), stack, trimmed(compiled(stack, "3")) if files else None
            )
            assert [item["level"] for item in found] == ["error"] * count, (mine, stack, found)
            assert all(owner_of(s.data).shown in found[0]["message"] for s in (mine, other) if found)


def test_a_preflight_finds_the_history_of_another_stack_that_was_removed():
    swarm, (one, two, *_rest) = FakeSwarm(), TRIPLES
    deploy_stack(swarm, Clock(), compiled(one, tracking=False), OPTIONS)
    remove_stack(swarm, Clock(), one.full_name, {**OPTIONS, "identity": one.data})
    assert len(preflight(swarm, two, trimmed(compiled(two)))) == 1
    assert preflight(swarm, one, trimmed(compiled(one))) == []
    assert preflight(FakeSwarm(), two, trimmed(compiled(two))) == []
