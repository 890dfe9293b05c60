# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a task that ended is started again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.paths import Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    count,
    given,
    mapping,
    parsed,
    section,
    text,
)

_WORDS = "no, always, unless-stopped, on-failure or on-failure:COUNT"


def restart_policy(scope: Scope) -> dict[str, Any] | None:
    """Return ``deploy.restart_policy``, or else what ``restart`` says."""
    deploy = section(scope.service, "deploy", scope.path())
    policy = mapping(deploy, "restart_policy", scope.path("deploy"))
    if policy is None:
        return _from_restart(scope)
    return from_policy(policy, scope.path("deploy", "restart_policy"))


def from_policy(policy: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the RestartPolicy of a ``restart_policy`` that stands at ``path``."""
    return given(
        Condition=text(policy, "condition", path) or None,
        Delay=parsed(policy, "delay", path, units.duration),
        MaxAttempts=count(policy, "max_attempts", path),
        Window=parsed(policy, "window", path, units.duration),
    )


def _from_restart(scope: Scope) -> dict[str, Any] | None:
    restart = text(scope.service, "restart", scope.path())
    # An unquoted `no` is text in Compose's YAML; `false` can only mean the same.
    if restart in (None, "", "no", "false"):
        return None
    word, _colon, number = restart.partition(":")
    if word in ("always", "unless-stopped"):
        return {"Condition": "any"}
    if word == "on-failure" and (not number or (number.isascii() and number.isdigit())):
        return {"Condition": "on-failure", "MaxAttempts": int(number or 0)}
    raise scope.invalid(f"{restart!r} is no restart policy", "restart", hint=f"Use {_WORDS}.")
