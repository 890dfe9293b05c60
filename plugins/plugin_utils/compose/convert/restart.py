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

#: How often a job that is to be started again on failure is, where the file sets no limit: a migration that fails for
#: ever helps nobody.
_TRIES = 3
_WORDS = "no, always, unless-stopped, on-failure or on-failure:COUNT"


def restart_policy(scope: Scope) -> dict[str, Any] | None:
    """Return ``deploy.restart_policy``, or else what ``restart`` says."""
    deploy = section(scope.service, "deploy", scope.path())
    policy = mapping(deploy, "restart_policy", scope.path("deploy"))
    if policy is None:
        found = _from_restart(scope)
        return _of_job(found or {"Condition": "none"}) if scope.key in scope.context.jobs else found
    found = from_policy(policy, scope.path("deploy", "restart_policy"))
    return _of_job(found) if scope.key in scope.context.jobs else found


def _of_job(policy: dict[str, Any]) -> dict[str, Any]:
    """Return the policy of a service that was made a job: it ends, and it is not tried for ever."""
    fitting = {"Condition": "on-failure", **policy}
    if fitting["Condition"] == "on-failure" and not fitting.get("MaxAttempts"):
        fitting["MaxAttempts"] = _TRIES
    return fitting


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
