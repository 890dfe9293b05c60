# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits and settings of the kernel: ulimits and sysctls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import integer, labels, section


def ulimits(scope: Scope) -> list[dict[str, Any]] | None:
    given = section(scope.service, "ulimits", scope.path())
    return [_ulimit(scope, name, given) for name in sorted(given)] or None


def _ulimit(scope: Scope, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    value = given[name]
    if not isinstance(value, Mapping):
        soft = hard = integer(given, name, scope.path("ulimits"))
    else:
        path = scope.path("ulimits", name)
        single = integer(value, "single", path)
        soft = integer(value, "soft", path) if single is None else single
        hard = integer(value, "hard", path) if single is None else single
    if soft is None or hard is None:
        raise scope.invalid("needs both 'soft' and 'hard', or one number", "ulimits", name, code="required")
    return {"Name": name, "Soft": soft, "Hard": hard}


def sysctls(scope: Scope) -> dict[str, str] | None:
    return labels(scope.service, "sysctls", scope.path()) or None
