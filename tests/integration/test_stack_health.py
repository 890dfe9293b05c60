"""stack_health on a real Swarm: what it tells of each service, while it waits, and what that costs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import HOST, Core
from playbook import Player

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import stack_status

QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
QUICK = {"restart_policy": {"condition": "any", "delay": "100ms"}}


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def service(bed):
    """``service(command, **keys)``: one in a Compose file."""
    return lambda command=QUIET, **keys: {
        "image": bed.images["busybox"],
        "command": command,
        "stop_grace_period": "1s",
        **keys,
    }


def text(**services):
    return json.dumps({"version": "3.8", "services": services, "networks": HOST})


def health(core, **options):
    core.client.calls = 0
    core.transport.seen.clear()
    return stack_status(core.client, SystemClock, core.stack, {"timeout": 30, **options})


def by_key(found):
    return {item["name"].rpartition("_")[2]: item for item in found["services"]}


def test_a_stack_that_is_well(core, service):
    core.deploy(text(web=service(deploy={"replicas": 2}), none=service(deploy={"replicas": 0})))
    found = health(core)
    assert (found["status"], found["overall"], found["healthy"], found["calls"]) == ("healthy", "HEALTHY", True, 4)
    assert core.writes == []
    web, none = by_key(found)["web"], by_key(found)["none"]
    assert (web["healthy"], web["running"], web["desired"], web["restarts"], web["updating"]) == (2, 2, 2, 0, False)
    assert web["last_failure"] is None and none["healthy"] == 0
    assert web["since"].endswith("Z") and none["since"].endswith("Z")
    began = max(task["Status"]["Timestamp"] for task in core.client.list("/tasks"))
    assert web["since"][:10] == began[:10]
    assert health(core)["services"] == found["services"], "nothing moves by itself"


def test_how_far_an_update_is(core, swarm, service):
    def web(greeting):
        update = {"parallelism": 1, "delay": "1h", "monitor": "10ms"}
        return text(web=service(environment={"G": greeting}, deploy={"replicas": 3, "update_config": update}))

    core.deploy(web("one"))
    core.deploy(web("two"), wait=False)
    swarm.wait("the first new task", lambda: by_key(health(core))["web"]["update_status"]["done"] == 1)
    found = health(core)
    item = by_key(found)["web"]
    assert (found["overall"], item["status"], item["updating"]) == ("DEPLOYING", "progressing", True)
    assert (item["update_status"]["done"], item["update_status"]["total"], item["update_status"]["old"]) == (1, 3, 2)
    assert (item["update_status"]["state"], item["since"]) == ("updating", item["update_status"]["started"])


def test_restarts_and_the_last_failure(core, bed, swarm, service):
    failing = ["sh", "-c", "echo planted-token; sleep 1; exit 7"]
    web = service(failing, environment={"APP_TOKEN": "planted-token"}, deploy=QUICK)
    core.deploy(text(web=web, other=service()), wait=False)

    def restarted(times):
        return lambda: by_key(health(core))["web"]["restarts"] >= times

    swarm.wait("two restarts", restarted(2))
    # Also in the moment in which its task runs it is not well.
    for _look in range(10):
        found = health(core)
        item = by_key(found)["web"]
        assert not found["healthy"] and found["overall"] in ("FAILED", "UNHEALTHY")
        assert item["message"]
    failure = item["last_failure"]
    assert (failure["exit_code"], failure["slot"], failure["old"]) == (7, 1, False)
    assert failure["node"] in bed.nodes
    assert "non-zero exit (7)" in failure["error"] and failure["at"] >= item["since"]
    assert by_key(found)["other"]["last_failure"] is None
    lines = []
    with pytest.raises(DeployError) as failed:
        health(core, wait=True, progress=lines.append)
    details = failed.value.details
    assert (failed.value.error_code, details["overall"]) == ("health_gate_failed", "FAILED")
    ended = {item["name"]: item for item in details["services"]}[f"{core.stack}_web"]
    assert ended["restarts"] >= 3 and ended["last_failure"]["exit_code"] == 7
    assert any("task 1 failed: exit code 7 on " in line for line in lines), lines
    assert "planted" not in json.dumps([found, details, lines]) + str(failed.value)


def test_a_job_that_has_failed_is_not_waited_for(core, swarm, service):
    job = {"mode": "replicated-job", "restart_policy": {"condition": "none"}}
    core.deploy(text(job=service(["sh", "-c", "exit 4"], deploy=job)), wait=False)
    swarm.wait("its end", lambda: by_key(health(core))["job"]["status"] == "failed")
    assert health(core)["overall"] == "FAILED"
    with pytest.raises(DeployError) as failed:
        health(core, wait=True, timeout=300)
    assert failed.value.error_code == "health_gate_failed" and "exit code 4" in str(failed.value)


def test_what_was_rolled_back_and_what_is_gone(core, swarm, service):
    def web(command):
        update = {"failure_action": "rollback", "monitor": "3s", "parallelism": 1}
        return text(web=service(command, deploy={"update_config": update}))

    core.deploy(web(QUIET))
    with pytest.raises(DeployError):
        core.deploy(web(["sh", "-c", "exit 9"]), on_failure="keep", stable_for=5)
    swarm.wait("the end of the rollback", lambda: not by_key(health(core))["web"]["updating"])
    found = health(core, wait=True)
    item = by_key(found)["web"]
    assert found["overall"] == "HEALTHY"
    assert (item["update_status"]["state"], item["last_failure"]["exit_code"]) == ("rollback_completed", 9)
    assert item["last_failure"]["old"], "it was of the specification that was rolled back"
    upper = stack_status(core.client, SystemClock, core.stack.upper(), {})
    assert upper["warnings"] == [
        f"There is no stack {core.stack.upper()} in this Swarm, but {core.stack}: names are case-sensitive."
    ]
    core.remove()
    gone = health(core)
    assert (gone["exists"], gone["status"], gone["overall"], gone["services"]) == (False, "unknown", "REMOVED", [])
    never = stack_status(core.client, SystemClock, f"{core.stack}x", {})
    assert (never["overall"], never["healthy"]) == ("", False)


def test_while_it_waits_one_host_speaks(bed, swarm, tmp_path, service):
    """Three names of one manager: the lines are shown once, each host has the whole result."""
    check = {"test": "test -e /ok", "interval": "500ms", "retries": 1000}
    file = text(web=service(healthcheck=check, deploy={"placement": {"constraints": ["node.hostname == m1"]}}))
    node = bed.node("m1")
    hosts = {f"manager{number}": node.docker_host for number in (1, 2, 3)}
    player = Player(tmp_path, hosts, {"compose.yml": file})
    node.cli(["docker", "stack", "deploy", "-c", str(tmp_path / "compose.yml"), swarm.name])
    wait = {"stack_health": {"name": swarm.name, "wait": True, "wait_timeout": 120}}
    shown = player.play(wait, check=True)
    assert shown.code == 0 and [result["overall"] for result in shown.of()] == ["DEPLOYING"] * 3, shown.output
    run = player.begin(wait)
    run.until("waiting for ")
    (container,) = node.cli(["docker", "ps", "-q", "--filter", f"name={swarm.name}_web"]).stdout.split()
    node.cli(["docker", "exec", container, "touch", "/ok"])
    assert run.end() == 0, run.output
    assert run.output.count("waiting for ") == run.output.count(f"waiting for {swarm.name}_web (0/1 running")
    assert run.output.count(f"{swarm.name}_web: 1/1 running") == 1, run.output
    results = [json.loads(line)["result"] for line in run._results.read_text().splitlines()]
    assert [result["overall"] for result in results] == ["HEALTHY"] * 3
    assert len({result.get("waited_by") for result in results} - {None}) == 1
    again = player.play(wait)
    assert again.code == 0 and not any("waited_by" in result for result in again.of()), again.output


def test_a_wait_in_vain_fails_on_all_hosts_and_is_explained_once(bed, swarm, tmp_path, service):
    # Not all of its tries have ended before the first look, and none is healthy at any time.
    check = {"test": ["CMD", "true"], "interval": "60s"}
    file = text(web=service(["sh", "-c", "sleep 2; echo no database; exit 3"], deploy=QUICK, healthcheck=check))
    hosts = {f"manager{number}": bed.node("m1").docker_host for number in (1, 2)}
    player = Player(tmp_path, hosts, {"compose.yml": file})
    bed.node("m1").cli(["docker", "stack", "deploy", "-c", str(tmp_path / "compose.yml"), swarm.name])
    done = player.play({"stack_health": {"name": swarm.name, "wait": True, "wait_timeout": 60}})
    assert done.code == 2
    told = {bool(result.get("waited_by")): result for result in done.of()}
    assert set(told) == {True, False}, done.output
    assert {result["error_code"] for result in told.values()} == {"health_gate_failed"}
    assert "no database" in told[False]["msg"] and "the result of that host has the details" in told[True]["msg"]
    assert done.output.count("task 1 failed: exit code 3") >= 1


class Many:
    """The Engine's own answers for one service, which is there a hundred times."""

    def __init__(self, client, stack, count):
        mine = {"filters": {"label": [f"com.docker.stack.namespace={stack}"]}}
        (service,) = client.list("/services", {**mine, "status": True})
        found = client.list("/tasks", mine)
        self.real, self.calls, self.where = client, 0, client.where
        self.lists = {"/services": [], "/tasks": []}
        for number in range(count):
            name = f"s{number}"
            self.lists["/services"].append({**service, "ID": name, "Spec": {**service["Spec"], "Name": name}})
            self.lists["/tasks"] += [{**task, "ID": f"{name}{task['ID']}", "ServiceID": name} for task in found]

    def get(self, path, query=None):
        self.calls += 1
        return self.real.get(path, query)

    def list(self, path, query=None):
        self.calls += 1
        return self.lists.get(path) or self.real.list(path, query)


def test_a_hundred_services_cost_four_calls(core, service):
    core.deploy(text(web=service(deploy={"replicas": 3})))
    many = Many(EngineClient(Connection(docker_host=core.connection.docker_host)), core.stack, 100)
    start = SystemClock.now()
    found = stack_status(many, SystemClock, core.stack, {})
    spent = SystemClock.now() - start
    assert (len(found["services"]), found["overall"], found["calls"]) == (100, "HEALTHY", 4)
    assert spent < 1.0
    print(f"stack_health: 100 services, 300 tasks: {found['calls']} calls, {spent:.3f} s")
