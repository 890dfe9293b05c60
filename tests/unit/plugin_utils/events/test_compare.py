"""From snapshots to events: each file in cases/events is a list of moments, with the events between them."""

from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.compare import (
    NOTHING,
    compare,
    first,
    remember,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.kinds import TYPES
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.snapshot import snapshot, thing_of

CASES = sorted((Path(__file__).parents[2] / "cases" / "events").glob("*.yml"))
NOW = "2026-11-29T10:00:00.5Z"  # 1795946400


def template(image="web:1", env=()):
    return {"ContainerSpec": {"Image": image, "Env": list(env)}}


def service(name, version=1, image="web:1", replicas=1, running=None, mode="replicated", completed=0, **more):
    kind = {"Replicated": {"Replicas": replicas}}
    if mode == "replicated-job":
        kind = {"ReplicatedJob": {"TotalCompletions": replicas}}
    stack = name.partition("_")[0] if "_" in name else ""
    counts = {"RunningTasks": replicas if running is None else running, "DesiredTasks": replicas}
    return {
        "ID": f"id of {name}",
        "Version": {"Index": version},
        "Spec": {
            "Name": name,
            "Labels": {"com.docker.stack.namespace": stack} if stack else {},
            "Mode": kind,
            "TaskTemplate": template(image, more.get("env", ())),
        },
        "UpdateStatus": more.get("update"),
        "ServiceStatus": {**counts, "CompletedTasks": completed},
    }


def task(id, service, state="running", wanted="running", node="", error="", code=None, **more):
    return {
        "ID": id,
        "ServiceID": f"id of {service}",
        "Slot": 1,
        "NodeID": f"id of {node}" if node else "",
        "CreatedAt": more.get("created", "2026-11-29T10:00:00Z"),
        "DesiredState": wanted,
        "Spec": template(more.get("image", "web:1"), more.get("env", ())),
        "Status": {"State": state, "Err": error, "ContainerStatus": {"ExitCode": code} if code is not None else {}},
    }


def node(name, version=1, state="ready", message="", availability="active", labels=None, manager=None):
    return {
        "ID": f"id of {name}",
        "Version": {"Index": version},
        "Spec": {"Role": "manager" if manager else "worker", "Availability": availability, "Labels": labels or {}},
        "Description": {"Hostname": name},
        "Status": {"State": state, "Message": message},
        "ManagerStatus": manager,
    }


def network(name, scope="swarm", peers=False):
    return {"Id": f"id of {name}", "Name": name, "Scope": scope, "Labels": {}, **({"Peers": []} if peers else {})}


def content(name, version=1, labels=None):
    return {"ID": f"id of {name}", "Version": {"Index": version}, "Spec": {"Name": name, "Labels": labels or {}}}


MAKERS = {
    "services": service,
    "tasks": task,
    "nodes": node,
    "networks": network,
    "secrets": content,
    "configs": content,
}


def moment(case):
    lists = {kind: [make(**item) for item in case.get(kind, [])] for kind, make in MAKERS.items()}
    root = case.get("root", "root")
    info = {"SystemTime": NOW, "Swarm": {"Cluster": {"TLSInfo": {"TrustRoot": root}}}}
    return snapshot(info, lists, case.get("certificate"))


def is_told(wanted, event):
    return all(event.get(key) == value for key, value in wanted.items())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_happens_between_two_moments(path):
    cases = yaml.safe_load(path.read_text())
    known = remember(NOTHING, moment(cases[0]))
    for number, case in enumerate(cases[1:], 1):
        now = moment(case)
        events = compare(known, now)
        where = f"moment {number}: {[event['type'] for event in events]}"
        assert len(events) == len(case["events"]), where
        for wanted, event in zip(case["events"], events, strict=True):
            assert is_told(wanted, event), f"{where}: {event}"
        assert "planted-value" not in str(events)
        known = remember(known, now)
        assert compare(known, moment(case)) == [], f"{where}: told twice"


def test_a_gap_tells_what_lasts_and_nothing_of_what_was_undone():
    """Comparing the first moment with the last reports each object's removal once, no matter what is in between."""
    for path in CASES:
        cases = [moment(case) for case in yaml.safe_load(path.read_text())]
        events = compare(remember(NOTHING, cases[0]), cases[-1])
        removed = [event["id"] for event in events if event["type"].endswith("_removed")]
        created = [event["id"] for event in events if event["type"].endswith(("_created", "_joined"))]
        assert len(removed) == len(set(removed)) and len(created) == len(set(created))
        assert not set(removed) & set(created)


def test_the_start_tells_what_is_wrong_and_no_object():
    paused = {"State": "paused", "StartedAt": "2026-11-29T09:00:00Z", "Message": "because"}
    bad = task("t1", "shop_web", state="failed", wanted="shutdown", error="boom")
    case = {
        "services": [{"name": "shop_web", "running": 0}, {"name": "shop_db", "update": paused}, {"name": "good"}],
        "nodes": [{"name": "n1", "state": "down"}, {"name": "n2"}],
        "tasks": [],
        "certificate": 1795946500,
    }
    now = moment(case)
    lists = {kind: [make(**item) for item in case.get(kind, [])] for kind, make in MAKERS.items()}
    info = {"SystemTime": NOW, "Swarm": {"Cluster": {"TLSInfo": {"TrustRoot": "root"}}}}
    now = snapshot(info, {**lists, "tasks": [bad]}, 1795946500)
    told = [(event["type"], event.get("node") or event.get("service", "")) for event in first(now)]
    assert ("node_down", "n1") in told and ("update_paused", "shop_db") in told
    assert ("service_degraded", "shop_web") in told and ("certificate_expiring", "") in told
    assert not [kind for kind, _about in told if kind.endswith(("created", "joined", "updated", "_failed"))]
    assert compare(remember(NOTHING, now), now) == []


def test_every_type_that_is_documented_is_told_somewhere_and_no_other():
    told = set()
    for path in CASES:
        cases = yaml.safe_load(path.read_text())
        told |= {event["type"] for case in cases[1:] for event in case["events"]}
    assert told == set(TYPES) - {"swarm_unreachable", "swarm_reachable"}


def test_the_guide_has_all_types():
    guide = (Path(__file__).parents[4] / "docs" / "guides" / "events.md").read_text()
    assert [line for line in guide.splitlines() if line.startswith("| `") and line.split("`")[1] in TYPES] == [
        f"| `{kind}` | {what} |" for kind, what in TYPES.items()
    ]


def test_jobs_that_only_pull_images_are_nobody_s_business():
    """Tasks that only pull an image end with an error by design, and must give no task_failed."""
    job = service("shop-pull-1", mode="replicated-job")
    job["Spec"]["Labels"] = {"stackwright.pull": "shop"}
    lists = {kind: [] for kind in MAKERS}
    lists.update(services=[job], tasks=[task("t1", "shop-pull-1", "failed", "shutdown", error="no such file")])
    seen = snapshot({"SystemTime": NOW}, lists)
    assert not seen.things["services"] and not seen.failures and not seen.health
    assert thing_of("services", job) is None
