"""One play over two clusters: each is deployed to once, at the same time, with its own variables and its own end."""

import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from caddy import VERSIONS, Caddy, running
from playbook import Player
from testbed import for_tests

REGIONS = ("east", "west")

# The check delays 'running' by its interval, so that deployments one after another would not overlap.
COMPOSE = """\
services:
  web:
    image: ${REGISTRY}/busybox:1
    command: ${COMMAND:-sleep 1d}
    stop_grace_period: 1s
    environment:
      REGION: ${REGION}
    healthcheck:
      test: ["CMD", "true"]
      interval: 3s
"""


@pytest.fixture(scope="module")
def clusters():
    """Two Swarms of one node that know nothing of each other."""
    with ExitStack() as stack:
        beds = {region: stack.enter_context(for_tests.bed_for(region)) for region in REGIONS}
        for bed in beds.values():
            bed.images["busybox"]
        yield beds


@pytest.fixture
def player(clusters, tmp_path):
    # Two names for each manager: as where a play names all managers of several clusters.
    hosts = {f"{region}{number}": bed.docker_host for number in (1, 2) for region, bed in clusters.items()}
    return Player(tmp_path, hosts, {"compose.yml": COMPOSE})


def task(registries, **more):
    region = "{{ inventory_hostname[:4] }}"
    variables = {"REGION": region, "REGISTRY": f"{{{{ {registries}[inventory_hostname[:4]] }}}}", **more}
    return {
        "compose_stack": {"name": "shop", "src": "compose.yml", "variables": variables, "rollout": {"timeout": 60}},
    }


def when(text):
    return datetime.fromisoformat(text)


def test_two_clusters_in_one_play(player, clusters):
    registries = {region: bed.registry.address for region, bed in clusters.items()}
    first = player.play(task(registries))
    assert first.code == 0, first.output
    workers = [line["host"] for line in first.lines if line["result"]["changed"]]
    assert sorted(host[:4] for host in workers) == ["east", "west"], "each cluster once"
    for line in first.lines:
        if line["host"] not in workers:
            assert line["result"]["done_by"] == next(host for host in workers if host[:4] == line["host"][:4])
    assert len({line["result"]["cluster_id"] for line in first.lines}) == 2

    made, running = {}, {}
    for region, bed in clusters.items():
        (service,) = bed.node("m1").api("GET", "/services")
        assert service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] == [f"REGION={region}"]
        (its_task,) = bed.node("m1").api("GET", "/tasks")
        assert its_task["Status"]["State"] == "running"
        made[region], running[region] = when(service["CreatedAt"]), when(its_task["Status"]["Timestamp"])
    assert made["east"] < running["west"], "not at the same time"
    assert made["west"] < running["east"], "not at the same time"

    again = player.play(task(registries))
    assert again.code == 0, again.output
    assert [line["result"]["changed"] for line in again.lines] == [False] * 4

    broken = player.play(task(registries, COMMAND="{{ 'false' if inventory_hostname[:4] == 'west' else 'sleep 2d' }}"))
    states = {line["host"]: line["status"] for line in broken.lines}
    assert states == {"east1": "ok", "east2": "ok", "west1": "failed", "west2": "failed"}, broken.output
    codes = {line["result"].get("error_code", "") for line in broken.lines if line["host"].startswith("west")}
    assert codes <= {"health_gate_failed", "timeout"}
    assert "east" not in str([line["result"]["msg"] for line in broken.lines if line["status"] == "failed"])

    gone = player.play({"compose_stack": {"name": "shop", "state": "absent"}})
    assert gone.code == 0, gone.output
    assert [bed.node("m1").api("GET", "/services") for bed in clusters.values()] == [[], []]


ROUTED = """\
services:
  web:
    image: ${IMAGE}
    command: sleep 1d
    stop_grace_period: 1s
    deploy:
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: ${REGION}.example.com
        stackwright.http.routes.0.tls: "off"
"""


def test_each_cluster_only_gives_routes_to_its_own_proxies(clusters, tmp_path):
    """With nobody who says which proxies are whose: a stack of the same name in another Swarm has the same id."""
    with ExitStack() as stack:
        proxies = {
            region: stack.enter_context(running(Caddy(VERSIONS[-1], tmp_path / f"caddy-{region}")))
            for region in REGIONS
        }
        player = Player(tmp_path, {region: bed.docker_host for region, bed in clusters.items()}, {"c.yml": ROUTED})
        inventory = yaml.safe_load((tmp_path / "inventory.yml").read_text())
        # The proxies' hosts are not in the play.
        inventory["swarm_proxies"] = {
            "hosts": {f"{region}-proxy": {"docker_host": bed.docker_host} for region, bed in clusters.items()},
            "vars": inventory["swarm_managers"]["vars"],
        }
        player.write("inventory.yml", yaml.safe_dump(inventory))
        variables = {
            "stack_name": "shop",
            "stack_src": "c.yml",
            "stack_variables": {"REGION": "{{ inventory_hostname }}", "IMAGE": "{{ images[inventory_hostname] }}"},
            "images": {region: bed.images["busybox"] for region, bed in clusters.items()},
            "stack_admin": {f"{region}-proxy": [proxy.url] for region, proxy in proxies.items()},
            "stack_on_unlisted_proxy": "ignore",
            "stack_rollout": {"stable_for": 0.3, "timeout": 60},
        }

        def play(forks, **more):
            role = {"ansible.builtin.import_role": {"name": "stackwright.swarm.stack"}, "vars": {**variables, **more}}
            run = player.play(role, environment={"ANSIBLE_FORKS": str(forks)})
            assert run.code == 0, run.output
            return run

        def domains():
            return {region: str([route.get("match") for route in proxy.routes()]) for region, proxy in proxies.items()}

        first = play(forks=1)
        for region, text in domains().items():
            assert f"{region}.example.com" in text
            assert not [other for other in REGIONS if other != region and f"{other}.example.com" in text], text
        told = {
            line["host"]: line["result"].get("routes_result")
            for line in first.lines
            if "routes_result" in line["result"]
        }
        assert {host: [one["proxy"] for one in of] for host, of in told.items()} == {
            region: [f"{region}-proxy"] for region in REGIONS
        }
        assert not any(line["result"].get("changed") for line in play(forks=5).lines)

        # The one that loses its stack does not take the routes of the other.
        gone = {"stack_state": "{{ 'absent' if inventory_hostname == 'east' else 'present' }}"}
        play(forks=5, **gone)
        assert "east" not in domains()["east"] and "west.example.com" in domains()["west"]
        play(forks=5, stack_state="absent")
