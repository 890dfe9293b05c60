import copy
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import (
    deploy_stack,
    remove_stack,
    stop_stack,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import stack_of

sys.path.insert(0, str(Path(__file__).parent))
from builders import any_state, content, desired, reference, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = {"wait": False, "resolve_image": "never"}


def deploy(swarm, state, **options):
    return deploy_stack(swarm, Clock(), state, {**OPTIONS, **options})


def crowd():
    """A Swarm with objects of others, with names like ours."""
    swarm = FakeSwarm()
    swarm.add("networks", Name="shop2_default", Driver="overlay", Labels={"com.docker.stack.namespace": "shop2"})
    swarm.add("configs", Name="shop_config_of_nobody", Labels={}, Data="eA==")
    swarm.add("secrets", Name="shop2_key", Labels={"com.docker.stack.namespace": "shop2"}, Data="eA==")
    other = service("web")["spec"]
    other.update(Name="shop2_web", Labels={"com.docker.stack.namespace": "shop2"})
    other["TaskTemplate"]["Networks"] = [{"Target": "shop2_default"}]
    swarm.add("services", **other)
    return swarm


def snapshot(swarm, ids=None):
    """Copies of the objects by id, or of those in ``ids``."""
    every = {key: obj for objects in swarm.objects.values() for key, obj in objects.items()}
    return copy.deepcopy({key: obj for key, obj in every.items() if ids is None or key in ids})


@pytest.mark.slow
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(any_state(), min_size=1, max_size=4))
def test_any_walk_of_states_settles_announces_what_it_does_and_touches_nobody_else(walk):
    swarm = crowd()
    theirs = snapshot(swarm)
    for state in walk:
        before = copy.deepcopy(swarm.objects)
        announced = deploy(swarm, state, check=True)
        assert swarm.objects == before
        done = deploy(swarm, state)
        assert done["plan"] == announced["plan"]
        again = deploy(swarm, state)
        assert (again["changed"], again["plan"]) == (False, [])
        assert snapshot(swarm, theirs) == theirs
        for entry in state["services"]:
            assert entry["name"] in swarm.names("services")
    removed = remove_stack(swarm, Clock(), "shop", OPTIONS)
    assert removed["changed"] == any(op["name"].startswith("shop_") for op in removed["plan"])
    assert [obj for obj in snapshot(swarm).values() if stack_of(obj) == "shop"] == []
    assert snapshot(swarm, theirs) == theirs


@pytest.mark.slow
@settings(max_examples=30, deadline=None, database=None)
@given(any_state(), st.randoms(use_true_random=False))
def test_the_order_of_what_the_engine_lists_means_nothing(state, random):
    swarm = crowd()
    deploy(swarm, state)
    changed = copy.deepcopy(state)
    for entry in changed["services"]:
        entry["spec"]["Labels"]["new"] = "label"
    first = deploy(swarm, changed, check=True)
    for kind, objects in swarm.objects.items():
        items = list(objects.items())
        random.shuffle(items)
        swarm.objects[kind] = dict(items)
    assert deploy(swarm, changed, check=True)["plan"] == first["plan"]


def test_a_run_without_changes_takes_at_most_six_calls_however_many_services():
    for count in (1, 50):
        swarm = FakeSwarm()
        state = desired(
            [service(f"s{number:02d}", Secrets=[reference("Secret", "key")]) for number in range(count)],
            [content("conf", "one")],
            [content("key", "two")],
        )
        deploy(swarm, state)
        swarm.calls = 0
        assert deploy(swarm, state)["calls"] == 6


def test_neither_name_nor_label_of_a_secret_can_be_guessed_from_its_content():
    marks = []
    for _cluster in range(2):
        swarm = FakeSwarm()
        for text in ("guess me", "guess me too"):
            web = service("web", Secrets=[reference("Secret", "key")])
            deploy(swarm, desired([web], secrets=[content("key", text)]))
        assert len(swarm.names("secrets")) == 2
        marks += [obj["Spec"]["Labels"]["stackwright.content"] for obj in swarm.objects["secrets"].values()]
        marks.append(swarm.names("secrets")[1])
    assert len(set(marks)) == 6, "two clusters give one content the same label or name"


def test_a_secrets_value_is_in_no_result():
    swarm = FakeSwarm()
    state = desired([service("web", Secrets=[reference("Secret", "key")])], secrets=[content("key", "hunter2hunter2")])
    results = [deploy(swarm, state, check=True), deploy(swarm, state), deploy(swarm, state)]
    data = state["secrets"][0]["data"]
    assert "hunter2" not in str(results)
    assert data not in str(results)


