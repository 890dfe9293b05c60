"""Operations whose answers are lost: each is carried out exactly once, whatever the Engine answers."""

import copy
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import look_closer, observe
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.recompare import recomparer
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import reconcile
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of

sys.path.insert(0, str(Path(__file__).parent))
from builders import content, desired, reference, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = with_defaults({"resolve_image": "never"})
FAULTS = {
    "unreachable": EngineError("gone", "daemon_unreachable"),
    "an election": EngineError("no leader", "no_quorum", status=503),
    "silent": EngineError("no answer in time", "timeout"),
    "500": EngineError("something broke", "engine_error", status=500),
    "torn": EngineError("the answer is not valid JSON", "engine_error", status=201),
}


def before():
    web = service("web", Configs=[reference("Config", "page")], Secrets=[reference("Secret", "key")])
    old = service("old")
    return desired([web, old], [content("page", "one"), content("text", "t")], [content("key", "one")])


def after():
    web = service("web", "app:2", Configs=[reference("Config", "page")], Secrets=[reference("Secret", "key")])
    state = desired(
        [web, service("new")],
        [content("page", "two"), content("text", "t", Labels={"com.docker.stack.namespace": "shop", "team": "a"})],
        [content("key", "two")],
    )
    more = {**state["networks"][0]["spec"], "Name": "shop_more"}
    state["networks"].append({"key": "more", "name": "shop_more", "external": False, "spec": more})
    return state


def applying(swarm, state, keep=lambda: None):
    observed = look_closer(swarm, observe(swarm, "shop", state), state)
    bound = bind(state, observed)
    plan = reconcile(bound, observed, OPTIONS)
    made = Apply(swarm, Clock(), observed, recomparer(bound, observed, OPTIONS, {}), keep=keep)
    return made, plan.work()


def run(swarm, state):
    made, work = applying(swarm, state)
    made.run(work)
    return made


def specs(swarm):
    return {
        (kind, name_of(obj)): copy.deepcopy(obj.get("Spec") or {k: v for k, v in obj.items() if k != "Id"})
        for kind, objects in swarm.objects.items()
        for obj in objects.values()
    }


def without_ids(value):
    if isinstance(value, dict):
        hidden = ("ConfigID", "SecretID", "Target", "Data", "stackwright.content")
        return {k: without_ids(v) for k, v in value.items() if k not in hidden}
    return [without_ids(item) for item in value] if isinstance(value, list) else value


def start():
    swarm = FakeSwarm()
    run(swarm, before())
    swarm.writes.clear()
    return swarm


def test_each_write_may_fail_once_and_is_done_once():
    begun = start()
    plain = copy.deepcopy(begun)
    run(plain, after())
    wanted, writes = without_ids(specs(plain)), list(plain.writes)
    assert len(writes) == 7
    for error in FAULTS.values():
        for moment in ("before", "after"):
            for number in range(len(writes)):
                swarm = copy.deepcopy(begun)
                made, work = applying(swarm, after())
                count = [-1]

                def fail(method, path, count=count, number=number, error=error):
                    count[0] += method != "GET"
                    if method != "GET" and count[0] == number:
                        raise error

                setattr(swarm, moment, fail)
                made.run(work)
                assert without_ids(specs(swarm)) == wanted
                assert len(made.touched) == 2
                # An operation that the Engine has carried out is not sent again.
                assert len(swarm.writes) == len(writes)


def test_an_engine_that_stays_away_is_given_up_after_some_time():
    swarm = start()
    made, work = applying(swarm, after())

    def away(method, path):
        raise FAULTS["unreachable"]

    swarm.before = away
    with pytest.raises(DeployError) as failed:
        made.run(work)
    assert failed.value.error_code == "daemon_unreachable"
    assert 20 <= made.clock.now() < 25


def test_an_error_that_says_nothing_is_not_tried_for_long():
    swarm = start()
    made, work = applying(swarm, after())

    def broken(method, path):
        if method != "GET":
            raise FAULTS["500"]

    swarm.before = broken
    with pytest.raises(DeployError) as failed:
        made.run(work)
    assert failed.value.error_code == "engine_error"
    assert len(swarm.writes) == 0
    assert made.clock.now() < 2


