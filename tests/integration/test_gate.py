"""The gate on a real engine: what can't heal fails early and with its cause, what is fine passes."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from core import HOST, Core

from ansible_collections.stackwright.swarm.plugins.module_utils.core import retry
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import stack_status
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults

QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
SOON = {"restart_policy": {"delay": "100ms"}}


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    made.lines = []
    yield made
    made.client.close()


def compose(bed, **services):
    """A Compose file of these services, which run quietly unless they say otherwise."""
    normal = {"image": bed.images["busybox"], "command": QUIET, "stop_grace_period": "1s"}
    full = {name: {**normal, **service} for name, service in services.items()}
    networks = {} if any("ports" in service for service in full.values()) else HOST
    return yaml.safe_dump({"services": full, "networks": networks})


def deploy(core, text, **options):
    """What fails stays, so that a test of the gate is one of the gate alone."""
    given = {"stable_for": 0.3, "max_restarts": 1, "pending_for": 1.5, "on_failure": "keep", **options}
    return core.deploy(text, progress=core.lines.append, **given)


def states(result):
    return {service["name"].rpartition("_")[2]: service["status"] for service in result["services"]}


EARLY = {
    "image": ({"image": "{base}:absent"}, "No such image"),
    "command": ({"command": ["nothing-there"]}, "executable file not found"),
    "path": ({"command": ["/nothing/there"]}, "no such file or directory"),
    "user": ({"user": "nobody-at-all"}, "unable to find user"),
    "mount": ({"volumes": ["/nothing/there:/x"]}, "invalid mount config"),
    "crash": ({"command": ["sh", "-c", "echo no database; exit 3"], "deploy": SOON}, "2 times in one slot"),
    "ended": ({"command": ["true"], "deploy": SOON}, "the command has ended (exit code 0)"),
    "once": ({"command": ["false"], "deploy": {"restart_policy": {"condition": "none"}}}, "is not restarted"),
    "sick": (
        {"healthcheck": {"test": "false", "interval": "500ms", "retries": 1}, "deploy": SOON},
        "its health check fails",
    ),
    "unwell": (
        {
            "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 1d & wait"],
            "healthcheck": {"test": "wget -q -O - http://127.0.0.1:9/", "interval": "500ms", "retries": 1},
            "deploy": SOON,
        },
        "did not become healthy before it was stopped (health check `wget ...`)",
    ),
    "constraint": ({"deploy": {"placement": {"constraints": ["node.labels.x==y"]}}}, "scheduling constraints"),
    "memory": (
        {"deploy": {"mode": "global", "resources": {"reservations": {"memory": "999g"}}}},
        # The Engine may also give it to the node, and then reject it.
        ("insufficient resources", "no longer meets constraints"),
    ),
    "driver": ({"logging": {"driver": "nothing"}}, "missing plugin"),
    "job": (
        {"command": ["sh", "-c", "echo no table; exit 4"], "deploy": {"mode": "replicated-job", **SOON}},
        "exit code 4",
    ),
}


@pytest.mark.parametrize("name", sorted(EARLY))
def test_what_can_not_heal_fails_early(name, core, bed):
    service, words = EARLY[name]
    base = bed.images["busybox"].rpartition(":")[0]
    service = {key: value.format(base=base) if isinstance(value, str) else value for key, value in service.items()}
    with pytest.raises(DeployError) as failed:
        # On a busy machine the Engine tells the end of what has just begun only after a while.
        deploy(core, compose(bed, **{name: service}), stable_for=5.0, timeout=60)
    # Early is before the deadline, whose error is another one.
    assert any(word in str(failed.value) for word in ([words] if isinstance(words, str) else words)), str(failed.value)
    assert failed.value.error_code == ("image_not_found" if name == "image" else "health_gate_failed")
    (failure,) = failed.value.details["failures"]
    assert failure["service"] == f"{core.stack}_{name}"
    assert (failure["exit_code"], failure["log"]) == {
        "crash": (3, ["no database"]),
        "job": (4, ["no table"]),
    }.get(name, (failure["exit_code"], failure["log"]))
    assert any(line.startswith(f"{core.stack}_{name}: ") for line in core.lines), core.lines


def test_each_mode_has_its_own_end(core, bed, swarm):
    text = compose(
        bed,
        replicated={"deploy": {"replicas": 2}},
        everywhere={"deploy": {"mode": "global"}},
        nowhere={"deploy": {"mode": "global", "placement": {"constraints": ["node.labels.x==y"]}}},
        none={"deploy": {"replicas": 0}},
        job={"command": ["true"], "deploy": {"mode": "replicated-job", "replicas": 2}},
        alljob={"command": ["true"], "deploy": {"mode": "global-job"}},
        oneshot={"command": ["true"], "deploy": {"restart_policy": {"condition": "on-failure"}}},
        checked={"healthcheck": {"test": "true", "interval": "500ms"}},
    )
    ends = {
        "replicated": "healthy",
        "everywhere": "healthy",
        "nowhere": "asleep",
        "none": "asleep",
        "job": "complete",
        "alljob": "complete",
        "oneshot": "complete",
        "checked": "healthy",
    }
    done = states(deploy(core, text))
    # A command that has begun, and whose end the Engine has not told yet, is fine so far.
    assert {**done, "oneshot": "complete"} == ends
    assert done["oneshot"] in ("healthy", "complete")
    (oneshot,) = (one["ID"] for one in swarm.objects("services") if one["Spec"]["Name"].endswith("_oneshot"))
    swarm.wait(
        "the command to end",
        lambda: [one for one in swarm.tasks("") if (one["ServiceID"], one["Status"]["State"]) == (oneshot, "complete")],
    )
    again = deploy(core, text)
    assert (again["changed"], states(again)) == (False, ends)
    assert stack_status(core.client, SystemClock, core.stack, {"wait": True, "timeout": 60})["healthy"]


def test_a_rollback_fails_its_own_update_and_no_other(core, bed, swarm):
    careful = {"update_config": {"failure_action": "rollback", "monitor": "1s"}, "rollback_config": {"monitor": "1s"}}
    quick = {"update_config": {"monitor": "100ms"}}
    good = {"web": {"deploy": careful}, "db": {"deploy": quick}}
    deploy(core, compose(bed, **good))
    bad = {"deploy": careful, "command": ["sh", "-c", "echo no; exit 5"]}
    with pytest.raises(DeployError) as failed:
        deploy(core, compose(bed, web=bad, db={"deploy": quick}), max_restarts=9)
    assert "rolled back the update" in str(failed.value)
    assert failed.value.error_code == "health_gate_failed"
    (failure,) = failed.value.details["failures"]
    assert (failure["exit_code"], failure["log"]) == (5, ["no"])

    def state():
        services = {service["Spec"]["Name"]: service for service in swarm.objects("services")}
        return (services[f"{core.stack}_web"].get("UpdateStatus") or {}).get("State")

    swarm.wait("the rollback to end", lambda: state() == "rollback_completed")
    done = deploy(core, compose(bed, **{**good, "db": {"deploy": quick, "environment": {"A": "1"}}}))
    assert states(done) == {"web": "healthy", "db": "healthy"}
    assert state() == "rollback_completed", "it is stale, and was there all the time"
    assert not deploy(core, compose(bed, **{**good, "db": {"deploy": quick, "environment": {"A": "1"}}}))["changed"]
    web = {"deploy": careful, "environment": {"B": "1"}}
    assert states(deploy(core, compose(bed, web=web, db={"deploy": quick})))["web"] == "healthy"
    assert state() == "completed"


def test_a_migration_runs_first_again_when_it_changed_and_again_after_a_failure(core, bed, swarm, tmp_path):
    def text(version, job=None):
        migrate = {
            "command": ["sh", "-c", f"echo migrating to {version}; test -e /flags/{version}"],
            "volumes": [f"{tmp_path}:/flags"],
            **(job or {}),
        }
        web = {
            "environment": {"V": version},
            "depends_on": {"migrate": {"condition": "service_completed_successfully"}},
        }
        return compose(bed, web=web, migrate=migrate)

    def runs():
        """When each task of the two services was made, by service."""
        made = {}
        names = {service["ID"]: service["Spec"]["Name"].rpartition("_")[2] for service in swarm.objects("services")}
        for task in sorted(swarm.tasks(""), key=lambda task: task["CreatedAt"]):
            made.setdefault(names.get(task["ServiceID"]), []).append(task)
        return made

    (tmp_path / "1").touch()
    assert states(deploy(core, text("1"))) == {"web": "healthy", "migrate": "complete"}
    found = runs()
    assert found["migrate"][0]["Status"]["Timestamp"] < found["web"][0]["CreatedAt"]
    assert not deploy(core, text("1"))["changed"]
    assert len(runs()["migrate"]) == 1

    with pytest.raises(DeployError) as failed:
        deploy(core, text("2"))
    (failure,) = failed.value.details["failures"]
    assert (failure["service"], failure["exit_code"]) == (f"{core.stack}_migrate", 1)
    assert failure["log"] == ["migrating to 2"]
    assert len(runs()["web"]) == 1, "its dependency has not completed"

    with pytest.raises(DeployError):  # never a false ok
        deploy(core, text("2"))
    (tmp_path / "2").touch()
    done = deploy(core, text("2"))
    assert {op["key"]: op["reason"] for op in done["plan"]}["migrate"] == "the job failed, and is run again"
    assert states(done) == {"web": "healthy", "migrate": "complete"}
    assert runs()["migrate"][-1]["Status"]["Timestamp"] < runs()["web"][-1]["CreatedAt"]
    assert not deploy(core, text("2"))["changed"]


def test_service_healthy_waits_for_the_check(core, bed, swarm):
    # Healthy from the second look on.
    check = {"test": "test -e /tmp/x || { touch /tmp/x; false; }", "interval": "700ms", "retries": 5}
    deploy(core, compose(bed, db={"healthcheck": check}, web={"depends_on": {"db": {"condition": "service_healthy"}}}))
    names = {service["ID"]: service["Spec"]["Name"].rpartition("_")[2] for service in swarm.objects("services")}
    tasks = {names[task["ServiceID"]]: task for task in swarm.tasks()}
    assert tasks["db"]["Status"]["Timestamp"] < tasks["web"]["CreatedAt"]
    assert f"{core.stack}_db: 0/1 running (1 starting)" in core.lines
    assert f"{core.stack}_db: 1/1 running" in core.lines


def test_the_deadline_is_one_of_progress(core, bed, tmp_path):
    def once_there(flag):
        check = {"test": f"test -e /flags/{flag}", "interval": "500ms", "retries": 1000, "timeout": "30s"}
        return {"healthcheck": check, "volumes": [f"{tmp_path}:/flags"]}

    clock = Ahead()
    follows = {f"{core.stack}_one: 1/1 running": "two", f"{core.stack}_two: 1/1 running": "three"}

    def progress(line):
        for began, following in follows.items():
            if line.startswith(began) and not (tmp_path / following).exists():
                clock.seconds += 150
                (tmp_path / following).touch()

    (tmp_path / "one").touch()
    core.clock = clock
    text = compose(bed, one=once_there("one"), two=once_there("two"), three=once_there("three"))
    done = core.deploy(text, progress=progress, timeout=200, stable_for=0.3, on_failure="keep")
    assert set(states(done).values()) == {"healthy"}
    assert clock.seconds == 300, "longer than the deadline"
    with pytest.raises(DeployError) as failed:
        core.deploy(
            compose(bed, never=once_there("never")),
            progress=lambda line: line.startswith(f"{core.stack}_never: 0/1") and setattr(clock, "seconds", 9999),
            timeout=200,
            on_failure="keep",
        )
    assert failed.value.error_code == "timeout"
    assert "never: " in str(failed.value)


def test_what_the_files_declare_is_no_standing_still(core, bed, swarm, tmp_path):
    """Each wait is longer than the limit, and so is what a task that waits for a place is given."""
    deaf = ["sh", "-c", "trap '' TERM; sleep 1d & while :; do wait; done"]
    grace = {"command": deaf, "stop_grace_period": "16s"}
    port = {**grace, "ports": [{"target": 80, "published": "8097", "mode": "host"}]}
    once = ["sh", "-c", "test -e /flags/x || { touch /flags/x; exit 1; }; sleep 1d"]
    steps = {"replicas": 2, "update_config": {"delay": "16s", "monitor": "1s"}}

    def text(release):
        told = {"environment": {"RELEASE": release}}
        return compose(
            bed,
            grace={**grace, **told},
            port={**port, **told},
            steps={"deploy": steps, **told},
            again={
                "command": once,
                "volumes": [f"{tmp_path}:/flags"],
                "deploy": {"restart_policy": {"delay": "16s"}, "update_config": {"failure_action": "continue"}},
                **told,
            },
            checked={"healthcheck": {"test": "true", "interval": "16s"}, **told},
        )

    options = {"timeout": 12, "pending_for": 10, "max_restarts": 2, "on_failure": "rollback"}
    assert set(states(deploy(core, text("1"), **options)).values()) == {"healthy"}
    (tmp_path / "x").unlink()
    done = deploy(core, text("2"), **options)
    assert set(states(done).values()) == {"healthy"} and done["revision"] == 2
    assert any("the old task is still stopping (grace period 16 s)" in line for line in core.lines), core.lines
    assert core.stop(timeout=12)["changed"]
    with pytest.raises(DeployError) as failed:
        deploy(core, text("3"), **{**options, "deadline": 3})
    assert failed.value.error_code == "timeout"
    assert "before its deadline of 3 s" in str(failed.value)


class Ahead:
    """A clock that goes as the system's, and can be put forward."""

    seconds = 0.0
    wall = staticmethod(SystemClock.wall)
    sleep = staticmethod(SystemClock.sleep)

    def now(self):
        return SystemClock.now() + self.seconds


