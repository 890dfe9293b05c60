"""swarm_info against a real Swarm: every section, filters, pages, and how much it costs."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import core  # noqa: F401  (makes the collection importable)
from playbook import Player

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_info import SECTIONS, swarm_info

COMPOSE = """\
version: "3.8"
services:
  web:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
    configs: [page]
    secrets: [password]
    deploy:
      labels: {{app.password: hunter2, app.team: shop}}
      resources:
        reservations: {{cpus: "0.25", memory: 32M}}
      placement: {{constraints: [node.hostname == m1]}}
  nothing:
    image: {image}
    deploy: {{replicas: 0}}
configs:
  page: {{file: page}}
  unused: {{file: page}}
secrets:
  password: {{file: secret}}
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    (tmp_path / "page").write_text("welcome-to-the-page")
    (tmp_path / "secret").write_text("s3cr3t-content")
    (tmp_path / "compose.yml").write_text(COMPOSE.format(image=bed.images["busybox"]))
    bed.node("m1").cli(["docker", "stack", "deploy", "-c", str(tmp_path / "compose.yml"), swarm.name])
    player = Player(tmp_path, {"m1": bed.node("m1").docker_host})
    waited = player.play({"stack_health": {"name": swarm.name, "wait": True, "wait_timeout": 60}})
    assert waited.code == 0, waited.output
    player.address = bed.node("m1").address
    return player


def test_every_section(player, swarm):
    run = player.play({"swarm_info": {"gather": list(SECTIONS), "join_tokens": True}}, verbosity=3)
    assert run.code == 0, run.output
    found = run.last
    assert not found["changed"]
    assert found["calls"] <= 8
    assert found["cluster"]["id"] == found["cluster_id"]
    tokens = found["cluster"]["join_tokens"]
    assert all(token.startswith("SWMTKN-1-") and token.endswith("-********") for token in tokens.values()), tokens
    (node,) = [node for node in found["nodes"] if node["name"] == "m1"]
    assert (node["role"], node["state"], node["availability"], node["leader"]) == ("manager", "ready", "active", True)
    assert node["cpus_reserved"] >= 0.25
    assert node["memory_reserved"] >= 32 * 2**20
    assert node["address"] == player.address
    (stack,) = [stack for stack in found["stacks"] if stack["name"] == swarm.name]
    assert stack == {
        "name": swarm.name,
        "status": "healthy",
        "services": 2,
        "running": 1,
        "desired": 1,
        "networks": 1,
        "configs": 2,
        "secrets": 1,
        "volumes": 0,
        "owner": {"id": "", "name": "", "project": "", "environment": ""},
    }
    users = {item["name"]: item["used_by"] for item in found["configs"] + found["secrets"]}
    assert users[f"{swarm.name}_page"] == users[f"{swarm.name}_password"] == [f"{swarm.name}_web"]
    assert users[f"{swarm.name}_unused"] == []
    (network,) = [item for item in found["networks"] if item["stack"] == swarm.name]
    assert network["used_by"] == [f"{swarm.name}_nothing", f"{swarm.name}_web"]
    (web,) = [item for item in found["services"] if item["name"] == f"{swarm.name}_web"]
    assert web["labels"]["app.team"] == "shop"
    assert [task["service"] for task in found["tasks"] if task["stack"] == swarm.name] == [f"{swarm.name}_web"]
    for planted in ("hunter2", "s3cr3t-content", "welcome-to-the-page"):
        assert planted not in run.output, planted


def test_filters_and_pages(player, swarm):
    mine = {"stack": swarm.name}
    run = player.play(
        {"swarm_info": {"gather": ["services"], "filters": mine, "limit": 1}},
        {"swarm_info": {"gather": ["services"], "filters": mine, "limit": 1, "offset": 1}},
        {"swarm_info": {"gather": ["services"], "filters": {"name": "*_web", **mine}}},
        {"swarm_info": {"gather": ["services"], "filters": {"label": "app.team=sh*"}}},
        {"swarm_info": {"gather": ["tasks"], "filters": {"state": "failed", **mine}}},
        {"swarm_info": {"gather": ["nodes"], "filters": {"role": "worker", "name": "m1"}}},
        {"swarm_info": {"gather": ["services"], "filters": {"label": "App.Team=Shop", "name": "WEB", **mine}}},
        {"swarm_info": {"limit": 0}},
    )
    assert run.code == 2, run.output
    first, second, web, labelled, failed, workers, upper, no_page = run.of()
    assert upper["services"] == []
    assert upper["warnings"] == [
        "Nothing matches the filter label App.Team=Shop, but app.team=shop: names are case-sensitive."
    ]
    assert "warnings" not in web
    assert no_page["error_code"] == "invalid_options"
    assert [item["name"] for item in first["services"]] == [f"{swarm.name}_nothing"]
    assert first["totals"] == {"services": 2}
    assert [item["name"] for item in second["services"]] == [f"{swarm.name}_web"]
    assert [item["name"] for item in web["services"]] == [f"{swarm.name}_web"]
    assert [item["name"] for item in labelled["services"]] == [f"{swarm.name}_web"]
    assert failed["tasks"] == workers["nodes"] == []


class Recorded:
    """The Engine's own answers for one stack, with its services and tasks multiplied."""

    def __init__(self, client, stack, services, tasks):
        mine = {"filters": {"label": [f"com.docker.stack.namespace={stack}"]}}
        (service,) = [
            s for s in client.list("/services", {**mine, "status": True}) if s["Spec"]["Name"].endswith("web")
        ]
        (task,) = client.list("/tasks", mine)
        self.real, self.calls, self.where, self.connection = client, 0, client.where, client.connection
        names = [f"big_{number}" for number in range(services)]
        self.lists = {
            "/services": [{**service, "ID": name, "Spec": {**service["Spec"], "Name": name}} for name in names],
            "/tasks": [
                {**task, "ID": f"{name}.{slot}", "ServiceID": name, "Slot": slot}
                for name in names
                for slot in range(tasks // services)
            ],
        }

    def get(self, path, query=None):
        self.calls += 1
        return self.real.get(path, query)

    def list(self, path, query=None):
        self.calls += 1
        return self.lists.get(path) or self.real.list(path, query)


def test_two_hundred_services_and_a_thousand_tasks(player, bed, swarm):
    client = Recorded(EngineClient(Connection(docker_host=bed.node("m1").docker_host)), swarm.name, 200, 1000)
    start = time.process_time()  # the machine may be busy with other tests
    found = swarm_info(client, SECTIONS)
    spent = time.process_time() - start
    assert len(found["services"]) == 200
    assert len(found["tasks"]) == 1000
    assert found["calls"] <= 8
    assert spent < 1.0
    print(f"swarm_info: 200 services, 1,000 tasks: {spent:.3f} s, {found['calls']} calls")
