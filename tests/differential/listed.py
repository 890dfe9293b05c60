"""Which differences from docker's CLI are meant: ``convert/differences.yml``, applied to plans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

#: What only the whole compiler does, since it knows the stack's name.
PROJECT_NAME = {
    "id": "project-name",
    "title": "COMPOSE_PROJECT_NAME is the stack's name",
    "paths": r"\.ContainerSpec\.(Args|Env)$",
    "files": ["compose-spec+docs/04-version-and-name-L23.yml"],
}
DIFFERENCES = [
    *yaml.safe_load((Path(__file__).parent / "convert" / "differences.yml").read_text()),
    PROJECT_NAME,
]
KEY = "stackwright.key"
SECRETS = "secret"
SECRET_PATH = "TaskTemplate.ContainerSpec.Secrets"


def reasons_for(case: str, plan: Iterable[Mapping[str, Any]]) -> tuple[set[str], list[str]]:
    """The ids of the listed reasons why a plan is not empty, and what no reason covers.

    The content of secrets can't be read back, so new secrets and the services that switch to them are listed too.
    """
    listed = [reason for reason in DIFFERENCES if not reason.get("refused") and case in reason["files"]]
    found: set[str] = set()
    unlisted: list[str] = []
    for operation in plan:
        for path in _paths(operation):
            reason = _is_secret(operation, path) or next((r["id"] for r in listed if covers(r, path)), "")
            if reason:
                found.add(reason)
            else:
                unlisted.append(f"{operation['action']} {operation['kind']} {operation['name']} {path}")
    return found, unlisted


def refused(case: str, codes: Iterable[str]) -> str:
    """The id of the listed reason why the compiler refuses this file with these codes, or nothing."""
    for reason in DIFFERENCES:
        if case in reason["files"] and all(re.search(reason["paths"], f"error:{code}") for code in codes):
            return str(reason["id"])
    return ""


def is_listed(case: str) -> bool:
    """Whether any listed difference is about this file."""
    return any(case in reason["files"] for reason in DIFFERENCES)


def covers(reason: Mapping[str, Any], path: str) -> bool:
    """Whether a reason's pattern, made for whole fields, fits this field or the part of it that a plan names."""
    parts = path.split(".")
    return any(re.search(reason["paths"], "." + ".".join(parts[:count])) for count in range(1, len(parts) + 1))


def _paths(operation: Mapping[str, Any]) -> list[str]:
    if operation["action"] == "update":
        return [change["path"] for change in operation["changes"]] or ["(no change named)"]
    return [f"{operation['kind']}s.@S_{operation['key'] or operation['name'].partition('_')[2]}"]


def _is_secret(operation: Mapping[str, Any], path: str) -> str:
    if operation["kind"] == "secret" or operation["name"] == KEY:
        return SECRETS
    return SECRETS if operation["kind"] == "service" and path.startswith(SECRET_PATH) else ""
