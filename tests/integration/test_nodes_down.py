"""Every module while a worker or a manager is dead: true statuses, what is untouched is never undone, and each ends
within its limits. A manager that dies at its work: test_takeover.py, tests/faults/test_leaders.py.

Takes minutes: STACKWRIGHT_LONG=1.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from playbook import Player
from testbed import for_tests
from testbed.commands import wait_for

pytestmark = pytest.mark.skipif(os.environ.get("STACKWRIGHT_LONG") != "1", reason="takes minutes: STACKWRIGHT_LONG=1")
COMPOSE = """\
services:
  db:
    image: {image}
    command: [sleep, 1d]
    stop_signal: SIGKILL
    volumes: [data:/data]
    environment: {{PASSWORD: "{{{{ generate_secure_password }}}}"}}
    deploy: {{placement: {{constraints: [node.hostname == {victim}]}}}}
  web:
    image: {image}
    command: [sh, -c, "echo hello from web; exec sleep 1d"]
    stop_signal: SIGKILL
    environment: {{RELEASE: "${{RELEASE}}"}}
    deploy: {{placement: {{constraints: [node.hostname != {victim}]}}, update_config: {{monitor: 10ms}}}}
volumes: {{data: {{}}}}
"""
ROLLOUT = {"timeout": 60, "stable_for": 0.3}
#: Seconds beside what a task's own limits allow: for three hosts at once on a busy machine.
SLACK = 60


@pytest.fixture(scope="module")
def bed():
    with for_tests.bed_for("down", keep=True, managers=3, workers=1) as made:
        yield made


@pytest.fixture
def swarm(bed, request, victim):
    with for_tests.scope_for(bed, request) as scope:
        yield scope
        if not bed.node(victim).is_up:
            bed.start(victim)
        bed.wait_ready()


class Site:
    def __init__(self, bed, stack, folder, victim):
        self.bed, self.stack, self.victim = bed, stack, victim
        managers = {name: node.docker_host for name, node in bed.nodes.items() if node.role == "manager"}
        self.hosts = [name for name in managers if name != victim]
        self.alive = bed.node(self.hosts[-1])
        self.player = Player(
            folder, managers, {"compose.yml": COMPOSE.format(image=bed.images["busybox"], victim=victim)}
        )

    def files(self, release, **more):
        return {"name": self.stack, "src": "compose.yml", "variables": {"RELEASE": str(release)}, **more}

    def deploy(self, release, **more):
        return {"compose_stack": self.files(release, rollout=ROLLOUT, values={"store": "swarm"}, **more)}

    def play(self, **tasks):
        """Name → what the living hosts say: their results, and the seconds of the slowest."""
        written = [{"name": name, "ignore_errors": True, **task} for name, task in tasks.items()]
        played = self.player.play(*written)
        assert "Traceback" not in played.output and "MODULE FAILURE" not in played.output, played.output
        found = {}
        for name in tasks:
            mine = [line for line in played.lines if line["task"] == name]
            for line in mine:
                line["result"]["failed"] = line["status"] == "failed"
            if self.victim.startswith("m"):
                (dead,) = (line["result"] for line in mine if line["host"] == self.victim)
                codes = [finding["code"] for finding in dead.get("findings", [])]
                assert "daemon_unreachable" in (dead.get("error_code"), *codes), (name, dead)
            alive = [line for line in mine if line["host"] in self.hosts]
            found[name] = [line["result"] for line in alive], max(line["seconds"] for line in mine)
        return found

    def untouched(self):
        """What nobody has changed: the service whose node is dead."""
        services = self.alive.api("GET", "/services")
        (found,) = (service for service in services if service["Spec"]["Name"] == f"{self.stack}_db")
        return found["Spec"], found["UpdatedAt"]

    def release(self):
        services = self.alive.api("GET", "/services")
        (web,) = (service for service in services if service["Spec"]["Name"] == f"{self.stack}_web")
        return web["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]


def done(results):
    """The result of the host that has done the work; the others have not failed."""
    assert not any(result.get("failed") for result in results), results
    (found,) = (result for result in results if result["changed"])
    return found


def statuses(result):
    return {service["name"].rpartition("_")[2]: service["status"] for service in result["services"]}


@pytest.mark.parametrize("victim", ["w1", "m2", "m1"])
def test_every_module(bed, swarm, tmp_path, victim, record_property):
    site = Site(bed, swarm.name, tmp_path, victim)
    for release in (1, 2):
        first = site.player.play(site.deploy(release))
        assert first.code == 0, first.output
    bed.kill(victim)
    nodes = lambda: site.alive.api("GET", "/nodes")  # noqa: E731
    wait_for(
        f"{victim} to be down",
        lambda: [n for n in nodes() if n["Description"]["Hostname"] == victim and n["Status"]["State"] == "down"],
        120,
    )
    only = f"no node can run it: {victim}, the only one with node.hostname == {victim}, is down since "
    name, untouched, took = site.stack, site.untouched(), {}

    def play(limit, **tasks):
        """``limit``: the seconds that each may take by its own options."""
        found = site.play(**tasks)
        for task, (_results, seconds) in found.items():
            took[task] = seconds
            record_property(f"{victim} down: {task}", round(seconds))
            assert seconds < limit + SLACK, (task, seconds)
        return [results for results, _seconds in found.values()]

    # Those that only look.
    health, waited, info, overview, preflight, logs, values, drift = play(
        60,
        stack_health={"stack_health": {"name": name}},
        stack_health_wait={"stack_health": {"name": name, "wait": True, "wait_timeout": 60}},
        stack_info={"stack_info": {"name": name, "history": True}},
        swarm_info={"swarm_info": {"gather": ["stacks", "nodes"], "filters": {"stack": name}}},
        stack_preflight={"stack_preflight": {**site.files(2), "fail_on": "never"}},
        stack_logs={"stack_logs": {"name": name, "services": ["web"]}},
        stack_values={"stack_values": {"name": name, "store": "swarm"}},
        stack_drift={"stack_drift": {"name": name}},
    )
    for result in health:
        assert (result["overall"], statuses(result)) == ("FAILED", {"db": "failed", "web": "healthy"}), result
        assert any(only in service["message"] for service in result["services"]), result
    assert all(result.get("failed") for result in waited) and any(only in result["msg"] for result in waited), waited
    for result in info:
        (stack,) = result["stacks"]
        assert [revision["status"] for revision in stack["revisions"]] == ["HEALTHY"] * 2, result
    for result in overview:
        assert result["stacks"][0]["status"] == "failed", result
    assert any(only.partition(",")[0] in str(result) or victim in str(result["findings"]) for result in preflight)
    assert any("hello from web" in str(result) for result in logs), logs
    assert not any(result.get("failed") for result in (*values, *drift)), (values, drift)
    assert not any(result.get("drift_lines") for result in drift), drift

    # Those that change what is not touched by it.
    nothing, changed, scaled, restarted, back, healed = play(
        60,
        unchanged=site.deploy(2),
        changed=site.deploy(3),
        scaled={"stack_service": {"name": name, "service": "web", "replicas": 2, "rollout": ROLLOUT}},
        restarted={"stack_service": {"name": name, "service": "web", "state": "restarted", "rollout": ROLLOUT}},
        rolled_back={"stack_rollback": {"name": name, "to": 1, "values": {"store": "swarm"}, "rollout": ROLLOUT}},
        healed={"stack_drift": {"name": name, "heal": True, "rollout": ROLLOUT}},
    )
    assert all(result["failed"] and result["error_code"] == "health_gate_failed" for result in nothing), nothing
    assert any(only in result["msg"] for result in nothing), nothing
    for results in (changed, back):
        found = done(results)
        assert statuses(found) == {"db": "failed", "web": "healthy"}, found
        assert only in str(found["notices"]), found
    for results in (scaled, restarted):
        assert statuses(done(results))["web"] == "healthy", results
    assert not any(result.get("failed") or result["changed"] for result in healed), healed
    assert (site.release(), site.untouched()) == (["RELEASE=1"], untouched)

    # Those that end it.
    stopped, cleaned = play(
        60,
        stopped={"compose_stack": {"name": name, "state": "stopped", "rollout": ROLLOUT}},
        cleaned={"stack_cleanup": {"name": name, "volumes": True, "values": True, "wait_timeout": 60}},
    )
    (told,) = done(stopped)["notices"]
    assert told["message"].startswith(f"1 task is left of {name}_db on {victim}, which is down since "), stopped
    residue = [item for result in cleaned for item in result.get("residue", []) if item["kind"] == "volume"]
    assert [(item["name"], item["node"]) for item in residue] == [(f"{name}_data", victim)], cleaned
    assert any(result.get("error_code") == "residue" for result in cleaned), cleaned
    print(f"{victim} down:", {task: round(seconds) for task, seconds in took.items()})
