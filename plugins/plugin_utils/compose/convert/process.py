# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container's process: command, user, environment, and the plain fields that are copied."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    as_text,
    boolean,
    integer,
    parsed,
    section,
    text,
    texts,
)

_MIN_OOM_SCORE, _MAX_OOM_SCORE = -1000, 1000


def entrypoint(scope: Scope) -> list[str] | None:
    return texts(scope.service, "entrypoint", scope.path()) or None


def command(scope: Scope) -> list[str] | None:
    return texts(scope.service, "command", scope.path()) or None


def environment(scope: Scope) -> list[str] | None:
    """Return the sorted ``K=V`` list; a key without a value is left out, where docker's CLI sends the bare key."""
    variables = section(scope.service, "environment", scope.path())
    return sorted(
        f"{name}={as_text(value, scope.path('environment', name))}"
        for name, value in variables.items()
        if value is not None
    )


def hostname(scope: Scope) -> str | None:
    return text(scope.service, "hostname", scope.path()) or None


def user(scope: Scope) -> str | None:
    return text(scope.service, "user", scope.path()) or None


def groups(scope: Scope) -> list[str] | None:
    return texts(scope.service, "group_add", scope.path()) or None


def directory(scope: Scope) -> str | None:
    return text(scope.service, "working_dir", scope.path()) or None


def stop_signal(scope: Scope) -> str | None:
    return text(scope.service, "stop_signal", scope.path()) or None


def stop_grace_period(scope: Scope) -> int | None:
    """Return nanoseconds; 0 means "at once" and is sent."""
    return parsed(scope.service, "stop_grace_period", scope.path(), units.duration)


def tty(scope: Scope) -> bool | None:
    return boolean(scope.service, "tty", scope.path()) or None


def open_stdin(scope: Scope) -> bool | None:
    return boolean(scope.service, "stdin_open", scope.path()) or None


def read_only(scope: Scope) -> bool | None:
    return boolean(scope.service, "read_only", scope.path()) or None


def init(scope: Scope) -> bool | None:
    """Return true, false, or None for what the daemon does by default."""
    return boolean(scope.service, "init", scope.path())


def isolation(scope: Scope) -> str | None:
    return text(scope.service, "isolation", scope.path()) or None


def oom_score_adj(scope: Scope) -> Any:
    value = integer(scope.service, "oom_score_adj", scope.path())
    if not value or not scope.applies("oom_score_adj"):
        return None
    if not _MIN_OOM_SCORE <= value <= _MAX_OOM_SCORE:
        raise scope.invalid(f"{value} is not between -1000 and 1000", "oom_score_adj", code="range")
    return value
