# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a snapshot of the Swarm, with a number of calls that does not grow with the stack.

Five calls: info, services (with their task counts), networks, secrets, configs. A sixth reads configs with other names
(external ones, and the key for secrets). Tasks need a separate call, made only if the counts are not enough. So do
nodes, if there are several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import NO_ENGINE, EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import check_manager
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    KEY_CONFIG,
    LOCK,
    NAMESPACE,
    id_of,
    is_bookkeeping,
    labels_of,
    name_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Config,
        Info,
        Network,
        Node,
        Service,
        Task,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed, State


def observe(
    client: EngineClient,
    stack: str,
    desired: Optional[State] = None,
    seen: Sequence[Config] = (),
) -> Observed:
    """Returns the state of ``stack``: info, api, services, networks, secrets, configs, lock, key, predefined.

    ``desired`` names further configs, ``seen`` are configs that were just read. Raises EngineError (``not_a_manager``
    and others of ``check_manager``).
    """
    observed: Observed = {"info": manager_info(client)}
    observed["api"] = list(client.api_version or ())
    observed["services"] = services_of(client, stack)
    observed["networks"] = networks_of(client)
    observed["secrets"] = client.list("/secrets")
    configs = client.list("/configs", of_stack(stack))
    observed["configs"] = [config for config in configs if not is_bookkeeping(config)]
    # There is a lock while a run changes the stack, and after one has died.
    observed["lock"] = next((config for config in configs if LOCK in labels_of(config)), None)
    wanted = _other_configs(desired) if desired else []
    others = [config for config in seen if name_of(config) in wanted]
    names = [name for name in wanted if name not in {name_of(config) for config in others}]
    if names:
        others += configs_named(client, names)
    known = {id_of(config) for config in observed["configs"]}
    observed["configs"] += [config for config in others if id_of(config) not in known]
    keys = [config for config in observed["configs"] if name_of(config) == KEY_CONFIG]
    observed["key"] = keys[0]["Spec"].get("Data") if keys else None
    observed["predefined"] = predefined(client, observed)
    return observed


def manager_info(client: EngineClient) -> Info:
    """Returns the answer of /info. Raises EngineError if this is not a manager, or its Swarm has no leader."""
    info: Info = client.get("/info")
    if not isinstance(info, dict):
        raise EngineError(f"GET /info on {client.where}: the answer is not a JSON object.", hint=NO_ENGINE)
    check_manager(info, client.where)
    return info


def configs_named(client: EngineClient, names: Sequence[str]) -> List[Config]:
    """Returns the configs with exactly these names."""
    found = client.list("/configs", {"filters": {"name": sorted(names)}})
    return [config for config in found if name_of(config) in names]


def of_stack(stack: str) -> Dict[str, Any]:
    """Returns the query for objects of this stack."""
    return {"filters": {"label": [f"{NAMESPACE}={stack}"]}}


def services_of(client: EngineClient, stack: str) -> List[Service]:
    """Returns the services of the stack, with the Engine's counts of their tasks."""
    return client.list("/services", {**of_stack(stack), "status": True})


def networks_of(client: EngineClient) -> List[Network]:
    """Returns the networks, without removed ones that only this node still lists (see ``lingers``)."""
    return [network for network in client.list("/networks") if not lingers(network)]


def lingers(network: Mapping[str, object]) -> bool:
    """Whether this is a node's entry of a removed overlay network, which stays until its last task has ended.

    The Engine lists its own entry, which has peers, only if the Swarm has none. No service can join this network, and
    its name can't be used again until the entry is gone.
    """
    return network.get("Scope") == "swarm" and "Peers" in network


def nodes_of(client: EngineClient, observed: Observed) -> List[Node]:
    """Returns the nodes, with one call per snapshot; empty if there is only the node that answers."""
    if "nodes" not in observed:
        lone = int((observed["info"].get("Swarm") or {}).get("Nodes") or 0) == 1
        observed["nodes"] = [] if lone else client.list("/nodes")
    return observed["nodes"]


def tasks_of(client: EngineClient, stack: str) -> List[Task]:
    """Returns all tasks of the stack, also ended ones."""
    return client.list("/tasks", of_stack(stack))


def attached_of(client: EngineClient) -> Dict[str, List[str]]:
    """Returns, by a network's id, texts for the containers on all nodes that someone attached to it by hand."""
    found: Dict[str, List[str]] = {}
    for task in client.list("/tasks", {"filters": {"runtime": ["attachment"], "desired-state": ["running"]}}):
        spec = task.get("Spec") or {}
        container = str((spec.get("NetworkAttachmentSpec") or {}).get("ContainerID") or "")[:12]
        for attachment in (spec.get("Networks") or ()) if container else ():
            text = f"the container {container} on the node {task.get('NodeID')}"
            found.setdefault(attachment.get("Target", ""), []).append(text)
    return found


def look_closer(client: EngineClient, observed: Observed, desired: State) -> Observed:
    """Returns the snapshot with more for a run with changes: all services, and configs with the desired names."""
    closer: Observed = {**observed}
    closer["all_services"] = client.list("/services")
    names = {entry["name"] for entry in desired["configs"]}
    known = {name_of(config) for config in observed["configs"]}
    if names - known:
        closer["configs"] = observed["configs"] + configs_named(client, sorted(names - known))
    return closer


def _other_configs(desired: State) -> List[str]:
    names = [entry["name"] for entry in desired["configs"] if entry["external"]]
    if any(not entry["external"] for entry in desired["secrets"]):
        names.append(KEY_CONFIG)
    return names


def predefined(client: EngineClient, observed: Observed) -> Dict[str, str]:
    """Returns the names of host and bridge by Swarm's ids, which no list shows. Makes one call for each in use."""
    known = {id_of(network) for network in observed["networks"]}
    targets = {
        attachment.get("Target", "")
        for service in observed["services"]
        for attachment in (service["Spec"]["TaskTemplate"].get("Networks") or [])
    }
    names = {}
    for target in sorted(targets - known - {""}):
        try:
            names[target] = name_of(client.get(f"/networks/{target}"))
        except EngineError as error:
            if error.error_code != "not_found":
                raise
    return names