def test_a_name_that_somebody_else_took_meanwhile_is_a_conflict():
    swarm = start()
    made, work = applying(swarm, after())
    swarm.add("networks", Name="shop_more", Driver="overlay", Labels={})
    with pytest.raises(DeployError) as failed:
        made.run(work)
    assert failed.value.error_code == "conflict"
    assert failed.value.details["outcome"]["failed"].startswith("create network shop_more")


def test_a_network_that_only_lingers_on_a_node_is_made_again_once_it_is_gone():
    swarm = start()
    more = after()["networks"][-1]["spec"]
    removed = swarm.add("networks", **more, Peers=[{"Name": "node", "IP": "10.0.0.1"}])
    made, work = applying(swarm, after())
    assert [str(op) for op in work if op.kind == "network"] == ["create network shop_more: new"]
    kept = []

    def keep():
        kept.append(made.clock.now())
        if made.clock.now() > 3:
            swarm.objects["networks"].pop(removed["Id"], None)

    made.keep = keep
    made.run(work)
    assert made.clock.now() > 3
    assert swarm.names("networks").count("shop_more") == 1
    assert made.ids["network", "shop_more"] != removed["Id"]
    assert "shop_new" in swarm.names("services")


def test_a_network_that_is_gone_when_one_looks_why_its_name_was_taken():
    swarm = start()
    removed = swarm.add("networks", **after()["networks"][-1]["spec"], Peers=[{"Name": "node", "IP": "10.0.0.1"}])
    made, work = applying(swarm, after())
    listed = made.client.list

    def late(path, *query):
        if path == "/networks":
            swarm.objects["networks"].pop(removed["Id"], None)
        return listed(path, *query)

    made.client.list = late
    made.run(work)
    assert swarm.names("networks").count("shop_more") == 1


def test_a_network_that_lingers_for_ever_is_given_up():
    swarm = start()
    swarm.add("networks", **after()["networks"][-1]["spec"], Peers=[{"Name": "node", "IP": "10.0.0.1"}])
    made, work = applying(swarm, after())
    with pytest.raises(DeployError) as failed:
        made.run(work)
    assert failed.value.error_code == "conflict"
    assert made.attempted == []


def test_the_lock_is_kept_before_each_write_and_its_loss_ends_the_run():
    swarm = start()
    turns = []

    def keep():
        turns.append(len(swarm.writes))
        if len(turns) == 4:
            raise DeployError("lost", "lock_lost", "hint")

    made, work = applying(swarm, after(), keep)
    with pytest.raises(DeployError) as failed:
        made.run(work)
    assert turns == [0, 1, 2, 3]
    assert (failed.value.error_code, failed.value.message) == ("lock_lost", "lost")
    assert len(failed.value.details["outcome"]["done"]) == 3


# -- newer versions without a change by others: a leader was killed, or Swarm wrote


def once(swarm, wanted, meddle):
    """Calls ``meddle(path)`` before the first write whose path has this end."""

    def before(method, path):
        if method != "GET" and path.endswith(wanted):
            swarm.before = lambda method, path: None
            meddle(path)

    swarm.before = before


def work_of_services(swarm, made, work):
    """The operations on services, after all others were carried out undisturbed."""
    meddle, swarm.before = swarm.before, lambda method, path: None
    made.run([op for op in work if op.kind != "service"])
    swarm.before = meddle
    return [op for op in work if op.kind == "service"]


@pytest.mark.parametrize("checked", [True, False], ids=["deployment", "one service"])
@pytest.mark.parametrize("kind", ["services", "configs"])
def test_a_version_that_swarm_itself_has_moved_on(kind, checked):
    swarm = start()
    made, work = applying(swarm, after())
    made.recompare = made.recompare if checked else None

    def move(path):
        swarm.objects[kind][path.split("/")[2]]["Version"]["Index"] = next(swarm.numbers)

    once(swarm, "/update", move)
    made.run([op for op in work if op.kind != "service"] if kind == "configs" else work_of_services(swarm, made, work))
    assert not [line for line in made.done if "failed" in line]
    versions = [obj["Version"]["Index"] for obj in swarm.objects[kind].values()]
    assert len(versions) == len(set(versions))


