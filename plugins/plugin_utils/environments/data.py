# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. The data of a clone: which volumes are copied, and on which node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.shapes import Copy, Live, Looked, User

NOTHING = "Nothing was changed."


def copies_of(names: Sequence[str], stacks: Sequence[Live], project: str, environment: str, source: str) -> list[Copy]:
    """Returns the volumes that ``environment`` copies from ``source``, an environment of the same project.

    :param names: as STACK_VOLUME, or VOLUME alone if only one stack has it.
    :param stacks: the stacks of stack_info.
    :raises StackwrightError: ``no_volume``.
    """
    found: list[tuple[str, Copy]] = []
    for stack in stacks:
        owner = stack["owner"]
        if (owner["project"], owner["environment"]) != (project, source):
            continue
        old, new = (f"{Stack(owner['name'], project, env).full_name}_" for env in (source, environment))
        for volume in sorted({one for service in stack["services"] for one in service["volumes"]}):
            if volume.startswith(old):
                own = volume[len(old) :]
                found.append((own, {"volume": f"{owner['name']}_{own}", "source": volume, "target": f"{new}{own}"}))
    chosen: dict[str, Copy] = {}
    for name in names:
        matches = [one for own, one in found if one["volume"] == name] or [one for own, one in found if own == name]
        if len(matches) != 1:
            many = "has several volumes" if matches else "has no volume"
            known = ", ".join(sorted(one["volume"] for _own, one in found)) or "none"
            raise StackwrightError(
                f"environment_data: {project}/{source} {many} {name}. {NOTHING}",
                error_code="no_volume",
                hint=f"Its volumes are: {known}.",
            )
        chosen[matches[0]["target"]] = matches[0]
    return [{**one, "users": _users(one, stacks, project, environment)} for one in chosen.values()]


def placed(copies: Sequence[Copy], stacks: Sequence[Live], looks: Sequence[Looked], refresh: bool) -> list[Copy]:
    """Returns ``copies`` with the hosts whose nodes have the data.

    :param looks: the results of all hosts for all volumes.
    :param refresh: whether services of the clone may be stopped.
    :raises StackwrightError: ``volume_elsewhere``, ``volume_in_use``.
    """
    found: list[Copy] = []
    for one in copies:
        own = [look for look in looks if look["item"]["target"] == one["target"] and "node_id" in look]
        done = [look for look in own if not look["changed"] and "error_code" not in look]
        services = [service for stack in stacks for service in stack["services"] if one["source"] in service["volumes"]]
        running = {
            task["node"]
            for service in services
            for task in service["tasks"]
            if task["node"] and task["desired_state"] == "running"
        }
        # Other nodes may have an old volume of this name.
        may = {look["node_id"]: look for look in own if look not in done and (not running or look["node"] in running)}
        if not done and (len(may) != 1 or len(running) > 1):
            where = sorted(running or {look["node"] for look in may.values()})
            on = f"is on {', '.join(where)}" if where else "is on no node"
            raise StackwrightError(
                f"environment_data: the volume {one['source']} {on}. It must be on one node, with a host of the play. "
                f"{NOTHING}",
                error_code="volume_elsewhere",
                hint="Add the node to the inventory, and start it if it is down.",
            )
        if one["users"] and not done and not refresh:
            users = ", ".join(f"{user['name']}_{user['service']}" for user in one["users"])
            raise StackwrightError(
                f"environment_data: the volume {one['target']} is in use by {users}, and has no data of "
                f"{one['source']}. {NOTHING}",
                error_code="volume_in_use",
                hint="Set environment_data_refresh to replace its data.",
            )
        look = done[0] if done else next(iter(may.values()))
        found.append(
            {**one, "host": look["host"], "node": look["node"], "node_id": look["node_id"], "copied": bool(done)}
        )
    return found


def _users(one: Copy, stacks: Sequence[Live], project: str, environment: str) -> list[User]:
    """Returns the services of the clone that should run with the volume."""
    found: list[User] = []
    for stack in stacks:
        name = stack["owner"]["name"]
        if (stack["owner"]["project"], stack["owner"]["environment"]) == (project, environment):
            start = f"{Stack(name, project, environment).full_name}_"
            with_it = [service for service in stack["services"] if one["target"] in service["volumes"]]
            found += [{"name": name, "service": used["name"][len(start) :]} for used in with_it if used["desired"]]
    return found
