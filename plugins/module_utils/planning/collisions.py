# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that services of two stacks have on one network: there, each answers for the other."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of


def name_collisions(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> List[str]:
    """A notice for each name of a service on an external network that a live service of another stack has there.

    Nothing where ``observed`` has not looked at all services of the Swarm.
    """
    stack = desired["stack"]["name"]
    external = {entry["name"] for entry in desired["networks"] if entry["external"]}
    names = {id_of(network): name_of(network) for network in observed["networks"]}
    taken: Dict[Tuple[str, str], Mapping[str, Any]] = {}
    for other in observed.get("all_services") or () if external else ():
        if stack_of(other) != stack:
            for attachment in other["Spec"]["TaskTemplate"].get("Networks") or ():
                network = names.get(attachment.get("Target", ""), "")
                for alias in attachment.get("Aliases") or ():
                    taken.setdefault((network, alias), other)
    notices = []
    for service in desired["services"]:
        for attachment in service["spec"]["TaskTemplate"].get("Networks") or ():
            network = attachment["Target"]
            for alias in attachment.get("Aliases") or () if network in external else ():
                if (network, alias) in taken:
                    other = taken[network, alias]
                    whose = f" of the stack {stack_of(other)}" if stack_of(other) else ""
                    notices.append(
                        f"service {service['key']}: on the network {network}, {name_of(other)}{whose} is called "
                        f"{alias} as well, so each answers for the other; platform.hash_aliases: [{network}] gives it "
                        "a name of its own"
                    )
    return notices