@pytest.mark.parametrize("behind", [1, 3, 8])
def test_a_new_leader_that_shows_its_objects_late(behind):
    """Our update was applied, its answer was lost, and for a while the Engine shows the state before."""
    swarm = start()
    made, work = applying(swarm, after())
    (web,) = [s for s in swarm.objects["services"].values() if name_of(s) == "shop_web"]
    old = copy.deepcopy(web)
    looks = []
    get = swarm.get

    def stale(path, query=None, **more):
        if path == f"/services/{web['ID']}" and web["Version"] != old["Version"]:
            looks.append(path)
            if len(looks) <= behind:
                return copy.deepcopy(old)
        return get(path, query, **more)

    def lose(method, path):
        if path.endswith(f"{web['ID']}/update"):
            swarm.after = lambda method, path: None
            raise FAULTS["an election"]

    swarm.get, swarm.after = stale, lose
    made.run(work)
    assert web["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "app:2"
    assert len(looks) > behind
    assert web["ID"] in made.touched


@pytest.mark.parametrize("kind", ["service", "network", "config", "secret"])
def test_a_new_leader_that_shows_late_what_was_created(kind):
    swarm = start()
    made, work = applying(swarm, after())
    created = [op for op in work if op.kind == kind and op.action == "create"][0].name
    hidden = []
    answered = swarm.list

    def stale(path, query=None, timeout=None):
        found = answered(path, query)
        if path == f"/{kind}s" and hidden and len(hidden) < 4:
            hidden.append(path)
            return [obj for obj in found if name_of(obj) != created]
        return found

    def lose(method, path):
        if path == f"/{kind}s/create" and created in swarm.names(f"{kind}s"):
            swarm.after = lambda method, path: None
            hidden.append(path)
            raise FAULTS["unreachable"]

    swarm.list, swarm.after = stale, lose
    made.run(work)
    assert len(hidden) == 4
    assert swarm.names(f"{kind}s").count(created) == 1


def test_a_label_of_a_config_that_somebody_else_changes_is_not_overwritten():
    swarm = start()
    made, work = applying(swarm, after())

    def change(path):
        config = swarm.objects["configs"][path.split("/")[2]]
        config["Spec"]["Labels"]["theirs"] = "yes"
        config["Version"]["Index"] = next(swarm.numbers)

    once(swarm, "/update", change)
    with pytest.raises(DeployError) as failed:
        made.run([op for op in work if op.kind == "config" and op.action == "update"])
    assert failed.value.error_code == "out_of_sequence"


def test_a_service_whose_version_moves_on_all_the_time_is_given_up():
    swarm = start()
    made, work = applying(swarm, after())

    def move(method, path):
        if path.endswith("/update"):
            obj = swarm.objects[path.split("/")[1]][path.split("/")[2]]
            obj["Version"]["Index"] = next(swarm.numbers)

    swarm.before = move
    with pytest.raises(DeployError, match="during every attempt") as failed:
        made.run([op for op in work if op.action == "update" and op.kind == "service"])
    assert failed.value.error_code == "out_of_sequence"
    assert len([1 for method, path in swarm.writes if path.endswith("/update")]) <= 6


# -- progress lines


def test_many_operations_of_one_kind_are_told_as_one():
    swarm, clock, lines = FakeSwarm(), Clock(), []
    swarm.after = lambda method, path: clock.sleep(0.5)

    def made(kind, number):
        name = f"{kind[0]}{number:03d}"
        return Operation(
            "create", kind, name, payload={"base": name, "spec": {"Name": name, "Labels": {}}, "data": "eA=="}
        )

    def network(number):
        return made("network", number)

    def config(number):
        return made("config", number)

    observed = {kind: [] for kind in ("services", "networks", "configs", "secrets")}
    applying = Apply(swarm, clock, {**observed, "key": None}, progress=lines.append)
    applying.run([*map(network, range(3)), *map(config, range(61))])
    assert lines == [
        *(str(network(number)) for number in range(3)),
        "create 61 configs: c000, c001, c002 and 58 more",
        "create configs: 20 of 61 done",
        "create configs: 40 of 61 done",
        "create configs: 60 of 61 done",
    ]
    assert len(applying.done) == 64, "the result has each"
    lines.clear()
    applying.run([config(number) for number in range(100, 120)])
    assert lines == [str(config(number)) for number in range(100, 120)], "twenty are not many"
