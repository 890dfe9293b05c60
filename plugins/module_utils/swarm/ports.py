# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published ports of a service, and conflicts between two services (swarmkit's checkPortConflicts)."""

from __future__ import annotations

from typing import TYPE_CHECKING, FrozenSet, Iterable, NamedTuple, Tuple

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Port as Published
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec

Port = Tuple[int, str]  # number, protocol
NO_PORTS: FrozenSet[Port] = frozenset()


class Ports(NamedTuple):
    """Published ports by mode, without those that Swarm has not chosen yet."""

    ingress: FrozenSet[Port] = NO_PORTS
    host: FrozenSet[Port] = NO_PORTS

    @property
    def both(self) -> FrozenSet[Port]:
        """The ports of both modes."""
        return self.ingress | self.host

    def minus(self, other: Ports) -> Ports:
        """Returns the ports that ``other`` does not have in the same mode."""
        return Ports(self.ingress - other.ingress, self.host - other.host)

    def refused(self, other: Ports) -> FrozenSet[Port]:
        """Returns the ports because of which the Engine rejects the service: ``other`` has them on each node."""
        return self.ingress & other.both | self.host & other.ingress

    def shared(self, other: Ports) -> FrozenSet[Port]:
        """Returns the host-mode ports of both: the Engine accepts them, but no node can run both services."""
        return self.host & other.host


def ports_in(entries: Iterable[Published]) -> Ports:
    """Returns the ports in ``Ports`` of an EndpointSpec or Endpoint."""
    found = [
        (str(entry.get("PublishMode") or "ingress"), (int(entry["PublishedPort"]), str(entry.get("Protocol") or "tcp")))
        for entry in entries
        if entry.get("PublishedPort")
    ]
    return Ports(*(frozenset(port for its_mode, port in found if its_mode == mode) for mode in Ports._fields))


def asked(spec: ServiceSpec) -> Ports:
    """Returns the ports that a ServiceSpec requests."""
    return ports_in((spec.get("EndpointSpec") or {}).get("Ports") or ())


def held(service: Service) -> Ports:
    """Returns the ports of a running service, with those that Swarm chose, or has not released yet."""
    requested = (service["Spec"].get("EndpointSpec") or {}).get("Ports") or ()
    return ports_in([*requested, *((service.get("Endpoint") or {}).get("Ports") or ())])


def words(ports: Iterable[Port]) -> str:
    """Returns ``the port 80/tcp``, or ``the ports 80/tcp and 443/tcp``."""
    texts = [f"{number}/{protocol}" for number, protocol in sorted(ports)]
    listed = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"the port{'' if len(texts) == 1 else 's'} {listed}"
