"""What the Engine refuses the rules find before, and nothing else but for a reason: one fault a file.

faults.yml holds the files. Each is compiled without the rules, and what it gives is created on the bed's first manager.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest
import yaml
from testbed import BedError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".cache" / "collections"))


from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NAMESPACE
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.desired import convert
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.check_project import check_project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import check_document
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

CASES = yaml.safe_load(Path(__file__).with_name("faults.yml").read_text(encoding="utf-8"))
KINDS = ("configs", "secrets")


def refusals(node, desired):
    """What the engine says against the objects and services of ``desired``, which are created without any replica."""
    said, ids = [], {}

    def create(url, body):
        try:
            return node.api("POST", url, body)
        except BedError as error:
            said.append(str(error))
            return {}

    for network in desired["networks"]:
        create("/networks/create", {**network["spec"], "Name": network["name"]})
    for kind in KINDS:
        for entry in desired[kind]:
            data = {} if entry["data"] is None else {"Data": entry["data"]}
            ids[entry["name"]] = create(f"/{kind}/create", {**entry["spec"], "Name": entry["name"], **data}).get("ID")
    for service in desired["services"]:
        spec = service["spec"]
        container = spec["TaskTemplate"]["ContainerSpec"]
        for field in ("Config", "Secret"):
            for reference in container.get(f"{field}s") or []:
                reference[f"{field}ID"] = ids[reference[f"{field}Name"]]
        if "Replicated" in spec["Mode"]:
            spec["Mode"]["Replicated"]["Replicas"] = 0
        create("/services/create", spec)
    return said


def clean(node, stack):
    """Removes what the stack has. A network that a task still holds stays: no other test has its name."""
    for kind in ("services", "configs", "secrets", "networks"):
        for entry in node.api("GET", f"/{kind}"):
            labels = entry.get("Spec", entry).get("Labels") or {}
            if labels.get(NAMESPACE) == stack.full_name:
                with contextlib.suppress(BedError):
                    node.api("DELETE", f"/{kind}/{entry.get('ID') or entry['Id']}")


@pytest.mark.parametrize("name", CASES)
def test_fault(name, bed):
    case, node = CASES[name], bed.node("m1")
    project = load([Source("compose.yml", case["file"])], reader=MemoryFiles({}), variables={}, check=check_document)
    stack = Stack(f"f{list(CASES).index(name):02d}")
    found = [str(problem) for problem in check_project(project, stack.full_name)[0]]
    try:
        said = refusals(node, convert(project, stack))
    finally:
        clean(node, stack)
    if "strict" in case:
        assert found and not said
    elif "engine" in case:
        assert said and not found
    else:
        assert bool(found) == bool(said), (found, said)
