"""Changes of membership by the product's own parts on a model of Engines: as in check mode, and with quorum."""

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent)]

from engines import Model

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

CASES = yaml.safe_load((Path(__file__).parent / "changes.yml").read_text())
NAMES = ("m1", "m2", "m3", "m4", "m5", "w1", "w2", "w3")
ROLES = {"M": "manager", "w": "worker", "-": "absent"}


def roles(text):
    """Parses ``m1:M w1:w m3:-`` to roles by host."""
    return {name: ROLES[role] for name, role in (part.split(":") for part in text.split())}


def members(wanted):
    return {name: role for name, role in wanted.items() if role != "absent"}


def begun(monkeypatch, case):
    model = Model(monkeypatch, *NAMES)
    if case.get("from"):
        model.run(**roles(case["from"]))
    for name in case.get("down", "").split():
        model.engines.stop(name)
        model.answers[name] = {"unreachable": True, "msg": "no route to host"}
    for name in case.get("left", "").split():  # by hand, without telling the managers
        model.engines.client(name).post("/swarm/leave", {"force": True})
    model.engines.tick(30.0 if case.get("from") else 0.0)
    return model


def checked(model, case, **how):
    """Returns the steps, or the error's code and message."""
    try:
        return model.run(options=case.get("options"), **how, **roles(case["to"])).steps
    except StackwrightError as error:
        return {"code": error.error_code, "says": str(error)}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_change_is_as_announced(name, monkeypatch):
    case = CASES[name]
    model = begun(monkeypatch, case)
    before = model.engines.writes
    planned = checked(model, case, check=True)
    assert model.engines.writes == before, "check mode changes nothing"
    done = checked(model, case)
    if "error" in case:
        assert model.engines.writes == before, "a refusal comes before the first change"
        for told in (planned, done):
            assert told["code"] == case["error"]
            assert case["says"] in told["says"]
        return
    assert planned == done == case["steps"]
    if case.get("ends"):
        assert not any(engine.node for engine in model.engines.nodes.values())
        return
    assert not [swarm.lost for swarm in model.engines.swarms if swarm.lost], "quorum was lost"
    down = {n: r for n, r in roles(case.get("from", "")).items() if n in case.get("down", "").split()}
    gone = (case.get("options") or {}).get("remove", [])
    assert model.live() == members({**{n: r for n, r in down.items() if n not in gone}, **roles(case["to"])})
    assert checked(model, case if not gone else {**case, "options": {}}) == []


def test_the_matrix_is_whole():
    kinds = {"add", "remove", "promote", "demote", "replace"}
    assert len(CASES) >= 40
    assert {name.split(",")[0] for name in CASES} == kinds
    for kind in kinds:
        own = {name: case for name, case in CASES.items() if name.startswith(kind)}
        assert any("error" in case for case in own.values()), kind
        assert any("leader" in name for name in own), kind


class Killed(BaseException):
    """The controller and its module were killed."""


def moments(monkeypatch, start, wanted):
    """Returns the number of moments in a run: before and after each of its writes."""
    model = begun(monkeypatch, {"from": start})
    seen = []
    model.engines.write = seen.append
    model.run(**roles(wanted))
    return len(seen)


RUNS = {
    "creation": ("", "m1:M m2:M m3:M w1:w w2:w w3:w"),
    "replacement": ("m1:M m2:M m3:M w1:w w2:w w3:w", "m1:- m2:M m3:M m4:M w1:w w2:w w3:-"),
    "roles": ("m1:M m2:M m3:M w1:w w2:w", "m1:w m2:w m3:M w1:M w2:M"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNS)
def test_a_run_that_is_killed_at_any_write_is_completed_by_the_next(kind, monkeypatch):
    start, wanted = RUNS[kind]
    count = moments(monkeypatch, start, wanted)
    assert count >= 24
    for moment in range(count):
        model = begun(monkeypatch, {"from": start})
        left = [moment]

        def write(when, left=left):
            if not left[0]:
                raise Killed(when)
            left[0] -= 1

        model.engines.write = write
        with pytest.raises(Killed):
            model.run(**roles(wanted))
        model.engines.write = lambda when: None
        model.run(**roles(wanted))
        assert model.live() == members(roles(wanted)), moment
        assert len(model.engines.swarms) == 1, "a second cluster"
        assert not model.engines.swarms[0].lost, "quorum was lost"
        assert model.run(**roles(wanted)).steps == []


def refused(model, wanted, **how):
    """Returns the error, and checks that it changes nothing, with and without check mode."""
    found = []
    for check in (True, False):
        before = model.engines.writes
        with pytest.raises(StackwrightError) as caught:
            model.run(check=check, **how, **roles(wanted))
        assert model.engines.writes == before
        found.append((caught.value.error_code, str(caught.value)))
    assert found[0] == found[1]
    return found[0]


def test_two_swarms_in_one_play_are_named(monkeypatch):
    model = begun(monkeypatch, {})
    model.run(m1="manager", w1="worker")
    model.run(m2="manager", w2="worker")
    for wanted in ("m1:M m2:M", "m1:M w2:w", "w1:w m2:M", "m1:M m2:-"):
        code, says = refused(model, wanted)
        assert code == "two_clusters"
        assert "swarm1 has" in says and "swarm2 has" in says
    code, says = refused(model, "w3:w m1:M m3:M w1:w w2:w")
    assert code == "two_clusters", "a worker's own certificate names its Swarm"


@pytest.mark.parametrize("member", [True, False])
def test_managers_that_can_not_be_reached(monkeypatch, member):
    """It is unknown whether there is a Swarm, so none is created, and no host joins."""
    model = begun(monkeypatch, {"from": "m1:M w1:w" if member else ""})
    for name in ("m1", "m2"):
        model.answers[name] = {"unreachable": True, "msg": "no route to host"}
    code, says = refused(model, "m1:M m2:M m3:M w1:w")
    assert code == ("no_manager" if member else "host_unreachable")
    known = "w1: state active, no manager; m1: no route to host; m2: no route to host"
    assert (known if member else "These hosts may be in one: m1 (no route to host); m2 (no route to host)") in says
    code, says = refused(model, "m3:M w3:w", helpers=("m1",))
    assert (code, "m1 (no route to host)" in says) == ("host_unreachable", True)


@pytest.mark.parametrize(
    ("token", "there", "code"),
    [
        ("SWMTKN-1-swarm1-nobody", "10.0.0.1:2377", "wrong_token"),
        ("SWMTKN-1-swarm2-worker", "10.0.0.1:2377", "wrong_token"),
        ("SWMTKN-1-swarm1-worker", "10.0.0.99:2377", "managers_unreachable"),
        ("SWMTKN-1-swarm1-worker", "10.0.0.2:2377", "managers_unreachable"),
    ],
)
def test_a_join_elsewhere_that_fails_leaves_the_host_alone(monkeypatch, token, there, code):
    model = begun(monkeypatch, {"from": "m1:M"})
    with pytest.raises(StackwrightError) as caught:
        model.run(options={"join_addrs": [there], "join_token": token}, w1="worker")
    assert caught.value.error_code == code
    assert token not in str(caught.value)
    assert model.live() == {"m1": "manager"}
