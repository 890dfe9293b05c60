# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks on each node: which ports, paths and volumes the stack needs there, and the findings about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.capacity import Room
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import (
    Seen,
    is_global,
    published,
    replicas,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    finding,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.trim import bind_sources
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.volume_checks import volumes_for_node
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import Port

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.fact_types import About, Facts
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node


def facts_for_nodes(seen: Seen, may: Mapping[str, List[Node]]) -> Dict[str, Facts]:
    """Returns for each node id its ``name`` and the ``ports``, ``binds`` and ``volumes`` to check, each with its
    service and level.

    Ports that the stack's own task or another service has there are left out. A finding is an error if the service must
    run on that node or is new, else a warning, since Swarm can use other nodes.
    """
    room = Room(seen)
    # service_findings reports their owners. On ingress ports, the Engine of every node listens.
    swarms = {port for other in seen.services for port in published(other, "ingress")}
    hosts = {port for other in seen.others for port in published(other, "host")}
    handed_over = {
        (node, port)
        for other in seen.services
        if stack_of(other) == seen.desired["stack"]["name"]
        for port in published(other, "host")
        for node in seen.nodes_of(id_of(other))
    }
    found: Dict[str, Facts] = {
        str(node["ID"]): {"name": hostname(node), "ports": [], "binds": [], "volumes": []} for node in seen.nodes
    }
    for service in seen.desired["services"]:
        live = seen.own.get(service["name"])
        nodes, volumes = may[service["name"]], volumes_for_node(seen, service)
        if not is_global(service) and not replicas(service):
            continue
        must = is_global(service) or replicas(service) >= len(nodes)
        about: About = {
            "service": str(service["key"]),
            "where": str(service.get("where") or ""),
            "level": ERROR if must or live is None else WARNING,
        }
        for node in nodes:
            its_id = str(node["ID"])
            for port in published(service, "host"):
                own = (its_id, port) in handed_over
                if not own and port not in swarms and (its_id, port) not in room.holders:
                    found[its_id]["ports"].append({**about, "port": list(port), "mode": "host"})
            for source in bind_sources(service):
                found[its_id]["binds"].append({**about, "source": source})
            found[its_id]["volumes"] += [{**about, **volume} for volume in volumes]
        had = set(published(live, "ingress")) if live else set()
        for port in sorted(set(published(service, "ingress")) - had - swarms - hosts):
            for facts in found.values():
                facts["ports"].append({**about, "level": WARNING, "port": list(port), "mode": "ingress"})
    return found


def is_asked(facts: Mapping[str, object]) -> bool:
    """Whether a node has anything to check."""
    return bool(facts.get("ports") or facts.get("binds") or facts.get("volumes"))


def wanted_ports(facts: Facts) -> Set[Port]:
    """Returns the ports that a node must check."""
    return {(int(item["port"][0]), str(item["port"][1])) for item in facts.get("ports") or []}


def port_findings(node: str, facts: Facts, holders: Mapping[Port, str]) -> Iterator[Finding]:
    """Finds ports in use; ``holders`` has their processes by port."""
    for item in facts.get("ports") or []:
        port = (int(item["port"][0]), str(item["port"][1]))
        if port not in holders:
            continue
        by = holders[port] or "a process"
        if item["mode"] == "host":
            code, message = "port_in_use", f"the port {port[0]}/{port[1]} is in use by {by}."
        else:
            code = "ingress_port_in_use"
            message = (
                f"the port {port[0]}/{port[1]} is in use by {by}; the Swarm's ingress network takes over its traffic."
            )
        hint = "Stop that process, publish another port, or keep the service off this node with a constraint."
        if item["mode"] != "host":
            hint = "Stop that process, or publish another port."
        yield finding(item["level"], code, message, hint, service=item["service"], node=node, where=item["where"])


def bind_findings(node: str, facts: Facts, states: Mapping[str, str]) -> Iterator[Finding]:
    """Finds missing sources of bind mounts; ``states`` maps paths to ``missing`` or ``hidden``."""
    for item in facts.get("binds") or []:
        state = states.get(item["source"], "")
        if state == "missing":
            message = f"the path {item['source']}, which it binds, does not exist, so Swarm rejects its tasks."
            hint = "Create it, or keep the service off this node with a constraint."
            yield finding(
                item["level"], "bind_missing", message, hint, service=item["service"], node=node, where=item["where"]
            )
        elif state == "hidden":
            message = f"can't check whether the path {item['source']} exists: permission denied."
            yield finding(
                WARNING,
                "bind_unknown",
                message,
                "Run the task as root (become: true).",
                service=item["service"],
                node=node,
                where=item["where"],
            )


def unchecked(facts: Mapping[str, Mapping[str, object]], served: Sequence[str]) -> List[str]:
    """Returns the names of nodes with something to check that are no hosts of the play."""
    return sorted(str(item["name"]) for its_id, item in facts.items() if is_asked(item) and its_id not in served)
