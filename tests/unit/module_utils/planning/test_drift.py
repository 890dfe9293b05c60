"""Golden cases: tests/unit/cases/drift/CASE/{intended,observed,rules,context}.json and drift.txt, read as prose.

STACKWRIGHT_WRITE_GOLDEN=1 writes drift.txt where it is missing; review it before it is committed.
"""

import copy
import json
import os
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.compare import compare, healed
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import Context, Drift, overwritten
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import mask
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import KINDS, Rule, rules_of
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import (
    known_of,
    own_services,
    reconcile,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.overlay import overlaid

CASES = Path(__file__).resolve().parents[2] / "cases" / "drift"
ALL = sorted(path.name for path in CASES.iterdir())


def read(case, name, empty):
    path = CASES / case / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else empty


def compared(case):
    intended, observed, rules = read(case, "intended", {}), read(case, "observed", {}), read(case, "rules", [])
    context = read(case, "context", {})
    contents = {tuple(name.split()): digest for name, digest in context.pop("contents", {}).items()}
    contents = contents or {("config", "shop_page"): "c0ffee"}
    return (
        intended,
        observed,
        compare(
            intended, observed, Context("revision 3", "stackwright", contents=contents, **context), rules_of(rules)
        ),
    )


def prose(found):
    lines = []
    for title, drifts in (("drift", found.found), ("ignored", found.ignored)):
        for drift in drifts:
            shown = drift.masked(mask)
            lines += [f"{title}: {shown}", f"  {shown.reason}", f"  {shown.hint}", f"  healing: {shown.healing}"]
    lines += [f"notice: {text}" for text in found.notices] + [f"no such service: {name}" for name in found.unknown]
    return "".join(f"{line}\n" for line in lines) or "nothing\n"


@pytest.mark.parametrize("case", ALL)
def test_the_comparison(case):
    before = copy.deepcopy((read(case, "intended", {}), read(case, "observed", {})))
    intended, observed, found = compared(case)
    text = prose(found)
    golden = CASES / case / "drift.txt"
    if os.environ.get("STACKWRIGHT_WRITE_GOLDEN") and not golden.exists():
        golden.write_text(text)
    assert text == golden.read_text()
    assert (intended, observed) == before, "comparing has changed its input"
    assert "t0ken" not in text


@pytest.mark.parametrize("case", ALL)
def test_healing_leads_to_no_drift_but_what_it_can_not_heal(case):
    """Reconciling a healed state gives the intended spec, except for ignored differences."""
    intended, observed, found = compared(case)
    live = own_services("shop", observed)
    state = healed(intended, found, live, known_of(intended, observed, {}))
    for kind in ("configs", "secrets"):
        objects = {obj["Spec"]["Name"]: obj for obj in observed[kind]}
        state[kind] = [
            {
                **entry,
                "data": None,
                "binding": {"name": entry["real"], "object": objects[entry["real"]], "reason": "", "adopt": False},
            }
            for entry in state[kind]
            if entry["real"] in objects
        ]
    unused = [drift.name for drift in found.found if drift.healing == "create"]
    options = {"prune": False, "recreate": True, "resolve_image": "never", "unused_networks": unused}
    plan = reconcile(state, observed, options)
    changed = {(op.kind, op.name) for op in plan.work()}
    hidden = {(d.object, d.name) for d in found.found if d.kind in ("behind",)}
    wanted = {
        (d.object, d.name)
        for d in found.found
        if d.healing in ("update", "create") and d.changes or d.kind == "missing"
    }
    if ("stack", "shop") in wanted:  # the whole stack in one line
        wanted = {(kind, e["name"]) for kind in ("service", "network") for e in intended[kind + "s"]}
    wanted -= {(d.object, d.name) for d in found.found if d.object in ("config", "secret") and d.healing == "files"}
    wanted -= {(d.object, d.name) for d in found.found if d.healing == "by_hand"}
    lost = {(d.object, d.name) for d in found.found if d.healing == "files" and d.changes}
    assert changed - lost - hidden == wanted - hidden


def test_what_a_plan_overwrites_is_only_what_it_changes():
    env = "TaskTemplate.ContainerSpec.Env"
    found = [
        Drift("edited", "service", "shop_web", changes=(Change(f"{env}.A", "1", "2"), Change(f"{env}.B", "1", "2"))),
        Drift("scaled", "service", "shop_api", changes=(Change("Mode.Replicated.Replicas", 1, 2),)),
        Drift("extra", "service", "shop_debug"),
        Drift("extra", "config", "shop_kept"),
        Drift("missing", "service", "shop_db"),
        Drift("forced", "service", "shop_web", changes=(Change("TaskTemplate.ForceUpdate", 0, 1),)),
        Drift("paused", "service", "shop_web"),
    ]
    plan = [
        Operation("update", "service", "shop_web", changes=(Change(env, {"A": "2"}, {"A": "3"}),)),
        Operation("keep", "service", "shop_api"),
        Operation("remove", "service", "shop_debug", phase="prune"),
        Operation("create", "service", "shop_db"),
    ]
    told = [(drift.kind, drift.name, len(drift.changes)) for drift in overwritten(found, plan)]
    assert told == [("edited", "shop_web", 2), ("extra", "shop_debug", 0), ("missing", "shop_db", 0)]
    one = [Operation("update", "service", "shop_web", changes=(Change(f"{env}.B", "2", "3"),))]
    assert [drift.changes for drift in overwritten(found, one)] == [(Change(f"{env}.B", "1", "2"),)]


SPEC = {
    "Labels": {"a.b": "1"},
    "TaskTemplate": {
        "ContainerSpec": {
            "Image": "x:1",
            "Env": ["A=1", "BARE"],
            "Mounts": [{"Type": "volume", "Source": "v", "Target": "/d.x"}],
            "Secrets": [{"SecretName": "s", "SecretID": "1", "File": {"Name": "s"}}],
        },
        "Networks": [{"Target": "front"}],
    },
    "Mode": {"Replicated": {"Replicas": 1}},
}
LIVE = {
    "Labels": {"a.b": "2", "c": "3"},
    "TaskTemplate": {
        "ContainerSpec": {
            "Image": "x:2",
            "Env": ["A=2", "C=3"],
            "Mounts": [{"Type": "volume", "Source": "w", "Target": "/d.x"}, {"Type": "tmpfs", "Target": "/t"}],
            "Healthcheck": {"Test": ["CMD", "x"]},
        },
        "Networks": [{"Target": "id1", "Aliases": ["z"]}, {"Target": "id2"}],
        "Resources": {"Limits": {"MemoryBytes": 5}},
    },
    "Mode": {"Replicated": {"Replicas": 4}},
    "UpdateConfig": {"Parallelism": 3},
}
NAMES = {"id1": "front", "id2": "back"}
C = "TaskTemplate.ContainerSpec"


@pytest.mark.parametrize(
    "path",
    [
        "Labels.a.b",
        "Labels.c",
        f"{C}.Image",
        f"{C}.Env.A",
        f"{C}.Env.C",
        f"{C}.Mounts./d.x.Source",
        f"{C}.Mounts./t",
        f"{C}.Secrets.s",
        f"{C}.Healthcheck",
        "TaskTemplate.Networks.front.Aliases",
        "TaskTemplate.Networks.back",
        "TaskTemplate.Resources",
        "Mode.Replicated.Replicas",
        "UpdateConfig",
    ],
)
def test_a_part_is_left_as_it_is_and_nothing_else(path):
    from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences

    def changes(one, other):
        return {c.path for c in differences(normalise.service(one, NAMES), normalise.service(other, NAMES))}

    before = copy.deepcopy((SPEC, LIVE))
    assert path in changes(SPEC, LIVE)
    made = overlaid(SPEC, LIVE, {path}, NAMES)
    assert changes(made, LIVE) == changes(SPEC, LIVE) - {path}
    assert changes(SPEC, made) == {path}
    assert before == (SPEC, LIVE)


def test_all_parts_at_once_make_the_other():
    from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences

    paths = {c.path for c in differences(normalise.service(SPEC, NAMES), normalise.service(LIVE, NAMES))}
    made = overlaid(SPEC, LIVE, paths, NAMES)
    assert normalise.service(made, NAMES) == normalise.service(LIVE, NAMES)


def test_rules_say_all_that_is_wrong_with_them():
    with pytest.raises(StackwrightError) as caught:
        rules_of([{}, {"kind": "scalled"}, {"path": "Replicas"}, {"service": "web", "kind": "scaled"}])
    assert caught.value.error_code == "invalid_options"
    assert all(text in str(caught.value) for text in ("ignore 1 is empty", "'scalled'", "'Replicas'"))
    assert "ignore 4" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_of_a_kind_fits_that_kind_only(kind):
    (rule,) = rules_of([{"kind": kind}])
    assert [other for other in KINDS if rule.fits(other, "service", ("shop_web", "web"))] == [kind]


def test_paths_are_compared_by_their_parts():
    rule = Rule(path="Labels.a")
    assert rule.fits("edited", "service", (), "Labels.a.b") and rule.fits("edited", "service", (), "Labels.a")
    assert not rule.fits("edited", "service", (), "Labels.ab") and not rule.fits("edited", "service", (), "Labels")
