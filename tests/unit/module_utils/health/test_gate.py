"""Golden cases: tests/unit/cases/wait/CASE.yml has snapshots with their times, and the gate's verdicts.

``services`` maps a name to mode (replicated, global, replicated-job, global-job), replicas, restart (any, none,
on-failure), attempts, update (state, start), monitor and delay (seconds), ports_only (true, or since when), touched
(default true), and, in seconds, what its tasks declare: grace, restart_delay, start_period, interval; ``old`` has that
of those before. ``forced`` is how often its tasks were replaced although their specification is the same.
``slots_before`` has the slots that there were (SERVICE.SLOT). ``names`` limits what counts; ``failed_before``,
``broken_before`` and ``waiting_before`` are what was so before.
``feeds`` is a list of at,
update (by service), tasks, nodes, without (services that are gone), lost_sight, expect, lines (what people are told).
A task is ``SERVICE.SLOT ID STATE [error]``, where the state may be followed by ``/DESIRED``; ``old`` before it marks a
task of the specification before, ``run N`` one of the Nth run of a job. A node is ``NAME [STATE [AVAILABILITY]]``.
"""

from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before, Gate, Limits
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lines import Lines

CASES = Path(__file__).resolve().parents[2] / "cases" / "wait"


def template(word):
    return {"ContainerSpec": {"Image": f"app:{word}"}, "ForceUpdate": 0}


def declared(spec, given):
    """A task specification with the waits in ``given``, in seconds."""
    nano = {
        key: int(given[key] * 1e9) for key in ("grace", "restart_delay", "start_period", "interval") if key in given
    }
    container = dict(spec["ContainerSpec"])
    if "grace" in nano:
        container["StopGracePeriod"] = nano["grace"]
    if "interval" in nano:
        check = {"Test": ["CMD", "x"], "Interval": nano["interval"], "StartPeriod": nano.get("start_period")}
        container["Healthcheck"] = check
    policy = {**spec.get("RestartPolicy", {}), **({"Delay": nano["restart_delay"]} if "restart_delay" in nano else {})}
    return {**spec, "ContainerSpec": container, **({"RestartPolicy": policy} if policy else {})}


def service(name, given, update):
    replicas = given.get("replicas", 1)
    mode = {
        "replicated": {"Replicated": {"Replicas": replicas}},
        "global": {"Global": {}},
        "replicated-job": {"ReplicatedJob": {"TotalCompletions": replicas}},
        "global-job": {"GlobalJob": {}},
    }[given.get("mode", "replicated")]
    spec = template("new")
    if "restart" in given:
        spec["RestartPolicy"] = {"Condition": given["restart"], "MaxAttempts": given.get("attempts", 0)}
    spec = {**declared(spec, given), "ForceUpdate": given.get("forced", 0)}
    if "constraints" in given:
        spec["Placement"] = {"Constraints": given["constraints"]}
    out = {"ID": name, "Version": {"Index": 1}, "Spec": {"Name": name, "TaskTemplate": spec, "Mode": mode}}
    seconds = {"Monitor": given.get("monitor", 5), "Delay": given.get("delay", 0)}
    out["Spec"]["UpdateConfig"] = {key: int(value * 1e9) for key, value in seconds.items()}
    if update:
        out["UpdateStatus"] = {"State": update["state"], "StartedAt": update["start"], "Message": update["state"]}
    if "job" in given.get("mode", ""):
        out["JobStatus"] = {"JobIteration": {"Index": given.get("iteration", 0)}}
    return out


def task(text, services, number):
    head, identity, rest = text.split(" ", 2)
    name, _dot, slot = head.partition(".")
    old = rest.startswith("old ")
    run = 0
    if rest.startswith("run "):
        run, rest = int(rest.split(" ")[1]), rest.split(" ", 2)[2]
    state, _space, error = (rest[4:] if old else rest).partition(" ")
    state, _slash, desired = state.partition("/")
    given = services[name]
    spec = service(name, given, None)["Spec"]["TaskTemplate"]
    if old and "forced" in given:
        spec = {**spec, "ForceUpdate": given["forced"] - 1}
    elif old:
        spec = declared(template("old"), given.get("old", {}))
    out = {
        "ID": identity,
        "ServiceID": name,
        "DesiredState": desired or ("complete" if "job" in given.get("mode", "") else "running"),
        "Status": {"State": state, "Err": error},
        "Spec": spec,
        "CreatedAt": f"2026-01-01T00:00:{number:02d}Z",
    }
    if given.get("mode", "").startswith("global"):
        out["NodeID"] = slot
    else:
        # The Engine leaves out what is zero; tasks of one slot may run anywhere.
        out.update({"Slot": int(slot)} if int(slot) else {}, NodeID=f"n{number}")
    if "job" in given.get("mode", ""):
        out["JobIteration"] = {"Index": run} if run else {}
    if error.startswith("task: non-zero exit"):
        out["Status"]["ContainerStatus"] = {"ExitCode": int(error.split("(")[1].split(")")[0])}
    return out


def node(text):
    name, state, availability = (*text.split(" "), "ready", "active")[:3] if " " in text else (text, "ready", "active")
    return {
        "ID": name,
        "Spec": {"Availability": availability, "Role": "worker"},
        "Status": {"State": state},
        "Description": {"Hostname": name, "Platform": {"OS": "linux", "Architecture": "x86_64"}},
    }


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yml")))
def test_the_verdicts(case):
    story = yaml.safe_load((CASES / f"{case}.yml").read_text())
    services = story["services"]
    touched = {name: s.get("ports_only", False) for name, s in services.items() if s.get("touched", True)}
    before = Before(
        frozenset(story.get("failed_before", [])),
        {name: (s["update"]["state"], s["update"]["start"]) for name, s in services.items() if "update" in s},
        frozenset(story.get("broken_before", [])),
        waiting=frozenset(story.get("waiting_before", [])),
        slots=frozenset(tuple(s.split(".")) for s in story["slots_before"]) if "slots_before" in story else None,
    )
    names = set(story["names"]) if "names" in story else None
    gate, lines = Gate(Limits(**story.get("limits", {})), 0.0, before, touched, names), Lines(0.0)
    for feed in story["feeds"]:
        updates = {name: s.get("update") for name, s in services.items()}
        updates.update(feed.get("update", {}))
        gone = feed.get("without", [])
        seen = [service(name, given, updates[name]) for name, given in services.items() if name not in gone]
        if feed.get("lost_sight"):
            gate.lost_sight()
        tasks = [task(text, services, number) for number, text in enumerate(feed.get("tasks", []))]
        verdict = gate.feed(feed["at"], seen, tasks, [node(name) for name in feed.get("nodes", [])])
        said = [f"{j.name} {j.status} {j.running}/{j.desired}" for j in verdict.judgements]
        said += [f"{name}: {reason}" for name, reason in sorted(verdict.reasons.items())]
        assert [verdict.state, *said] == feed["expect"], f"at {feed['at']}"
        told = lines.tell(feed["at"], verdict, {f"n{number}": f"worker{number}" for number in range(9)})
        if "lines" in feed:
            assert told == feed["lines"], f"at {feed['at']}"
