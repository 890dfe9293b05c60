# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that belongs to no stack: created, compared, recreated or removed if nothing uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    attached_of,
    manager_info,
    networks_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.loose_objects import (
    CREATE,
    REMOVE,
    Step,
    users_of,
    users_of_one,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import NetworkOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Network

Result = Dict[str, Any]
Item = Mapping[str, Any]


def change_network(client: EngineClient, params: NetworkOptions, check: bool) -> Result:
    """Creates, compares or removes the network of ``params``.

    Raises EngineError (``conflict``, ``network_differs``, ``in_use``).
    """
    clock = SystemClock()
    info = manager_info(client)
    name = str(params["name"])
    spec = _spec(params)
    found = [network for network in networks_of(client) if name_of(network) == name]
    own = next((network for network in found if network.get("Scope") == "swarm"), None)
    using = _using(client, own) if own is not None else []
    steps, notices, changes = _steps(name, spec, own, found, using, params)
    identity = id_of(own) if own is not None else ""
    # Another host of the play may have done it first: then this one has changed nothing.
    changed = bool(steps)
    if not check and steps:
        changed = False
        for step in steps:
            if step.action == REMOVE:
                did, identity = _remove(client, clock, step), ""
            else:
                did, identity = _create(client, clock, spec)
            changed = changed or did
    cluster = (info.get("Swarm") or {}).get("Cluster") or {}
    return {
        "changed": changed,
        "name": name,
        "network_id": identity,
        "used_by": using,
        "changes": [{"path": change.path, "before": change.before, "after": change.after} for change in changes],
        "plan_lines": [step.line("network") for step in steps],
        "notices": notices,
        "warnings": notices,
        "diff": _diff(name, steps, changes),
        "cluster_id": str(cluster.get("ID") or ""),
        "node": str(info.get("Name") or ""),
        "calls": client.calls,
    }


def _spec(params: NetworkOptions) -> Any:
    """Returns the body that creates the network."""
    options = {str(key): _text(value) for key, value in (params["driver_options"] or {}).items()}
    if params["encrypted"]:
        options["encrypted"] = ""
    pools = []
    for entry in params["ipam"]:
        fields = (("Subnet", "subnet"), ("Gateway", "gateway"), ("IPRange", "ip_range"))
        pools.append({key: entry[option] for key, option in fields if entry.get(option)})
    return {
        "Name": params["name"],
        "CheckDuplicate": True,
        "Driver": params["driver"],
        "Scope": "swarm",
        "Attachable": params["attachable"],
        "Internal": params["internal"],
        "EnableIPv6": params["ipv6"],
        "IPAM": {"Driver": "default", "Config": pools},
        "Options": options,
        "Labels": {str(key): _text(value) for key, value in (params["labels"] or {}).items()},
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _using(client: EngineClient, network: Network) -> List[str]:
    """Returns the services and containers that use a network."""
    users = users_of_one(network, users_of("network", client.list("/services")))
    services = [str(user) for user in users if not user.before]
    return services + attached_of(client).get(id_of(network), [])


Steps = Tuple[List[Step], List[str], List[Change]]


def _steps(
    name: str,
    spec: Network,
    own: Optional[Network],
    found: Sequence[Network],
    using: List[str],
    params: NetworkOptions,
) -> Steps:
    if own is None and found and params["state"] == "present":
        raise EngineError(
            f"The name {name} belongs to a network of this node alone ({found[0].get('Driver')}).",
            "conflict",
            "Use another name, or remove that network.",
        )
    if own is not None and (stack_of(own) or own.get("Ingress")):
        owner = f"the stack {stack_of(own)}" if stack_of(own) else "the Swarm's ingress"
        raise EngineError(f"The network {name} belongs to {owner}.", "conflict", "Use another name.")
    if params["state"] == "absent":
        if own is None:
            return [], [], []
        if using:
            raise EngineError(
                f"The network {name} is in use by {', '.join(using)}.",
                "in_use",
                "Remove it from them first. Nothing was changed.",
                details={"used_by": using},
            )
        return [Step(REMOVE, name, id_of(own), "state absent")], [], []
    if own is None:
        return [Step(CREATE, name, "", "new")], [], []
    wanted = {**spec, "Labels": dict(own.get("Labels") or {})} if params["labels"] is None else spec
    want, have = normalise.network_pair(wanted, own)
    changes = list(differences(have, want))
    serious = [change for change in changes if not change.path.startswith("Labels")]
    if not serious:
        notice = f"network {name} keeps its labels: Swarm can't change them ({', '.join(map(str, changes))})"
        return [], [notice] if changes else [], []
    texts = ", ".join(map(str, serious))
    if using or not params["recreate"]:
        users = f" It is in use by {', '.join(using)}." if using else ""
        raise EngineError(
            f"The network {name} differs, and Swarm can't change a network: {texts}.{users}",
            "network_differs",
            "Create one with another name and move them to it." if using else "Set recreate: true to replace it.",
            details={"used_by": using, "differences": list(map(str, serious))},
        )
    reason = f"recreated: {texts}"
    return [Step(REMOVE, name, id_of(own), reason), Step(CREATE, name, "", reason)], [], serious


def _create(client: EngineClient, clock: Clock, spec: Network) -> Tuple[bool, str]:
    """Creates the network; returns whether this run created it, and its id.

    The name of a removed network is free only a moment later, and another manager may create the network first.
    """
    backoff = Backoff(clock, also=("conflict",), limit=10.0)
    while True:
        try:
            return True, client.create("/networks/create", spec)
        except EngineError as error:
            same = [n for n in networks_of(client) if name_of(n) == spec["Name"] and n.get("Scope") == "swarm"]
            want, have = normalise.network_pair(spec, same[0]) if same else ({}, {"absent": True})
            if want == have:
                return False, id_of(same[0])
            backoff.bear(error)


def _remove(client: EngineClient, clock: Clock, step: Step) -> bool:
    """Removes the network; returns whether this run removed it. Raises EngineError (``in_use``)."""
    backoff = Backoff(clock)
    while True:
        try:
            return client.delete(f"/networks/{step.id}")
        except EngineError as error:
            if 400 <= error.status < 500:
                raise EngineError(f"The network {step.name} is in use again: {error.message}", "in_use") from None
            backoff.bear(error)


def _diff(name: str, steps: List[Step], changes: List[Change]) -> Dict[str, str]:
    if changes:
        sides = [(f"{change.path}: {change.before}\n", f"{change.path}: {change.after}\n") for change in changes]
        return {"before": "".join(old for old, _new in sides), "after": "".join(new for _old, new in sides)}
    actions = {step.action for step in steps}
    return {"before": f"network {name}\n" * (REMOVE in actions), "after": f"network {name}\n" * (CREATE in actions)}