def test_deferring_does_nothing_where_there_is_work():
    swarm = FakeSwarm()
    state = desired([service("web")])
    looked = deploy(swarm, state, defer=True)
    assert (looked["changed"], looked["deferred"], looked["cluster_id"], swarm.writes) == (True, True, "cluster", [])
    deploy(swarm, state)
    assert deploy(swarm, state, defer=True)["deferred"] is False


def test_a_service_that_only_moved_on_is_updated_at_its_new_version():
    swarm = FakeSwarm()
    deploy(swarm, desired([service("web")]))
    (web,) = swarm.objects["services"].values()

    def meddle(method, path):
        if path.endswith("/update") and not swarm.writes[-1][1].endswith("/update"):
            web["Version"]["Index"] = next(swarm.numbers)
            swarm.before = lambda method, path: None

    swarm.before = meddle
    deploy(swarm, desired([service("web", "app:2")]))
    assert web["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "app:2"


def test_a_service_that_somebody_else_changed_is_not_overwritten_unseen():
    swarm = FakeSwarm()
    deploy(swarm, desired([service("web")]))
    (web,) = swarm.objects["services"].values()

    def meddle(method, path):
        if path.endswith("/update"):
            web["Version"]["Index"] = next(swarm.numbers)
            web["Spec"]["Labels"]["by"] = "hand"

    swarm.before = meddle
    with pytest.raises(DeployError) as failed:
        deploy(swarm, desired([service("web", "app:2")]))
    assert failed.value.error_code == "out_of_sequence"
    assert web["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "app:1"


@pytest.mark.parametrize("times, rollback", [(0, "done"), (2, "done"), (3, "failed")])
def test_a_rollback_has_three_rounds_against_another_client(times, rollback):
    swarm = FakeSwarm()
    deploy(swarm, desired([service("api"), service("web")]))
    ids = {obj["Spec"]["Name"]: key for key, obj in swarm.objects["services"].items()}
    api = swarm.objects["services"][ids["shop_api"]]
    updates = []

    def refuse(method, path):
        if path == f"/services/{ids['shop_web']}/update":
            raise EngineError("invalid", "invalid_spec", status=400)

    def meddle(method, path):
        if path == f"/services/{ids['shop_api']}/update":
            updates.append(path)
            if 1 < len(updates) <= 1 + times:
                api["Version"]["Index"] = next(swarm.numbers)
                api["Spec"]["Labels"]["by"] = "hand"

    swarm.before, swarm.after = refuse, meddle
    with pytest.raises(DeployError) as failed:
        deploy(swarm, desired([service("api", "app:2"), service("web", "app:2")]))
    assert failed.value.details["outcome"]["rollback"] == rollback, failed.value
    assert ("by" in api["Spec"]["Labels"]) == (rollback == "failed")


def test_stopping_and_starting_brings_back_the_count():
    swarm = FakeSwarm()
    state = desired([service("web", replicas=3)])
    deploy(swarm, state)
    stop_stack(swarm, Clock(), "shop", OPTIONS)
    (web,) = swarm.objects["services"].values()
    assert web["Spec"]["Mode"] == {"Replicated": {"Replicas": 0}}
    assert web["Spec"]["Labels"]["stackwright-replicas-before-stop"] == "3"
    assert not stop_stack(swarm, Clock(), "shop", OPTIONS)["changed"]
    del state["services"][0]["spec"]["Mode"]["Replicated"]["Replicas"]
    deploy(swarm, state)
    assert web["Spec"]["Mode"] == {"Replicated": {"Replicas": 3}}
    assert not deploy(swarm, state)["changed"]


def test_a_network_that_is_released_late_is_waited_for():
    swarm = FakeSwarm()
    deploy(swarm, desired([service("web")]))
    clock, tries = Clock(), []

    def busy(method, path):
        if method == "DELETE" and path.startswith("/networks/"):
            tries.append(clock.now())
            if len(tries) < 4:
                raise EngineError("network shop_default is in use by task x", "engine_error", status=500)

    swarm.before = busy
    remove_stack(swarm, clock, "shop", OPTIONS)
    assert len(tries) == 4
    assert swarm.names("networks") == []
    assert clock.now() < 2


def test_a_mask_hides_values_in_plan_and_diff():
    swarm = FakeSwarm()
    deploy(swarm, desired([service("web", Env=["TOKEN=old-token", "A=1"])]))

    def mask(kind, key, path, value):
        return "(hidden)" if path.endswith("Env.TOKEN") else value

    done = deploy(swarm, desired([service("web", Env=["TOKEN=new-token", "A=2"])]), mask=mask)
    assert "old-token" not in str(done)
    assert "new-token" not in str(done)
    assert "(hidden)" in done["diff"]["before"]
    assert "A: 1" in done["diff"]["before"]


def asleep(key):
    return service(key, replicas=0)


def test_services_are_made_wave_by_wave_and_each_wave_runs_before_the_next():
    swarm = FakeSwarm()
    state = desired([asleep("api"), asleep("db"), asleep("web")])
    state["waves"] = [["web"], ["db"], ["api"]]
    calls = []
    swarm.before = lambda method, path: calls.append((method, path))
    done = deploy(swarm, state, wait=True)
    assert [op["key"] for op in done["plan"] if op["kind"] == "service"] == ["web", "db", "api"]
    creates = [number for number, call in enumerate(calls) if call == ("POST", "/services/create")]
    looks = [number for number, call in enumerate(calls) if call == ("GET", "/tasks")]
    assert any(creates[0] < look < creates[1] for look in looks)
    assert any(creates[1] < look < creates[2] for look in looks)


@pytest.mark.parametrize(
    ("parallel", "mode", "parts"),
    [(0, "safe", [5]), (2, "safe", [2, 2, 1]), (1, "safe", [1] * 5), (9, "safe", [5]), (2, "fast", [5])],
)
def test_so_many_services_of_a_wave_change_at_once(parallel, mode, parts):
    swarm, calls = FakeSwarm(), []
    state = desired([asleep(key) for key in "abcde"])
    swarm.before = lambda method, path: calls.append((method, path))
    deploy(swarm, state, wait=True, parallel=parallel, mode=mode)
    words = {("POST", "/services/create"): "c", ("GET", "/tasks"): " "}
    creates = "".join(words.get(call, "") for call in calls).split()
    assert [len(part) for part in creates] == parts


def test_an_engine_that_is_away_for_a_moment_does_not_end_the_wait():
    swarm, clock = FakeSwarm(), Clock()
    failures = iter([EngineError("no leader", "no_quorum")] * 5)

    def away(method, path):
        if path == "/tasks":
            for error in failures:
                raise error

    swarm.before = away
    done = deploy_stack(swarm, clock, desired([asleep("web")]), {**OPTIONS, "wait": True})
    assert done["status"] == "asleep"
    assert 2 <= clock.now() < 10


def test_an_engine_that_stays_away_ends_the_wait_with_the_outcome():
    swarm, clock = FakeSwarm(), Clock()

    def away(method, path):
        if path == "/tasks" and clock.now() < 22:
            raise EngineError("no leader", "no_quorum")

    swarm.before = away
    with pytest.raises(DeployError) as failed:
        deploy_stack(swarm, clock, desired([asleep("web")]), {**OPTIONS, "wait": True})
    assert failed.value.error_code == "no_quorum"
    outcome = failed.value.details["outcome"]
    assert (len(outcome["done"]), outcome["rollback"], len(outcome["restored"])) == (2, "done", 2)
    assert swarm.names("services") == []
    assert 20 <= clock.now() < 30


def test_an_approved_plan_that_somebody_else_carries_out_is_waited_for():
    swarm, state = FakeSwarm(), desired([asleep("web")])
    approved = deploy(swarm, state, check=True)["plan_id"]
    refused = []

    def second(method, path):
        if (method, path) == ("POST", "/services/create"):
            swarm.before = lambda method, path: None
            with pytest.raises(DeployError) as failed:
                deploy(swarm, state, plan_id=approved, lock_timeout=1)
            refused.append(failed.value.error_code)

    swarm.before = second
    assert deploy(swarm, state, plan_id=approved)["changed"]
    assert refused == ["locked"]
    assert not deploy(swarm, state, plan_id=approved)["changed"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (None, []),
        (
            EngineError("unauthorized", "registry_auth", status=401),
            [
                "the registry r.example no longer accepts these credentials; tasks that move to another node will not "
                "start"
            ],
        ),
        (
            EngineError("dial tcp: no such host", status=500),
            ["the registry r.example does not answer, so the credentials could not be checked"],
        ),
    ],
)
def test_credentials_that_are_sent_are_tried_once_a_run_with_changes(error, told):
    swarm = FakeSwarm()
    asked = []
    post = swarm.post

    def login(path, query=None, body=None, headers=None, timeout=None):
        if path != "/auth":
            return post(path, query, body, headers, timeout)
        asked.append(body["username"])
        if error is not None:
            raise error
        return {}

    swarm.post = login
    given = {"registry_auth": [{"registry": "r.example", "username": "ann", "password": "hunter2"}]}
    state = desired([service("web", "r.example/app:1"), service("db", "r.example/db:1")])
    assert deploy(swarm, state, check=True, **given)["notices"] == told and asked == ["ann"]
    done = deploy(swarm, state, **given)
    assert done["notices"] == told and "hunter2" not in str(done)
    assert asked == ["ann"] * 2, "once, though it looks twice"
    deploy(swarm, state, **given)
    assert asked == ["ann"] * 2, "nothing is sent"
