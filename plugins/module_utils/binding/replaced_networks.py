# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that are replaced: Swarm can't change one, so another one comes beside it, under a generated name.

The name follows from what the network is like, so that each revision has its own, and a stack can go back to any. If
the file fixes the name, or the new one needs the old one's subnet, the old one goes first.
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
    """The networks of a DesiredState as they are to be; ``in_place`` names those that go before one is made."""
    made = [entry if entry["external"] else _bound(entry, desired, networks) for entry in desired["networks"]]
    there = {name_of(network): network for network in networks if stack_of(network) == desired["stack"]["name"]}
    to_be = [
        entry["spec"] or {}
        for entry in made
        if not entry["external"] and (entry.get("replaces") or entry["name"] not in there)
    ]
    out: List[NetworkEntry] = []
    for entry in made:
        first = [
            name
            for name in entry.get("replaces") or ()
            if name == entry["name"] or any(overlap(there[name], spec) for spec in to_be)
        ]
        out.append({**entry, "in_place": first} if first else entry)
    return out


def _bound(entry: NetworkEntry, desired: State, networks: Sequence[Network]) -> NetworkEntry:
    """``entry`` with the name of the network that is as it says, or is to be made (``replaces`` names the others).

    ``desired["replace_networks"]`` allows that; else it is the network that differs. ``base`` is the file's name, where
    it is not that one.
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
