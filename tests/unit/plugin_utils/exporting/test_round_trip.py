"""Deploying, exporting and compiling again gives the same stack, for all golden cases of convert and platform."""

import importlib.util
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import awake
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import (
    bind_values,
    references_in,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import export_stack

_SPEC = importlib.util.spec_from_file_location(
    "desired_cases", Path(__file__).parents[1] / "compose" / "desired_cases.py"
)
desired_cases = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(desired_cases)
CASES = [
    path
    for stage in ("convert", "platform")
    for path in desired_cases.directories(stage)
    if "problems:" not in (path / "expected.yml").read_text()
]
#: What the golden cases have that no Engine runs, or no Compose file says.
NAMED = {
    "devices": ["service shop_b: a deployment would update it (TaskTemplate.Resources)"],
    "mounts": ["services.a.volumes[5].type: services can't mount images"],
    "safe_updates": ["services.published.ports[0]: port 80/tcp is also published by service 'ingress'"],
}


def observed_of(desired):
    """Returns a Swarm with exactly the objects of ``desired``."""
    observed = {"info": {"Swarm": {"Nodes": 1}}, "api": [1, 47], "key": None, "predefined": {}}
    for kind in ("services", "networks", "configs", "secrets"):
        observed[kind] = [_stored(kind, entry, number) for number, entry in enumerate(desired[kind])]
    observed["predefined"] = {
        network["Id"]: network["Name"] for network in observed["networks"] if network["Name"] in ("host", "bridge")
    }
    return observed


def _stored(kind, entry, number):
    spec = entry["spec"] or {"Name": entry["name"], "Labels": {}}
    if kind == "networks":
        return {"Id": f"id-{entry['name']}", "Scope": "swarm", **spec}
    if entry.get("data"):
        spec = {**spec, "Data": entry["data"]}
    return {"ID": f"{kind}-{number}", "Version": {"Index": 1}, "Spec": spec}


@pytest.mark.parametrize("directory", CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_exported_and_deployed_again_it_is_the_same(directory):
    desired = desired_cases.run(directory)
    stack = desired["stack"]
    desired = bind_values(desired, dict.fromkeys(references_in(desired), "a {{ 'value' }}: $5"))
    observed = observed_of(desired)
    exported = export_stack(stack["name"], observed, stack["prefix"])
    assert exported.lost == NAMED.get(directory.name, []), exported.files["compose.yml"].decode()
    assert exported.services == [s["key"] for s in desired["services"]]


def test_what_no_file_can_say_is_named():
    """The proof compares all fields, even those without a key in Compose files."""
    desired = desired_cases.run(desired_cases.directories("convert")[-2])
    observed = observed_of(desired)
    observed["services"][0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Annotated"] = "by hand"
    exported = export_stack("shop", observed, "stackwright")
    assert [one.rpartition(": ")[2] for one in exported.lost] == [
        "a deployment would update it (TaskTemplate.ContainerSpec.Annotated)"
    ]


@pytest.mark.parametrize("has_run", [False, True], ids=["asleep", "after-a-run"])
def test_a_job_on_a_schedule_has_its_replicas_and_no_runs(has_run):
    labels = {"stackwright.cron.schedule": "@daily"}
    deploy = {"mode": "replicated-job", "replicas": 2, "labels": labels, "restart_policy": {"condition": "none"}}
    file = {"services": {"backup": {"image": "backup:1", "deploy": deploy}}}
    desired = compile_stack(CompileRequest(sources=[Source("compose.yml", file)], name="shop"), MemoryFiles({}))
    observed = observed_of(desired)
    (job,) = observed["services"]
    if has_run:
        job["Spec"] = awake(job["Spec"], [{"slot": "2026-11-21T00:00:00Z", "started": "2026-11-21T00:00:03Z"}])
    exported = export_stack("shop", observed, "stackwright")
    text = exported.files["compose.yml"].decode()
    assert exported.lost == [] and "replicas: 2" in text and "stackwright.cron:" not in text, text
