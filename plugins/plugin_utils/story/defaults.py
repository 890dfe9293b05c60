# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The defaults of a play (module_defaults) for a module that an action plugin runs beside its own."""

from __future__ import annotations

from typing import Any, Dict

from ansible.plugins.action import ActionBase

GROUP = "group/stackwright.swarm.swarm"


def module_defaults(action: ActionBase, module: str) -> Dict[str, Any]:
    """The options that the play sets for ``module``, with the variables of the action's host."""
    found: Dict[str, Any] = {}
    given: Dict[str, Any] = {}
    for defaults in action._task.module_defaults or ():
        given.update(defaults)
    for name in (GROUP, module):
        if module.startswith("stackwright.swarm.") or name == module:
            found.update(action._templar.template(given.get(name) or {}))
    return found
