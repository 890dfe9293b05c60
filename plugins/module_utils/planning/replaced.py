# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a network can't be replaced by another one beside it."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of

Item = Mapping[str, Any]


def refuse_replacement(desired: Item, observed: Item) -> None:
    """Raises PlanError (``unsafe_change``) where somebody else uses a network that is to be replaced.

    Containers that were attached by hand are seen where ``observed`` has ``attached`` (network id → words for each).
    """
    entries = {entry["name"]: entry for entry in desired["networks"] if entry.get("replaces")}
    wanted = {service["name"] for service in desired["services"]}
    stack, part = desired["stack"]["name"], bool(desired.get("part"))
    for entry in entries.values():
        for old in observed["networks"]:
            if name_of(old) not in entry["replaces"] or stack_of(old) != stack:
                continue
            what = f"network {entry['key']}: {name_of(old)} can't be replaced"
            users = [
                name_of(service)
                for service in observed.get("all_services") or ()
                if ("network", id_of(old)) in set(references(service["Spec"]))
                and (stack_of(service) != stack or (part and name_of(service) not in wanted))
            ]
            users += (observed.get("attached") or {}).get(id_of(old), [])
            if users:
                raise PlanError(
                    f"{what}: {', '.join(sorted(users))} {'use' if len(users) > 1 else 'uses'} it.",
                    hint="Take them off the network first, or give the new one another name in the file.",
                )
