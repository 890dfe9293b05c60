"""A stack with labels of the former default prefix: they stay until the next change."""

import copy
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, stop_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prefixes import labels_spelled_like
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.one_service import (
    PAUSED,
    RESUMED,
    service_plan,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.stop import stopped
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

sys.path.insert(0, str(Path(__file__).parents[1] / "deploy"))
from fake_clock import Clock
from fake_swarm import FakeSwarm

FILE = """\
services:
  db:
    image: db:1
    volumes: [data:/data, "more:/more"]
    environment: {A: "1"}
  web:
    image: web:1
    configs: [page]
    secrets: [key]
    deploy: {labels: {team: a}}
volumes: {data: {}, more: {labels: {mine: "1"}}}
configs: {page: {content: hello}}
secrets: {key: {environment: KEY}}
"""
OPTIONS = {"wait": False, "resolve_image": "never"}


def compiled(text=FILE, prefix="stackwright"):
    request = CompileRequest(
        [Source("compose.yml", text)],
        name="shop",
        project="acme",
        environment="dev",
        label_prefix=prefix,
        variables={"KEY": "x"},
    )
    return compile_stack(request, MemoryFiles({}))


def deploy(swarm, text=FILE, prefix="stackwright", **options):
    return deploy_stack(swarm, Clock(), compiled(text, prefix), {**OPTIONS, **options})


def service(swarm, key):
    (found,) = [s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == f"acme-dev-shop_{key}"]
    return found


def prefixes(labels):
    return {name.partition("-")[0] for name in labels if name.startswith(("zane-", "stackwright-"))}


def volumes(swarm):
    mounts = service(swarm, "db")["Spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"]
    return [mount["VolumeOptions"]["Labels"] for mount in mounts]


@pytest.fixture
def old():
    swarm = FakeSwarm()
    assert deploy(swarm, prefix="zane")["changed"]
    assert prefixes(service(swarm, "web")["Spec"]["Labels"]) == {"zane"}
    return swarm


@pytest.mark.parametrize("to", ["stackwright", "zane"])
def test_a_run_without_changes_stays_one_whichever_of_the_two_prefixes_is_there(to):
    swarm = FakeSwarm()
    deploy(swarm, prefix="stackwright" if to == "zane" else "zane")
    before = copy.deepcopy(swarm.objects)
    for check in (True, False):
        run = deploy(swarm, prefix=to, check=check)
        assert (run["changed"], run["plan"], run["notices"]) == (False, [], [])
    assert swarm.objects == before


def test_what_changes_anyway_moves_and_nothing_else(old):
    web = copy.deepcopy(service(old, "web"))
    run = deploy(old, FILE.replace('A: "1"', 'A: "2"'))
    assert [(op["name"], op["action"]) for op in run["plan"]] == [("acme-dev-shop_db", "update")]
    assert "labels now begin with stackwright" in run["plan"][0]["reason"]
    assert prefixes(service(old, "db")["Spec"]["Labels"]) == {"stackwright"}
    assert [prefixes(labels) for labels in volumes(old)] == [{"stackwright"}, {"stackwright"}]
    assert service(old, "web") == web
    again = deploy(old, FILE.replace('A: "1"', 'A: "2"'))
    assert not again["changed"]


def test_volumes_keep_their_labels_while_the_tasks_stay(old):
    template = copy.deepcopy(service(old, "db")["Spec"]["TaskTemplate"])
    text = FILE.replace('environment: {A: "1"}', 'environment: {A: "1"}\n    deploy: {replicas: 2}')
    run = deploy(old, text)
    assert [op["restarts"] for op in run["plan"]] == [0]
    assert service(old, "db")["Spec"]["TaskTemplate"] == template
    assert prefixes(service(old, "db")["Spec"]["Labels"]) == {"stackwright"}
    assert not deploy(old, text)["changed"]


def test_a_prefix_of_the_users_own_holds(old):
    run = deploy(old, prefix="acme")
    assert {op["name"].partition("_")[2] for op in run["plan"] if op["kind"] == "service"} == {"db", "web"}
    assert service(old, "web")["Spec"]["Labels"]["acme-managed"] == "true"
    back = deploy(old)
    assert back["changed"]


def test_counts_of_a_stop_are_read_under_both(old):
    text = FILE.replace("{labels: {team: a}}", "{labels: {team: a}, replicas: 3}")
    deploy(old, text, prefix="zane")
    stop_stack(old, Clock(), "acme-dev-shop", {**OPTIONS, "prefix": "zane"})
    assert service(old, "web")["Spec"]["Labels"]["zane-replicas-before-stop"] == "3"
    assert not stop_stack(old, Clock(), "acme-dev-shop", OPTIONS)["changed"]
    deploy(old)  # the file does not say how many
    web = service(old, "web")["Spec"]
    assert web["Mode"]["Replicated"]["Replicas"] == 3
    assert not deploy(old)["changed"]
    stop_stack(old, Clock(), "acme-dev-shop", {**OPTIONS, "prefix": "zane"})
    labels = service(old, "web")["Spec"]["Labels"]
    assert [labels.get(p + "-replicas-before-stop") for p in ("stackwright", "zane")] == [None, "3"]


def test_a_stop_leaves_one_count():
    spec = {"Labels": {"zane-replicas-before-stop": "7"}, "Mode": {"Replicated": {"Replicas": 2}}, "TaskTemplate": {}}
    assert stopped(spec, "stackwright")[0]["Labels"] == {"stackwright-replicas-before-stop": "2"}
    assert stopped(spec, "acme")[0]["Labels"] == {"acme-replicas-before-stop": "2", "zane-replicas-before-stop": "7"}


def test_an_update_that_was_held_under_one_prefix_goes_on_under_the_other():
    template = {"ContainerSpec": {"Image": "a"}}
    spec = {
        "Name": "s",
        "Mode": {"Replicated": {"Replicas": 2}},
        "TaskTemplate": template,
        "UpdateConfig": {"Delay": 5},
    }
    live = {"ID": "1", "Version": {"Index": 1}, "Spec": spec, "UpdateStatus": {"State": "updating"}}
    (held,) = service_plan(live, PAUSED, "zane", 1).operations
    live = {**live, "Spec": held.payload["spec"]}
    (kept,) = service_plan(live, PAUSED, "stackwright", 1).operations
    assert kept.action == "keep"
    (resumed,) = service_plan(live, RESUMED, "stackwright", 1).operations
    assert (resumed.payload["spec"]["UpdateConfig"], resumed.payload["spec"]["Labels"]) == ({"Delay": 5}, {})


def test_labels_of_routes_are_shown_under_both():
    swarm = FakeSwarm()
    for prefix in ("zane", "stackwright"):
        labels = f"{{{prefix}.http.port: 80, {prefix}.http.routes.0.domain: a.example.com}}"
        deploy(swarm, f"services: {{web: {{image: a, deploy: {{labels: {labels}}}}}}}")
        (shown,) = stack_info(swarm)["stacks"]
        assert [route["domain"] for route in shown["routes"]] == ["a.example.com"]
        assert not deploy(swarm, f"services: {{web: {{image: a, deploy: {{labels: {labels}}}}}}}")["changed"]


@pytest.mark.parametrize(
    "want, there, prefix, found",
    [
        ({"stackwright-managed": "true"}, {"zane-managed": "x"}, "stackwright", {"zane-managed": "true"}),
        ({"zane-stack": "1"}, {"stackwright-stack": "1"}, "zane", {"stackwright-stack": "1"}),
        ({"stackwright-mine": "1"}, {"zane-mine": "1"}, "stackwright", {"stackwright-mine": "1"}),
        ({"acme-stack": "1"}, {"zane-stack": "1"}, "acme", {"acme-stack": "1"}),
        ({"stackwright-stack": "1"}, {}, "stackwright", {"stackwright-stack": "1"}),
        (None, {"zane-stack": "1"}, "stackwright", {}),
        ({"a": "1"}, None, "stackwright", {"a": "1"}),
        (
            {"stackwright-stack": "1"},
            {"zane-stack": "1", "stackwright-stack": "1"},
            "stackwright",
            {"stackwright-stack": "1"},
        ),
    ],
)
def test_only_labels_of_ours_are_spelled_as_there(want, there, prefix, found):
    assert labels_spelled_like(want, there, prefix) == found
