# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces networks: Swarm can't change one, so a new one is created beside it, under a generated name.

The name depends on the network's settings, so each revision has its own network and the stack can be rolled back to it.
If the file sets the name, or the new network needs the subnet of the old one, the old one is removed first.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, List, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import suffixed
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.subnets import overlap
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import BASE, labels_of, name_of, stack_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Network
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import NetworkEntry, State

Item = Mapping[str, Any]


def bound_networks(desired: State, networks: Sequence[Network]) -> List[NetworkEntry]:
    """Returns the networks of a DesiredState with real names; ``in_place`` are those to remove before creating one."""
    made = [entry if entry["external"] else _bound(entry, desired, networks) for entry in desired["networks"]]
    current = {name_of(network): network for network in networks if stack_of(network) == desired["stack"]["name"]}
    new_specs = [
        entry["spec"] or {}
        for entry in made
        if not entry["external"] and (entry.get("replaces") or entry["name"] not in current)
    ]
    out: List[NetworkEntry] = []
    for entry in made:
        first = [
            name
            for name in entry.get("replaces") or ()
            if name == entry["name"] or any(overlap(current[name], spec) for spec in new_specs)
        ]
        out.append({**entry, "in_place": first} if first else entry)
    return out


def _bound(entry: NetworkEntry, desired: State, networks: Sequence[Network]) -> NetworkEntry:
    """Returns ``entry`` with the name of the network that matches it.

    If none matches and ``desired["replace_networks"]`` is set, returns a new name and ``replaces``, the old networks;
    else the newest network. ``base`` is the name in the file if it is another one.
    """
    base, spec = entry["name"], entry["spec"] or {}
    own = [
        network
        for network in networks
        if stack_of(network) == desired["stack"]["name"] and base in (name_of(network), labels_of(network).get(BASE))
    ]
    if not own:
        return entry
    own.sort(key=lambda network: (name_of(network) != base, name_of(network)))
    same = [network for network in own if not _differs(spec, network)]
    made: NetworkEntry = {**entry}
    latest = max(same or own, key=lambda network: str(network.get("Created") or ""))
    name = name_of(latest)
    if not same and desired.get("replace_networks"):
        made["replaces"] = [name_of(network) for network in own]
        changes = ", ".join(_differs(spec, latest))
        plain = {field: value for field, value in normalise.network(spec).items() if field != "Labels"}
        is_fixed = base != f"{desired['stack']['name']}_{entry['key']}"
        mark = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
        old, name = name, base if is_fixed else suffixed(base, mark)
        made["reason"] = f"recreated: {changes}" if old == name else f"replaces {old}: {changes}"
    if name == base:
        return made
    labels = {**(spec.get("Labels") or {}), BASE: base}
    return {**made, "name": name, "base": base, "spec": {**spec, "Name": name, "Labels": labels}}


def _differs(spec: Network, network: Network) -> List[str]:
    want, have = normalise.network_pair(spec, network)
    return [str(change) for change in differences(have, want) if not change.path.startswith("Labels")]
