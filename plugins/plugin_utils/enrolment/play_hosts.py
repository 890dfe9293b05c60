# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play at a task: the task's options for each of them, and whether the task runs there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence

from ansible.errors import AnsibleError
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.template import Templar

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import ABSENT, MANAGER, WORKER

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


def arguments_of(task: object, given: Mapping[str, object], templar: Templar) -> Dict[str, Any]:
    """Returns the task's arguments with the variables of another host.

    :param given: the arguments of this host, which also have the defaults of the play (``module_defaults``).
    :param templar: with the variables of the other host.
    """
    raw = _written(task)
    if raw is None:
        return dict(given)
    whole = raw.pop("_variable_params", None)
    found = templar.template(raw)
    if whole is not None:
        more = templar.template(whole)
        found = {**(more if isinstance(more, dict) else {}), **found}
    omitted = templar.available_variables.get("omit")
    own = {name: value for name, value in found.items() if not _is_omitted(value, omitted)}
    return {**{name: value for name, value in given.items() if name not in found}, **own}


def _written(task: Any) -> Optional[Dict[str, Any]]:
    """Returns the arguments as the playbook has them, or None if they can't be parsed."""
    with suppress(AnsibleError, AttributeError, KeyError, TypeError):
        parser = ModuleArgsParser(task_ds=task.get_ds(), collection_list=task.collections)
        return dict(parser.parse(skip_action_validation=True)[1] or {})
    return None


def _is_omitted(value: object, omitted: object) -> bool:
    return value is omitted or (isinstance(value, str) and value == omitted) or type(value).__name__ == "_OmitType"


def is_meant(task: Any, variables: Variables, templar: Templar) -> bool:
    """Whether the task's conditions (``when``) hold for the host with these variables."""
    if not task.when:
        return True
    try:
        if hasattr(task, "evaluate_conditional"):  # before ansible-core 2.19
            return bool(task.evaluate_conditional(templar, variables))
        return bool(task._resolve_conditional(task.when, variables))
    except AnsibleError:
        return False  # Ansible will fail the task on that host


def role_of(host: str, options: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> str:
    """Returns the wanted role of a host: manager, worker or absent. Raises StackwrightError (``unknown_role``)."""
    if options["state"] == "absent":
        return ABSENT
    if options["role"]:
        return str(options["role"])
    for role, name in ((MANAGER, "manager_groups"), (WORKER, "worker_groups")):
        if any(host in (groups.get(group) or ()) for group in options[name]):
            return role
    raise StackwrightError(
        f"{host} is in none of the groups {', '.join([*options['manager_groups'], *options['worker_groups']])}, so its "
        "role is not known.",
        "unknown_role",
        "Put it into one of them, set role, or name your own groups in manager_groups and worker_groups. Nothing was "
        "changed.",
    )
