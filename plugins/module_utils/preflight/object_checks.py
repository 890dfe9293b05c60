# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds missing objects that the stack needs, and names and ports that belong to other owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import absent_externals, owner
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import Seen, published
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    Finding,
    finding,
    of_service,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import Port

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Objects,
        Observed,
        ServiceEntry,
        State,
    )

KINDS: Tuple[Tuple[str, Objects], ...] = (("network", "networks"), ("config", "configs"), ("secret", "secrets"))
RENAME = "Give the {0} another `name`, or declare it `external: true`."


def object_findings(desired: State, observed: Observed) -> Iterator[Finding]:
    """Finds missing external objects, and names of own objects that belong to another owner.

    ``observed`` has networks, configs and secrets.
    """
    for absent in absent_externals(desired, observed):
        for service in absent.users:
            code = "network_scope" if absent.exists else f"{absent.kind}_missing"
            message = f"the {absent.kind} {absent.name} {absent.problem}."
            hint = (
                f"Create it: `{absent.remedy}`."
                if absent.remedy
                else "Give it another name, or make it an overlay network."
            )
            yield of_service(service, ERROR, code, message, hint)
    stack = desired["stack"]["name"]
    for kind, plural in KINDS:
        by_name: Dict[str, List[Mapping[str, object]]] = {}
        for obj in observed[plural]:
            by_name.setdefault(name_of(obj), []).append(obj)
        for entry in desired[plural]:
            found = by_name.get(entry["name"], [])
            if not entry["external"] and found and all(stack_of(obj) != stack for obj in found):
                message = f"{kind} {entry['key']}: the name {entry['name']} belongs to {owner(found[0])}."
                yield finding(ERROR, "conflict", message, RENAME.format(kind))


def service_findings(seen: Seen) -> Iterator[Finding]:
    """Finds names of services and published ports that other services of the Swarm have."""
    stack = seen.desired["stack"]["name"]
    foreign = {name_of(service): service for service in seen.services if stack_of(service) != stack}
    ingress: Dict[Port, Service] = {}
    host: Dict[Port, Service] = {}
    for other in seen.foreign:
        ingress.update(dict.fromkeys(published(other, "ingress"), other))
        host.update(dict.fromkeys(published(other, "host"), other))
    for service in seen.desired["services"]:
        if service["name"] in foreign:
            message = f"the name {service['name']} belongs to {owner(foreign[service['name']])}."
            hint = "Give the stack or the service another name, or remove that service."
            yield of_service(service, ERROR, "conflict", message, hint)
        for port in published(service, "ingress"):
            if port in ingress or port in host:
                yield _taken(service, port, ingress.get(port) or host[port])
        for port in published(service, "host"):
            if port in ingress:
                yield _taken(service, port, ingress[port])


def _taken(service: ServiceEntry, port: Port, other: Mapping[str, object]) -> Finding:
    message = f"the port {port[0]}/{port[1]} is published by service {name_of(other)}."
    hint = "Publish it on another port, or remove the other service."
    return of_service(service, ERROR, "port_taken", message, hint)
