# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that are replaced: Swarm can't change one, so another one comes beside it, under a generated name.

The name follows from what the network is like, so that each revision has its own, and a stack can go back to any.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.content import suffixed
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import BASE, labels_of, name_of, stack_of

Item = Mapping[str, Any]


def bound_network(entry: Item, desired: Item, networks: List[Item]) -> Item:
    """``entry`` with the name of the network that is as it says, or is to be made (``replaces`` names the others).

    ``desired["replace_networks"]`` allows that; else it is the network that differs. ``base`` is the file's name, where
    it is not that one.
    """
    base, spec = entry["name"], entry["spec"]
    own = [
        network
        for network in networks
        if stack_of(network) == desired["stack"]["name"] and base in (name_of(network), labels_of(network).get(BASE))
    ]
    if not own:
        return entry
    own.sort(key=lambda network: (name_of(network) != base, name_of(network)))
    same = [network for network in own if not _differs(spec, network)]
    made: Dict[str, Any] = dict(entry)
    latest = max(same or own, key=lambda network: str(network.get("Created") or ""))
    name = name_of(latest)
    if not same and desired.get("replace_networks"):
        made["replaces"] = [name_of(network) for network in own]
        made["reason"] = f"replaces {name}: {', '.join(_differs(spec, latest))}"
        plain = {field: value for field, value in normalise.network(spec).items() if field != "Labels"}
        name = suffixed(base, hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest())
    if name == base:
        return made
    labels = {**(spec.get("Labels") or {}), BASE: base}
    return {**made, "name": name, "base": base, "spec": {**spec, "Name": name, "Labels": labels}}


def _differs(spec: Item, network: Item) -> List[str]:
    want, have = normalise.network_pair(spec, network)
    return [str(change) for change in differences(have, want) if not change.path.startswith("Labels")]