def test_fast_neither_waits_for_stability_nor_for_swarms_observation(core, bed, swarm):
    deploy(core, compose(bed, web={}))
    done = deploy(core, compose(bed, web={"environment": {"A": "1"}}), mode="fast", stable_for=60)
    assert states(done) == {"web": "healthy"}
    (service,) = swarm.objects("services")
    assert service["UpdateStatus"]["State"] == "updating"


def test_an_engine_that_restarts_meanwhile_is_borne_with(core, bed, swarm, monkeypatch):
    monkeypatch.setattr(retry, "BEAR_WITH", 200.0)  # an engine on a busy machine needs more than 20 s
    check = {"test": "test -e /tmp/x || { touch /tmp/x; false; }", "interval": "2s", "retries": 9}
    thread = threading.Timer(1.0, lambda: (bed.kill("m1"), bed.start("m1")))
    thread.start()
    try:
        done = deploy(core, compose(bed, db={"healthcheck": check}), stable_for=2, max_restarts=3, timeout=200)
    finally:
        thread.join()
    assert states(done) == {"db": "healthy"}
    assert [task["Status"]["State"] for task in swarm.tasks() if task["DesiredState"] == "running"] == ["running"]


def test_a_neighbour_that_was_broken_before_fails_no_change(core, bed):
    broken = {"command": ["/nothing/there"], "deploy": SOON}  # never runs, also not for a moment
    with pytest.raises(DeployError):
        deploy(core, compose(bed, broken=broken, web={}))
    done = deploy(core, compose(bed, broken=broken, web={"environment": {"A": "1"}}))
    assert states(done) == {"broken": "failed", "web": "healthy"}
    assert done["status"] == "failed"
    with pytest.raises(DeployError):  # nothing left to change: it is just what is waited for
        deploy(core, compose(bed, broken=broken, web={"environment": {"A": "1"}}))


def test_the_options_of_a_test_are_known():
    assert {"pending_for", "max_restarts", "on_failure"} <= set(with_defaults({}))


def test_other_ports_and_more_replicas_at_once(core, bed):
    """Swarm makes the new slot's task a moment before its update begins: it is as it should be all the same."""
    quick = {"update_config": {"parallelism": 0, "monitor": "10ms"}}
    core.deploy(compose(bed, web={"deploy": quick}))
    more = {"deploy": {**quick, "replicas": 2}, "ports": ["20315:80"]}
    assert states(core.deploy(compose(bed, web=more), timeout=120)) == {"web": "healthy"}
