"""Changes of membership by the product's own parts over a model of engines: as announced in check mode, quorum kept."""

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
    """``m1:M w1:w m3:-`` as roles by host."""
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
    """The steps, or the refusal's code and words."""
    try:
        return model.run(options=case.get("options"), **how, **roles(case["to"])).steps
    except StackwrightError as error:
        return {"code": error.error_code, "says": str(error)}


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
    """The controller, and the module that it has started, are gone."""


def moments(monkeypatch, start, wanted):
    """How many moments a run has: before and after each of its writes."""
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
