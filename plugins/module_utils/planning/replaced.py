# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a network can't be replaced."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of

Item = Mapping[str, Any]


def refuse_replacement(desired: Item, observed: Item, first: Mapping[str, str]) -> None:
    """Raises PlanError (``unsafe_change``) where somebody else uses a network that is to be replaced, by another one
    or in its place (``first``: names by id).

    Containers that were attached by hand are seen where ``observed`` has ``attached`` (network id → words for each).
    """
    replaced = {old: entry["key"] for entry in desired["networks"] for old in entry.get("replaces") or ()}
    wanted = {service["name"] for service in desired["services"]}
    stack, part = desired["stack"]["name"], bool(desired.get("part"))
    for old in observed["networks"]:
        if stack_of(old) != stack or (name_of(old) not in replaced and id_of(old) not in first):
            continue
        users = [
            name_of(service)
            for service in observed.get("all_services") or ()
            if {("network", id_of(old)), ("network", name_of(old))} & set(references(service["Spec"]))
            and (stack_of(service) != stack or (part and name_of(service) not in wanted))
        ]
        users += (observed.get("attached") or {}).get(id_of(old), [])
        if users:
            raise PlanError(
                f"network {replaced.get(name_of(old), name_of(old))}: {name_of(old)} can't be replaced: "
                f"{', '.join(sorted(users))} {'use' if len(users) > 1 else 'uses'} it.",
                hint="Take them off the network first, or give the new one another name in the file.",
            )
