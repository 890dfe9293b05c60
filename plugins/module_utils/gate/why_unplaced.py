# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements of a service that no node meets. Swarm only reports their category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Amounts, Service

PATIENCE = 5.0  # seconds
NANO, MIB = 1e9, 1024 * 1024


def unplaced(client: EngineClient, service: Service, error: str) -> str:
    """Returns the requirements of ``service`` as half a sentence.

    Empty if ``error`` does not say that no node meets them, or that the node of a global service's task does not.
    """
    template = service["Spec"]["TaskTemplate"]
    parts: List[str] = []
    if "scheduling constraints not satisfied on" in error:
        parts += (template.get("Placement") or {}).get("Constraints") or []
    if "insufficient resources on" in error:
        parts += _reserved((template.get("Resources") or {}).get("Reservations") or {})
    if "host-mode port already in use on" in error:
        parts += _ports(client, service)
    return f"it requests {' and '.join(parts)}" if parts else ""


def _reserved(reservations: Amounts) -> Iterator[str]:
    if reservations.get("NanoCPUs"):
        yield f"{reservations['NanoCPUs'] / NANO:g} CPUs"
    if reservations.get("MemoryBytes"):
        yield f"{reservations['MemoryBytes'] / MIB:.0f} MiB of memory"


def _ports(client: EngineClient, service: Service) -> Iterator[str]:
    try:
        others = client.list("/services", timeout=PATIENCE)
    except EngineError:
        others = []
    taken: Dict[Tuple[Any, Any], str] = {}
    for other in others:
        if other["ID"] != service["ID"]:
            taken.update(dict.fromkeys(_host_ports(other), str(other["Spec"]["Name"])))
    for number, protocol in _host_ports(service):
        owner = taken.get((number, protocol))
        yield f"port {number}/{protocol}" + (f", which {owner} uses" if owner else "")


def _host_ports(service: Service) -> List[Tuple[Any, Any]]:
    ports = (service["Spec"].get("EndpointSpec") or {}).get("Ports") or []
    return [
        (port["PublishedPort"], port.get("Protocol") or "tcp")
        for port in ports
        if port.get("PublishMode") == "host" and port.get("PublishedPort")
    ]
