"""Every module against an Engine that answers as 29 does (engine_29.py): it can't be had here itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core
from engine_29 import NEWEST, Engine29
from forward import forwarded
from playbook import OURS, Player
from testbed import for_tests

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_info import SECTIONS

BEHIND = "28.5"
SPEAKS = (1, 51)  # what that one knows
QUIET = "sh -c 'echo here I am; trap exit TERM; sleep 1d & wait'"
FILE = """
services:
  web:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    environment: {{GREETING: {greeting}}}
    healthcheck: {{test: {test}, interval: 1s, retries: 1, timeout: 5s}}
    networks: [inner]
    volumes: [data:/data]
    configs: [page]
    deploy: {{endpoint_mode: dnsrr, update_config: {{monitor: 1s}}, labels: {{site: shop.test}}}}
networks:
  inner: {{ipam: {{config: [{{subnet: 10.229.7.0/24}}]}}}}
volumes:
  data:
configs:
  page: {{content: hello}}
"""
#: What is found wrong with the machine of the tests, and says nothing about the stack.
MACHINE = {"not_local", "no_ipvs", "no_overlay", "storage_driver", "disk_space", "inodes"}
#: They speak to a proxy, to a receiver of notifications, or to nobody; stack_glance is a part of compose_stack.
OTHERS = {"caddy_route", "caddy_route_info", "caddy_server", "stack_glance", "stack_notification"}
OTHERS |= {"file_fetch", "services_registry_compose", "services_registry_import"}
REGISTRY = "apps: {web: {image: example/web, version: 1.10}}\n"


@pytest.fixture
def behind(bed):
    """The bed of the session, whose engine is the newest."""
    if for_tests.engine() != BEHIND:
        pytest.skip(f"needs an engine that speaks as new an API: STACKWRIGHT_TEST_ENGINE={BEHIND}")
    return bed


@pytest.fixture
def scope(behind, request):
    with for_tests.scope_for(behind, request) as scope:
        yield scope


@pytest.fixture
def engine(behind, tmp_path):
    with Engine29(behind.node("m1").docker_host.removeprefix("unix://"), tmp_path / "29.sock", SPEAKS) as engine:
        yield engine


@pytest.fixture
def ask(engine):
    """Makes a client that speaks ``version``."""
    made = []

    def client(version="auto"):
        made.append(EngineClient(Connection(docker_host=engine.docker_host, timeout=30, api_version=version)))
        return made[-1]

    yield client
    for one in made:
        one.close()


def text(behind, greeting="one", test="true"):
    return FILE.format(
        image=behind.images["busybox"], command=json.dumps(QUIET), greeting=greeting, test=json.dumps(test)
    )


def test_it_answers_as_29(ask, engine):
    told = ask("1.54").get("/version")
    assert (told["Version"], told["ApiVersion"], told["MinAPIVersion"]) == ("29.0.0", "1.54", "1.44")
    assert all(node["Description"]["Engine"]["EngineVersion"] == "29.0.0" for node in ask().list("/nodes"))
    assert ask().get("/_ping", stream=True) == b"OK" and engine.refused == 0


@pytest.mark.parametrize("path", ["/info", "/services", "/_ping"])
def test_the_version_is_agreed_on(ask, engine, path):
    """By the first answer of all, whatever is asked for first."""
    client = ask()
    client.get(path, stream=path == "/_ping")
    client.list("/services")
    assert client.api_version == SPEAKS and engine.refused == 0


def test_over_tcp(engine):
    """With the Docker SDK, which has an opinion of its own on versions."""
    with forwarded(engine.path) as address:
        client = EngineClient(Connection(docker_host=f"tcp://{address}", timeout=30))
        client.list("/services")
        client.close()
    assert client.api_version == SPEAKS and engine.refused == 0


@pytest.mark.parametrize("version", ["1.24", "1.41", "1.43", "1.55", "2.0"])
@pytest.mark.parametrize("path", ["/info", "/services"])
def test_a_version_that_it_refuses(ask, engine, version, path):
    """Says which are all right, and to take auto."""
    with pytest.raises(EngineError) as caught:
        ask(version).get(path)
    error = caught.value
    assert error.error_code == "engine_error" and engine.refused == 1
    assert f"client version {version} is too " in str(error) and ("1.44" in str(error) or "1.54" in str(error))
    assert "DOCKER_API_VERSION" in str(error) and "auto" in str(error)


@pytest.mark.parametrize("version", ["auto", "1.44", "1.54"])
def test_a_stack_in_one_process(engine, behind, scope, tmp_path, version):
    """Deploys, changes nothing the second time, stops, and removes; with each version that it takes."""
    core = Core(engine.docker_host, scope.name, tmp_path)
    core.client.api_version = None if version == "auto" else tuple(map(int, version.split(".")))
    try:
        assert core.deploy(text(behind))["status"] == "healthy"
        again = core.deploy(text(behind))
        assert not again["changed"] and core.writes == []
        assert core.stop()["changed"] and core.remove()["changed"]
    finally:
        core.client.close()
    assert engine.refused == 0


@pytest.mark.parametrize("version", ["auto", "1.54"])
def test_every_module(engine, behind, scope, tmp_path, version):
    texts = {"one.yml": text(behind), "two.yml": text(behind, "two"), "ill.yml": text(behind, "ill", "false")}
    player = Player(tmp_path, {"m1": engine.docker_host}, texts)
    name, of_it = {"name": scope.name}, {"com.docker.stack.namespace": scope.name}
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    without_systemd = {"encrypt_command": "cat", "downtime": True, "stop_command": "false", "start_command": "false"}
    rollout = {"rollout": {"stable_for": 0.2, "timeout": 120}}
    route = {"base_path": "/", "service": f"{scope.name}_web", "upstream": "web", "port": 80}
    route["from_labels"] = {"domain": "site"}
    story = [
        ("swarm_cluster", {"role": "manager"}),
        ("stack_preflight", {**name, "src": "one.yml", "fail_on": "never"}),
        ("compose_stack", {**name, "src": "one.yml", **rollout}),
        ("compose_stack", {**name, "src": "one.yml", **rollout}),
        ("compose_stack", {**name, "src": "two.yml", **rollout}),
        ("compose_stack", {**name, "src": "ill.yml", **rollout}),
        ("stack_health", {**name, "wait": True}),
        ("stack_info", {**name, "history": True}),
        ("swarm_info", {"gather": [*SECTIONS]}),
        ("stack_logs", name),
        ("stack_routes", {}),
        ("caddy_route_values", {"routes": [route]}),
        ("stack_service", {**name, "service": "web", "state": "scaled", "replicas": 2, **rollout}),
        ("stack_drift", {**name, "fail_on_drift": False}),
        ("stack_rollback", {**name, "to": 1, **rollout}),
        ("stack_values", {**name, "state": "present", "values": {"KEY": "hunter2hunter2"}, "store": "swarm"}),
        ("stack_values", {**name, "state": "listed", "store": "swarm"}),
        ("services_registry_info", {**name, "src": str(tmp_path / "registry.yaml")}),
        ("stack_load", {**name, "seconds": 0.2}),
        ("swarm_config", {"name": f"{scope.name}_conf", "data": "one"}),
        ("swarm_secret", {"name": f"{scope.name}_key", "data": "hunter2hunter2"}),
        ("swarm_network", {"name": f"{scope.name}_net", "ipam": [{"subnet": "10.229.8.0/24"}]}),
        ("swarm_node", {"name": "m1", "labels": {"disk": version}}),
        ("swarm_rebalance", {"stacks": [scope.name]}),
        ("volume_snapshot", {**name, "volumes": ["data"], "dest": str(tmp_path), "quiesce": "none"}),
        ("volume_restore", {**name, "volume": "data", "src": str(tmp_path), "quiesce": "stop"}),
        (
            "volume_copy",
            {"volume": f"{scope.name}_data", "to": f"{scope.name}_copy", "quiesce": "none", "labels": of_it},
        ),
        ("stack_export", {**name, "dest": str(tmp_path / "exported")}),
        ("swarm_bundle", {"state": "saved", "path": str(tmp_path), "password": "hunter2hunter2"}),
        ("swarm_raft", {"state": "saved", "path": str(tmp_path), **without_systemd}),
        ("swarm_report", {"dest": str(tmp_path / "report.json"), "format": "json"}),
        ("node_prune", {"images": "none", "build_cache": False}),
        ("stack_cleanup", {**name, "volumes": True, "images": True, "values": True}),
    ]
    assert {module for module, _options in story} == OURS - OTHERS
    run = player.play(
        *({module: {**options, "api_version": version}, "ignore_errors": True} for module, options in story)
    )
    results = [line["result"] for line in run.lines]
    assert len(results) == len(story), run.output
    failed = [number for number, line in enumerate(run.lines) if line["status"] == "failed"]
    assert failed == [5, 29], run.output
    init, found, first, again, second, ill, health, info, swarm, logs, *results = results
    routes, route_values, scaled, drift, back, kept, listed, *results = results
    registry, load, *objects, node, spread, saved, restored, copied, exported, bundle, raft = results[:-3]
    report, pruned, clean = results[-3:]
    assert not init["changed"] and {f["code"] for f in found["findings"]} <= MACHINE, found["findings"]
    assert first["changed"] and not again["changed"] and second["status"] == "healthy"
    assert ill["error_code"] == "health_gate_failed" and "its health check fails" in ill["msg"], ill["msg"]
    assert ill["failures"][0]["health_check"] == ["exit code 1"], ill["failures"]
    assert health["status"] == "healthy" and info["stacks"][0]["networks"][0]["subnets"] == ["10.229.7.0/24"]
    assert {node["engine"] for node in swarm["nodes"]} == {"29.0.0"}
    assert any("here I am" in line for line in logs["text"].splitlines())
    assert routes["owed"] == [] and len(route_values["handed_routes"]) == 1, (routes, route_values)
    assert scaled["status"] == "healthy" and not drift["drifted"], drift
    assert back["changed"] and kept["changed"] and listed["kept_values"]
    assert [service["name"] for service in registry["deployed"]] == ["web"] and load["tasks"], (registry, load)
    assert len(objects) == 3 and all(
        one["changed"] for one in [*objects, node, saved, copied, exported, bundle, report]
    )
    assert not spread["moved"] and not restored["changed"] and not pruned["changed"], (spread, restored, pruned)
    assert raft["error_code"] == "engine_not_stopped", raft
    assert clean["changed"] and not clean["residue"] and not scope.objects("services"), clean
    assert engine.refused == 0 and engine.versions <= {None, SPEAKS if version == "auto" else NEWEST}
