"""A desired state in the form of the oracle, so that both can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import ConvertOptions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.desired import convert
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

#: Like the names that the oracle gave its stacks: networks are sorted by their names in the Swarm.
STACK = "cc5ac4e0a9f1"
AS_DOCKER = ConvertOptions(home="/root", apply_ignored=frozenset())

SECTIONS = ("services", "networks", "secrets", "configs")


class Files(LocalFiles):
    """The real files, and some that only the oracle's run had."""

    def __init__(self, supplied: dict[str, bytes]) -> None:
        super().__init__()
        self.supplied = supplied

    def read(self, path: str, below: str | None = None) -> bytes:
        return self.supplied[path] if path in self.supplied else super().read(path, below)


def desired_of(path: Path, env: dict[str, str], supplied: dict[str, bytes], options: ConvertOptions) -> dict[str, Any]:
    project = load([Source(str(path))], reader=Files(supplied), variables={"HOME": "/root", **env})
    return convert(project, Stack(STACK), options=options)


def specs_of(desired: dict[str, Any], directory: str, placeholder: str) -> dict[str, Any]:
    """The specs with ids where the CLI looked them up; ``directory`` is written as ``placeholder``."""
    found: dict[str, Any] = {section: {} for section in SECTIONS}
    for service in desired["services"]:
        container = service["spec"]["TaskTemplate"]["ContainerSpec"]
        for field, kind in (("Secrets", "Secret"), ("Configs", "Config")):
            for reference in container.get(field, ()):
                reference[kind + "ID"] = "@id:" + reference[kind + "Name"]
        credentials = container["Privileges"]["CredentialSpec"]
        if credentials and credentials["Config"]:
            credentials["Config"] = "@id:" + credentials["Config"]
        found["services"][service["name"]] = service["spec"]
    for section in ("networks", "secrets", "configs"):
        for entry in desired[section]:
            if not entry["external"]:
                data = {"Data": entry["data"]} if entry.get("data") is not None else {}
                found[section][entry["name"]] = {**entry["spec"], **data}
    return _replaced(found, {STACK: "@S", directory: placeholder})


def _replaced(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {_replaced(key, words): _replaced(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, words) for item in value]
    if isinstance(value, str):
        for word, other in words.items():
            value = value.replace(word, other)
    return value
