# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode, placement, updates, rollbacks and restarts of a service."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path


@makes("UpdateConfig", "deploy")
def update_config(scope: Scope) -> dict[str, Any] | None:
    return _config(scope, "update_config")


@makes("RollbackConfig", "deploy")
def rollback_config(scope: Scope) -> dict[str, Any] | None:
    return _config(scope, "rollback_config")


def _config(scope: Scope, key: str) -> dict[str, Any] | None:
    """Returns the UpdateConfig. It always contains ratio and order, as in docker's CLI."""
    deploy = read.section(scope.service, "deploy", scope.path())
    config = read.mapping(deploy, key, scope.path("deploy"))
    if config is None:
        return None
    path = scope.path("deploy", key)
    parallelism = read.count(config, "parallelism", path)
    return {
        "Parallelism": 1 if parallelism is None else parallelism,
        "MaxFailureRatio": _float32(read.number(config, "max_failure_ratio", path) or 0),
        "Order": read.text(config, "order", path) or "",
        **read.filled(
            Delay=read.parsed(config, "delay", path, units.duration),
            Monitor=read.parsed(config, "monitor", path, units.duration),
            FailureAction=read.text(config, "failure_action", path),
        ),
    }


def _float32(value: float) -> float:
    """Returns the shortest number that equals ``value`` in single precision, the Engine's type of a ratio."""
    single = struct.pack("f", value)
    exact: float = struct.unpack("f", single)[0]
    for digits in range(1, 9):
        rounded = float(f"{exact:.{digits}g}")
        if struct.pack("f", rounded) == single:
            return int(rounded) if rounded.is_integer() else rounded
    return float(f"{exact:.9g}")


_MODES = ("replicated", "global", "replicated-job", "global-job")


@makes("Mode")
def mode(scope: Scope) -> dict[str, Any]:
    """Returns the Mode. Without a number the Engine uses 1; ``deploy.replicas`` wins over ``scale``.

    If others wait until the service has completed, it is a job, unless the file sets a mode.
    """
    deploy = read.section(scope.service, "deploy", scope.path())
    normal = "replicated-job" if scope.key in scope.context.jobs else "replicated"
    name = read.text(deploy, "mode", scope.path("deploy")) or normal
    replicas = read.count(deploy, "replicas", scope.path("deploy"))
    if name not in _MODES:
        raise scope.invalid(
            f"{name!r} is not a valid service mode", "deploy", "mode", hint="Use one of " + ", ".join(_MODES) + "."
        )
    if name in ("global", "global-job"):
        if replicas is not None:
            raise scope.invalid(
                f"mode {name} runs one task on every node, so replicas can't be set",
                "deploy",
                "replicas",
                hint="Remove one of the two.",
                code="conflict",
            )
        return {"Global": {}} if name == "global" else {"GlobalJob": {}}
    if replicas is None:
        replicas = read.count(scope.service, "scale", scope.path())
    if name == "replicated":
        return {"Replicated": read.given(Replicas=replicas)}
    return {"ReplicatedJob": read.given(MaxConcurrent=replicas, TotalCompletions=replicas)}


_SYSTEMS = ("linux", "windows", "darwin", "freebsd")
#: Nodes report the kernel's names, which swarmkit converts to Go's.
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}


@makes("TaskTemplate.Placement")
def placement(scope: Scope) -> dict[str, Any]:
    deploy = read.section(scope.service, "deploy", scope.path())
    given = read.section(deploy, "placement", scope.path("deploy"))
    path = scope.path("deploy", "placement")
    constraints = read.texts(given, "constraints", path) or []
    return read.filled(
        Constraints=constraints,
        Preferences=[
            {"Spread": {"SpreadDescriptor": read.text(item, "spread", (*path, "preferences", index)) or ""}}
            for index, item in enumerate(read.items(given, "preferences", path) or [])
        ],
        MaxReplicas=read.count(given, "max_replicas_per_node", path),
        Platforms=_platforms(scope),
    )


def _platforms(scope: Scope) -> list[dict[str, str]]:
    """Returns the one platform of ``platform``: OS[/ARCHITECTURE[/VARIANT]] or ARCHITECTURE."""
    written = read.text(scope.service, "platform", scope.path())
    if not written:
        return []
    parts = written.lower().split("/")
    system, parts = (parts[0], parts[1:]) if parts[0] in _SYSTEMS else ("linux", parts)
    architecture = _ARCHITECTURES.get(parts[0], parts[0]) if parts else ""
    # Nodes report 32-bit ARM as armv7l, the kernel's name, which no image's platform equals; the CLI omits it too.
    if architecture == "arm":
        architecture = ""
        scope.notice("Swarm does not distinguish 32-bit ARM, so any Linux node may run this", "platform")
    return [read.filled(OS=system, Architecture=architecture)]


#: The attempts of a job that restarts on failure, if the file sets no limit: a migration must not fail forever.
_TRIES = 3
_WORDS = "no, always, unless-stopped, on-failure or on-failure:COUNT"


@makes("TaskTemplate.RestartPolicy")
def restart_policy(scope: Scope) -> dict[str, Any] | None:
    """Returns the RestartPolicy of ``deploy.restart_policy``, or else of ``restart``."""
    deploy = read.section(scope.service, "deploy", scope.path())
    policy = read.mapping(deploy, "restart_policy", scope.path("deploy"))
    if policy is None:
        found = _from_restart(scope)
        return _for_job(found or {"Condition": "none"}) if scope.key in scope.context.jobs else found
    found = from_policy(policy, scope.path("deploy", "restart_policy"))
    return _for_job(found) if scope.key in scope.context.jobs else found


def _for_job(policy: dict[str, object]) -> dict[str, Any]:
    """Returns the policy of a service that becomes a job: it ends, and its attempts are limited."""
    fitting = {"Condition": "on-failure", **policy}
    if fitting["Condition"] == "on-failure" and not fitting.get("MaxAttempts"):
        fitting["MaxAttempts"] = _TRIES
    return fitting


def from_policy(policy: Mapping[str, object], path: Path) -> dict[str, Any]:
    """Returns the RestartPolicy of the ``restart_policy`` at ``path``."""
    return read.given(
        Condition=read.text(policy, "condition", path) or None,
        Delay=read.parsed(policy, "delay", path, units.duration),
        MaxAttempts=read.count(policy, "max_attempts", path),
        Window=read.parsed(policy, "window", path, units.duration),
    )


def _from_restart(scope: Scope) -> dict[str, Any] | None:
    restart = read.text(scope.service, "restart", scope.path())
    # An unquoted `no` is text in Compose's YAML; `false` can only mean the same.
    if restart in (None, "", "no", "false"):
        return None
    word, _colon, number = restart.partition(":")
    if word in ("always", "unless-stopped"):
        return {"Condition": "any"}
    if word == "on-failure" and (not number or (number.isascii() and number.isdigit())):
        return {"Condition": "on-failure", "MaxAttempts": int(number or 0)}
    raise scope.invalid(f"{restart!r} is not a valid restart policy", "restart", hint=f"Use {_WORDS}.")
