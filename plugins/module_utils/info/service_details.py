# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The specification of a service in readable form, without values that may be secrets. Durations in seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN, mask

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Amounts,
        Mount,
        RestartPolicy,
        Service,
        UpdateConfig,
    )

Item = Dict[str, Any]

#: Words and numbers, which no generated value looks like. A kept value may be in any variable.
SHOWN = re.compile(r"(?:[a-z]{1,20}|[A-Z]{1,20}|[A-Z][a-z]{1,20}|[0-9]{1,6}|[a-z]{1,8}[0-9]{1,2}|v[0-9]{1,3})\Z")
BETWEEN = re.compile(r"[\s/:.,;=_+-]+")


def service_details(service: Service) -> Item:
    """Returns ``constraints``, ``preferences``, ``environment``, ``command``, ``mounts``, ``secrets``, ``configs``,
    ``resources``, ``restart_policy``, ``update_config``, ``rollback_config`` and ``health_check`` of a service."""
    spec = service["Spec"]
    template = spec["TaskTemplate"]
    container = template.get("ContainerSpec") or {}
    placement = template.get("Placement") or {}
    spreads = [(preference.get("Spread") or {}) for preference in placement.get("Preferences") or []]
    resources = template.get("Resources") or {}
    check = container.get("Healthcheck") or {}
    words = [*(container.get("Command") or []), *(container.get("Args") or [])]
    return {
        "constraints": [str(constraint) for constraint in placement.get("Constraints") or []],
        "preferences": [f"spread over {spread.get('SpreadDescriptor')}" for spread in spreads],
        "environment": dict(sorted(_variable(str(entry)) for entry in container.get("Env") or [])),
        "command": [str(word) for word in mask("", "", "TaskTemplate.ContainerSpec.Args", words)],
        "mounts": [_mount(mount) for mount in container.get("Mounts") or []],
        "secrets": sorted(str(secret.get("SecretName") or "") for secret in container.get("Secrets") or []),
        "configs": sorted(str(config.get("ConfigName") or "") for config in container.get("Configs") or []),
        "resources": {
            "limits": _amounts(resources.get("Limits") or {}),
            "reservations": _amounts(resources.get("Reservations") or {}),
        },
        "restart_policy": _restart(template.get("RestartPolicy") or {}),
        "update_config": _rollout(spec.get("UpdateConfig") or {}),
        "rollback_config": _rollout(spec.get("RollbackConfig") or {}),
        "health_check": {
            "test": [str(word) for word in mask("", "", "TaskTemplate.ContainerSpec.Test", check.get("Test") or [])],
            "interval": _seconds(check.get("Interval")),
            "timeout": _seconds(check.get("Timeout")),
            "retries": check.get("Retries"),
            "start_period": _seconds(check.get("StartPeriod")),
        }
        if check.get("Test")
        else {},
    }


def _variable(entry: str) -> List[str]:
    name, _equals, value = entry.partition("=")
    masked = str(mask("", "", f"TaskTemplate.ContainerSpec.Env.{name}", value))
    plain = masked == value and len(value) <= 200 and all(map(SHOWN.match, filter(None, BETWEEN.split(value))))
    return [name, value if plain else HIDDEN]


def _mount(mount: Mount) -> Item:
    return {
        "type": str(mount.get("Type") or ""),
        "source": str(mount.get("Source") or ""),
        "target": str(mount.get("Target") or ""),
        "read_only": bool(mount.get("ReadOnly")),
    }


def _amounts(amounts: Amounts) -> Item:
    return {"cpus": int(amounts.get("NanoCPUs") or 0) / 1e9, "memory": int(amounts.get("MemoryBytes") or 0)}


def _restart(policy: RestartPolicy) -> Item:
    return {
        "condition": str(policy.get("Condition") or "any"),
        "delay": _seconds(policy.get("Delay")),
        "max_attempts": policy.get("MaxAttempts"),
        "window": _seconds(policy.get("Window")),
    }


def _rollout(config: UpdateConfig) -> Item:
    return {
        "parallelism": config.get("Parallelism"),
        "delay": _seconds(config.get("Delay")),
        "order": str(config.get("Order") or ""),
        "failure_action": str(config.get("FailureAction") or ""),
        "monitor": _seconds(config.get("Monitor")),
    }


def _seconds(nanoseconds: object) -> Any:
    return nanoseconds / 1e9 if isinstance(nanoseconds, (int, float)) else None
