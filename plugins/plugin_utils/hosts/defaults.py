# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the play and the task set for another module that an action plugin runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Dict

from ansible.plugins.action import ActionBase

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION

GROUP = "group/stackwright.swarm.swarm"


def module_defaults(action: ActionBase, module: str, written: bool = False) -> Dict[str, Any]:
    """Returns the ``module_defaults`` of the play for ``module``, with the variables of the action's host.

    :param written: reads them as the playbook has them, before templating. The action of another host needs this.
    """
    found: Dict[str, Any] = {}
    given: Dict[str, Any] = {}
    layers = action._task.module_defaults
    if written and "module_defaults" not in (action._task.get_ds() or ()):
        # Until ansible-core 2.18 the task itself has them with the variables of its own host.
        layers = action._task._get_parent_attribute("module_defaults", omit=True)
    for defaults in layers if isinstance(layers, list) else ():
        given.update(defaults)
    for name in (GROUP, module):
        if module.startswith("stackwright.swarm.") or name == module:
            found.update(_templated(action, given.get(name) or {}))
    return found


def connection_of(action: ActionBase, module: str) -> Dict[str, Any]:
    """Returns the options of the connection to the Engine of the action's host, with the variables of that host.

    They are read as written: the task of an action for another host (``Sibling``) has the values of its own host.
    """
    given = {**module_defaults(action, module, written=True), **_written(action)}
    aliases = {name: (name, *option.get("aliases", ())) for name, option in CONNECTION.items()}
    found = {name: given[alias] for name, names in aliases.items() for alias in names if alias in given}
    return _templated(action, found)


def _templated(action: ActionBase, options: Mapping[str, object]) -> Dict[str, Any]:
    # Until ansible-core 2.18 an omitted option has the text of the variable ``omit``.
    omitted = action._templar.available_variables.get("omit")
    found: Dict[str, Any] = action._templar.template(dict(options))
    return {name: item for name, item in found.items() if omitted is None or item != omitted}


def _written(action: ActionBase) -> Mapping[str, Any]:
    """Returns the task's options as the playbook has them, before templating."""
    whole = action._task.get_ds()
    name = str(action._task.action).rpartition(".")[2]
    for key, item in whole.items() if isinstance(whole, Mapping) else ():
        if str(key).rpartition(".")[2] == name and isinstance(item, Mapping):
            return item
    return {}
