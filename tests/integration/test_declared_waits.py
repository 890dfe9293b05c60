"""Every wait that a file can declare is longer here than the time without progress: nothing is undone for it. And what
can't heal still fails long before that time, whatever the file declares.

STACKWRIGHT_LONG=1 alone: Swarm takes these times. test_gate.py has a short form.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError

pytestmark = pytest.mark.skipif(os.environ.get("STACKWRIGHT_LONG") != "1", reason="STACKWRIGHT_LONG=1")
LIMIT, WAIT = 15, "20s"  # seconds without progress; what each service declares
OPTIONS = {"timeout": LIMIT, "pending_for": 8, "stable_for": 0.3, "max_restarts": 2}
QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
DEAF = ["sh", "-c", "trap '' TERM; sleep 1d & while :; do wait; done"]
ONCE_BAD = ["sh", "-c", "test -e /flags/{name} || {{ touch /flags/{name}; exit 1; }}; {then}"]


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    made.lines = []
    yield made
    made.client.close()


def port(number, **more):
    return {"ports": [{"target": 80, "published": str(number), "mode": "host"}], **more}


def services(folder):
    """Name → a service that declares a wait."""
    deaf = {"command": DEAF, "stop_grace_period": WAIT}
    quick = {"update_config": {"monitor": "100ms"}, "rollback_config": {"monitor": "100ms"}}

    def once_bad(name, then="sleep 1d"):
        command = [part.format(name=name, then=then) for part in ONCE_BAD]
        return {"command": command, "volumes": [f"{folder}:/flags"]}

    def steps(**config):
        return {"deploy": {"replicas": 2, "update_config": config, "rollback_config": config}}

    check = {"test": "test -e /tmp/x || { touch /tmp/x; false; }", "timeout": "5s"}
    again = {"restart_policy": {"delay": WAIT}, "update_config": {"failure_action": "continue", "monitor": "100ms"}}
    return {
        "grace": {**deaf, "deploy": quick},
        "grace-global": {**deaf, "deploy": {"mode": "global", **quick}},
        "grace-port": port(20311, **deaf, deploy=quick),
        "grace-first": {**deaf, "deploy": {"update_config": {"order": "start-first", "monitor": "100ms"}}},
        "delay": steps(delay=WAIT, monitor="1s"),
        "monitor": steps(monitor=WAIT, parallelism=0),
        "delay-first": steps(delay=WAIT, order="start-first", monitor="1s"),
        "interval": {"healthcheck": {**check, "test": "true", "interval": WAIT}, "deploy": quick},
        "start": {
            "healthcheck": {"test": "test -e /tmp/x", "start_period": WAIT, "interval": "1s", "retries": 1},
            "command": ["sh", "-c", "sleep 18; touch /tmp/x; exec sleep 1d"],
            "stop_signal": "SIGKILL",
            "deploy": quick,
        },
        "again": {**once_bad("again"), "stop_signal": "SIGKILL", "deploy": again},
        "again-global": {**once_bad("again-global"), "stop_signal": "SIGKILL", "deploy": {"mode": "global", **again}},
        "job": {**once_bad("job", "true"), "deploy": {"mode": "replicated-job", "restart_policy": {"delay": WAIT}}},
        "old": {**deaf, "deploy": quick},  # the next release is without it
    }


def text(bed, made, release):
    normal = {"image": bed.images["busybox"], "command": QUIET, "stop_grace_period": "1s"}
    told = {"environment": {"RELEASE": release}}
    return yaml.safe_dump({"services": {name: {**normal, **service, **told} for name, service in made.items()}})


def test_no_declared_wait_undoes_anything(core, bed, swarm, tmp_path, record_property):
    """Deployed, updated, undone, rolled back, changed one by one, healed, stopped, removed."""
    took = {}

    def timed(name, act):
        for flag in tmp_path.iterdir():
            flag.unlink()
        began = time.monotonic()
        done = act()
        took[name] = time.monotonic() - began
        record_property(f"declared waits: {name}", round(took[name]))
        return done

    def states(result):
        return {service["status"] for service in result["services"]}

    made = services(tmp_path)
    first = timed("deployed", lambda: core.deploy(text(bed, made, "1"), **OPTIONS, progress=core.lines.append))
    assert states(first) == {"healthy", "complete"}
    del made["old"]
    second = timed("updated", lambda: core.deploy(text(bed, made, "2"), **OPTIONS, progress=core.lines.append))
    assert states(second) == {"healthy", "complete"}
    assert any(f"still stopping (grace period {WAIT[:-1]} s)" in line for line in core.lines), core.lines

    # It fails at its end, and all of it is put back: the same waits in the other direction.
    bad = {"zz": {"command": ["nothing-there"], "depends_on": sorted(set(made) - {"job"})}}
    with pytest.raises(DeployError) as failed:
        timed("undone", lambda: core.deploy(text(bed, {**made, **bad}, "3"), **OPTIONS))
    assert failed.value.error_code == "health_gate_failed", failed.value
    assert failed.value.details["outcome"]["rollback"] == "done", failed.value
    assert states(timed("rolled back", lambda: core.back(1, **OPTIONS))) == {"healthy", "complete"}

    assert timed("scaled", lambda: core.service("grace", "scaled", replicas=0, **OPTIONS))["changed"]
    for service in ("grace-port", "delay", "monitor", "delay-first", "again", "start"):
        done = timed(f"restarted {service}", lambda service=service: core.service(service, "restarted", **OPTIONS))
        assert states(done) == {"healthy"}
    assert states(timed("sent back", lambda: core.service("delay", "rolled_back", **OPTIONS))) == {"healthy"}
    assert core.drift()["drift_lines"] == []

    for service in ("grace-port", "delay", "monitor", "interval"):
        command = ["docker", "service", "update", "--detach", "--env-add", "RELEASE=hand", f"{swarm.name}_{service}"]
        bed.node("m1").cli(command)
    healed = timed("healed", lambda: core.drift(heal=True, **OPTIONS))
    assert healed["changed"] and core.drift()["drift_lines"] == []
    assert timed("stopped", lambda: core.stop(**OPTIONS))["changed"]
    assert states(timed("started", lambda: core.deploy(text(bed, made, "4"), **OPTIONS))) == {"healthy", "complete"}
    assert timed("removed", lambda: core.remove(**OPTIONS))["changed"]
    assert swarm.objects("services") == []


#: Many times what a failure takes.
LONG = "300s"
CRASH = {"command": ["sh", "-c", "exit 3"]}
#: What differs from a service that is fine, and in its ``deploy``.
HOPELESS = {
    "image": ({"image": "absent:1"}, {}),
    "command": ({"command": ["nothing-there"]}, {}),
    "mount": ({"volumes": ["/nothing/there:/x"]}, {}),
    "crash": (CRASH, {}),
    "sick": ({"healthcheck": {"test": "false", "interval": "1s", "retries": 1}}, {}),
    "constraint": ({}, {"placement": {"constraints": ["node.labels.x==y"]}}),
    "memory": ({}, {"resources": {"reservations": {"memory": "999g"}}}),
    "port": (port(20312), {"replicas": 2}),
    "paused": (CRASH, {"update_config": {"delay": LONG, "monitor": LONG, "failure_action": "pause"}}),
    "sent back": (CRASH, {"update_config": {"delay": LONG, "monitor": LONG, "failure_action": "rollback"}}),
    "job": (CRASH, {"mode": "replicated-job"}),
}


@pytest.mark.parametrize("name", HOPELESS)
def test_what_can_not_heal_fails_early_whatever_is_declared(name, core, bed, record_property):
    watched = {"update_config": {"delay": LONG, "monitor": LONG}, "rollback_config": {"monitor": LONG}}
    deploy = {"restart_policy": {"delay": "100ms"}, **watched}
    service = {"image": bed.images["busybox"], "command": QUIET, "stop_grace_period": LONG}
    different, placed = HOPELESS[name]
    if name == "image":
        different = {"image": bed.images["busybox"].replace("busybox", "absent")}
    if name != "job":  # its mode can't change
        core.deploy(yaml.safe_dump({"services": {"web": {**service, "deploy": deploy}}}), **OPTIONS)
    else:  # nor is it updated
        deploy = {"restart_policy": deploy["restart_policy"]}
    wrong = {**service, **different, "deploy": {**deploy, **placed}}
    began = time.monotonic()
    with pytest.raises(DeployError) as failed:
        # What fails stays: here an undoing would be watched for ten minutes, as declared.
        core.deploy(yaml.safe_dump({"services": {"web": wrong}}), **{**OPTIONS, "timeout": 250}, on_failure="keep")
    took = time.monotonic() - began
    record_property(f"fails early: {name}", round(took))
    assert failed.value.error_code in ("health_gate_failed", "image_not_found"), failed.value
    assert took < 150, took
