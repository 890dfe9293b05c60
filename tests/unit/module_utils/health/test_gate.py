"""Golden cases: tests/unit/cases/wait/CASE.yml tells what is seen when, and what the gate says to it.

``services`` maps a name to mode (replicated, global, replicated-job), replicas, restart (any, none), update (state,
start), ports_only, touched (default true). ``feeds`` is a list of at, update (by service), tasks, nodes and expect.
A task is ``SERVICE.SLOT ID STATE [error]``, where the state may be followed by ``/DESIRED``; ``old`` before it marks a
task of the specification before.
"""

from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before, Gate, Limits

CASES = Path(__file__).resolve().parents[2] / "cases" / "wait"


def template(word):
    return {"ContainerSpec": {"Image": f"app:{word}"}, "ForceUpdate": 0}


def service(name, given, update):
    replicas = given.get("replicas", 1)
    mode = {
        "replicated": {"Replicated": {"Replicas": replicas}},
        "global": {"Global": {}},
        "replicated-job": {"ReplicatedJob": {"TotalCompletions": replicas}},
    }[given.get("mode", "replicated")]
    spec = template("new")
    if "restart" in given:
        spec["RestartPolicy"] = {"Condition": given["restart"]}
    if "constraints" in given:
        spec["Placement"] = {"Constraints": given["constraints"]}
    out = {"ID": name, "Version": {"Index": 1}, "Spec": {"Name": name, "TaskTemplate": spec, "Mode": mode}}
    if update:
        out["UpdateStatus"] = {"State": update["state"], "StartedAt": update["start"], "Message": update["state"]}
    if "job" in given.get("mode", ""):
        out["JobStatus"] = {"JobIteration": {"Index": given.get("iteration", 0)}}
    return out


def task(text, services, number):
    head, identity, rest = text.split(" ", 2)
    name, _dot, slot = head.partition(".")
    old = rest.startswith("old ")
    state, _space, error = (rest[4:] if old else rest).partition(" ")
    state, _slash, desired = state.partition("/")
    given = services[name]
    spec = template("old") if old else service(name, given, None)["Spec"]["TaskTemplate"]
    out = {
        "ID": identity,
        "ServiceID": name,
        "DesiredState": desired or ("complete" if "job" in given.get("mode", "") else "running"),
        "Status": {"State": state, "Err": error},
        "Spec": spec,
        "CreatedAt": f"2026-01-01T00:00:{number:02d}Z",
    }
    out.update({"NodeID": slot} if given.get("mode") == "global" else {"Slot": int(slot)})
    return out


def node(name):
    return {
        "ID": name,
        "Spec": {"Availability": "active", "Role": "worker"},
        "Status": {"State": "ready"},
        "Description": {"Hostname": name, "Platform": {"OS": "linux", "Architecture": "x86_64"}},
    }


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yml")))
def test_the_verdicts(case):
    story = yaml.safe_load((CASES / f"{case}.yml").read_text())
    services = story["services"]
    touched = {name: bool(s.get("ports_only")) for name, s in services.items() if s.get("touched", True)}
    before = Before(
        frozenset(story.get("failed_before", [])),
        {name: (s["update"]["state"], s["update"]["start"]) for name, s in services.items() if "update" in s},
    )
    gate = Gate(Limits(**story.get("limits", {})), 0.0, before, touched)
    for feed in story["feeds"]:
        updates = {name: s.get("update") for name, s in services.items()}
        updates.update(feed.get("update", {}))
        seen = [service(name, given, updates[name]) for name, given in services.items()]
        tasks = [task(text, services, number) for number, text in enumerate(feed.get("tasks", []))]
        verdict = gate.feed(feed["at"], seen, tasks, [node(name) for name in feed.get("nodes", [])])
        said = [f"{j.name} {j.status} {j.running}/{j.desired}" for j in verdict.judgements]
        said += [f"{name}: {reason}" for name, reason in sorted(verdict.reasons.items())]
        assert [verdict.state, *said] == feed["expect"], f"at {feed['at']}"
