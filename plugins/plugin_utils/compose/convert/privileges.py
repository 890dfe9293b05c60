# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security: ``security_opt`` and ``credential_spec``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.readers import mapping, text, texts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes

_SELINUX = {"user": "User", "role": "Role", "type": "Type", "level": "Level"}
_CREDENTIALS = {"config": "Config", "file": "File", "registry": "Registry"}


@makes("TaskTemplate.ContainerSpec.Privileges")
def privileges(scope: Scope) -> dict[str, Any]:
    """Returns the Privileges. It always has these three keys, as in docker's CLI."""
    result: dict[str, Any] = {
        "CredentialSpec": _credential_spec(scope),
        "NoNewPrivileges": False,
        "SELinuxContext": None,
    }
    options = texts(scope.service, "security_opt", scope.path()) or []
    if options and scope.applies("security_opt"):
        for index, option in enumerate(options):
            name, value = _split(option)
            apply = _OPTIONS.get(name)
            if apply is None or not apply(result, value):
                scope.notice(
                    f"{option!r} has no effect in Swarm", "security_opt", index, hint="Remove it.", code="no_effect"
                )
    return result


def _split(option: str) -> tuple[str, str]:
    """Splits ``NAME=VALUE``, or the older ``NAME:VALUE``."""
    separator = "=" if "=" in option else ":"
    name, _separator, value = option.partition(separator)
    return name.strip(), value.strip()


def _no_new_privileges(result: dict[str, object], value: str) -> bool:
    result["NoNewPrivileges"] = value.lower() in ("", "true", "1")
    return True


def _seccomp(result: dict[str, object], value: str) -> bool:
    if value != "unconfined":
        return False
    result["Seccomp"] = {"Mode": "unconfined"}
    return True


def _apparmor(result: dict[str, object], value: str) -> bool:
    if value != "unconfined":
        return False
    result["AppArmor"] = {"Mode": "disabled"}
    return True


def _label(result: dict[str, Any], value: str) -> bool:
    name, _colon, setting = value.partition(":")
    if value != "disable" and not (name in _SELINUX and setting):
        return False
    context = result["SELinuxContext"] or {"Disable": False, "User": "", "Role": "", "Type": "", "Level": ""}
    context["Disable" if value == "disable" else _SELINUX[name]] = True if value == "disable" else setting
    result["SELinuxContext"] = context
    return True


_OPTIONS: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "no-new-privileges": _no_new_privileges,
    "seccomp": _seccomp,
    "apparmor": _apparmor,
    "label": _label,
}


def credential_config(scope: Scope) -> str | None:
    """Returns the key of the config that ``credential_spec`` refers to."""
    spec = mapping(scope.service, "credential_spec", scope.path())
    return text(spec, "config", scope.path("credential_spec")) or None if spec else None


def _credential_spec(scope: Scope) -> dict[str, str] | None:
    """Returns the CredentialSpec; its ``Config`` is the config's name, which the manager replaces with the id."""
    spec = mapping(scope.service, "credential_spec", scope.path())
    if not spec:
        return None
    path = scope.path("credential_spec")
    result = {field: text(spec, key, path) or "" for key, field in _CREDENTIALS.items()}
    if len([value for value in result.values() if value]) != 1:
        raise scope.invalid("needs exactly one of config, file and registry", "credential_spec", code="conflict")
    if result["Config"]:
        result["Config"] = scope.context.object_name("configs", result["Config"], (*path, "config"))
    return result
