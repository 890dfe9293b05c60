# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of another module that an action plugin runs: those that the play and the task set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Dict

from ansible.plugins.action import ActionBase

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION

GROUP = "group/stackwright.swarm.swarm"


def module_defaults(action: ActionBase, module: str, written: bool = False) -> Dict[str, Any]:
    """The options that the play sets for ``module``, with the variables of the action's host.

    :param written: those that no host's variables are in yet, which matters for the action of another host.
    """
    found: Dict[str, Any] = {}
    given: Dict[str, Any] = {}
    all_of_them = action._task.module_defaults
    if written and "module_defaults" not in (action._task.get_ds() or ()):
        # Until ansible-core 2.18 the task itself has them with the variables of its own host.
        all_of_them = action._task._get_parent_attribute("module_defaults", omit=True)
    for defaults in all_of_them if isinstance(all_of_them, list) else ():
        given.update(defaults)
    for name in (GROUP, module):
        if module.startswith("stackwright.swarm.") or name == module:
            found.update(_templated(action, given.get(name) or {}))
    return found


def connection_of(action: ActionBase, module: str) -> Dict[str, Any]:
    """The options of the connection to the Engine of the action's host, with the variables of that host.

    Of an action for another host than the task's own (``Sibling``), the task's options are those of the task's own.
    """
    given = {**module_defaults(action, module, written=True), **_written(action)}
    words = {name: (name, *option.get("aliases", ())) for name, option in CONNECTION.items()}
    found = {name: given[word] for name, names in words.items() for word in names if word in given}
    return _templated(action, found)


def _templated(action: ActionBase, options: Mapping[str, object]) -> Dict[str, Any]:
    # Until ansible-core 2.18 an option that is left out has a certain text.
    omitted = action._templar.available_variables.get("omit")
    found: Dict[str, Any] = action._templar.template(dict(options))
    return {name: item for name, item in found.items() if omitted is None or item != omitted}


def _written(action: ActionBase) -> Mapping[str, Any]:
    """The options as the playbook has them, before any variable is in them."""
    whole = action._task.get_ds()
    name = str(action._task.action).rpartition(".")[2]
    for key, item in whole.items() if isinstance(whole, Mapping) else ():
        if str(key).rpartition(".")[2] == name and isinstance(item, Mapping):
            return item
    return {}
