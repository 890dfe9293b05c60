# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References of a service to configs and secrets."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.privileges import credential_config

_DEFAULT_MODE = 0o444
_NAME_FIELD = {"configs": "ConfigName", "secrets": "SecretName"}


@makes("TaskTemplate.ContainerSpec.Configs", "configs", "credential_spec")
def config_references(scope: Scope) -> list[dict[str, Any]] | None:
    found = _references(scope, "configs")
    key = credential_config(scope)
    if key:
        name = scope.context.object_name("configs", key, scope.path("credential_spec", "config"))
        found.append({"Runtime": {}, "ConfigName": name})
    return sorted(found, key=_order) or None


@makes("TaskTemplate.ContainerSpec.Secrets", "secrets")
def secret_references(scope: Scope) -> list[dict[str, Any]] | None:
    return sorted(_references(scope, "secrets"), key=_order) or None


def _order(reference: dict[str, Any]) -> tuple[str, str]:
    """Sorts by the object's name, like docker's CLI; it leaves references to one object in a random order."""
    return (reference.get("ConfigName") or reference.get("SecretName", ""), reference.get("File", {}).get("Name", ""))


def _references(scope: Scope, kind: str) -> list[dict[str, Any]]:
    found, seen = [], set()
    for index, reference in enumerate(read.items(scope.service, kind, scope.path()) or []):
        path = scope.path(kind, index)
        source = read.text(reference, "source", path) or ""
        target = read.text(reference, "target", path) or source
        if target in seen:
            raise scope.invalid(
                f"two {kind} have the target {target!r}",
                kind,
                index,
                hint="Give one of them another 'target'.",
                code="duplicate",
            )
        seen.add(target)
        mode = read.parsed(reference, "mode", path, _file_mode)
        file = {
            "Name": target,
            "UID": read.text(reference, "uid", path) or "0",
            "GID": read.text(reference, "gid", path) or "0",
            "Mode": _DEFAULT_MODE if mode is None else mode,
        }
        found.append({"File": file, _NAME_FIELD[kind]: scope.context.object_name(kind, source, path)})
    return found


def _file_mode(value: object) -> int:
    """Parses a file mode: a number is the mode itself, text is octal, as in Compose. Raises ValueError."""
    if isinstance(value, str):
        digits = value[2:] if value[:2].lower() == "0o" else value
        if not digits or set(digits) - set("01234567") or len(digits) > 5:
            raise ValueError(f"{value!r} is not a valid file mode; write for example 0440")
        return int(digits, 8)
    mode = read.count({"mode": value}, "mode", ())
    if mode is None or mode >= 2**32:
        raise ValueError(f"{value!r} is not a valid file mode; write for example 0440")
    return mode
