# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux capabilities, as the CLI folds them (opts.EffectiveCapAddCapDrop)."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import texts

_ALL, _RESET = "ALL", "RESET"


def capability_add(scope: Scope) -> list[str] | None:
    return sorted(_given(scope, "cap_add") - {_RESET}) or None


def capability_drop(scope: Scope) -> list[str] | None:
    """Return what is dropped; a capability that is both added and dropped is added."""
    return sorted(_given(scope, "cap_drop") - _given(scope, "cap_add") - {_RESET}) or None


def _given(scope: Scope, key: str) -> set[str]:
    names = {_normal(name) for name in texts(scope.service, key, scope.path()) or []}
    return {_ALL} if _ALL in names else names


def _normal(name: str) -> str:
    name = name.strip().upper()
    return name if name in (_ALL, _RESET) or name.startswith("CAP_") else "CAP_" + name
