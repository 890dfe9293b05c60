# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports: those of a service, and those that two services can't both have (swarmkit's checkPortConflicts)."""

from __future__ import annotations

from typing import TYPE_CHECKING, FrozenSet, Iterable, NamedTuple, Tuple

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Port as Published
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec

Port = Tuple[int, str]  # number, protocol
NO_PORTS: FrozenSet[Port] = frozenset()


class Ports(NamedTuple):
    """Published ports by mode, without those that Swarm is still to choose."""

    ingress: FrozenSet[Port] = NO_PORTS
    host: FrozenSet[Port] = NO_PORTS

    @property
    def both(self) -> FrozenSet[Port]:
        """The ports of both modes."""
        return self.ingress | self.host

    def minus(self, other: Ports) -> Ports:
        """The ports that ``other`` does not have in the same mode."""
        return Ports(self.ingress - other.ingress, self.host - other.host)

    def refused(self, other: Ports) -> FrozenSet[Port]:
        """The ports for which the Engine rejects this service beside ``other``: an ingress port is on every node."""
        return self.ingress & other.both | self.host & other.ingress

    def shared(self, other: Ports) -> FrozenSet[Port]:
        """The host-mode ports that both have: the Engine takes them, but no node can run both."""
        return self.host & other.host


def ports_in(entries: Iterable[Published]) -> Ports:
    """The ports of an EndpointSpec's or Endpoint's ``Ports``."""
    found = [
        (str(entry.get("PublishMode") or "ingress"), (int(entry["PublishedPort"]), str(entry.get("Protocol") or "tcp")))
        for entry in entries
        if entry.get("PublishedPort")
    ]
    return Ports(*(frozenset(port for its_mode, port in found if its_mode == mode) for mode in Ports._fields))


def asked(spec: ServiceSpec) -> Ports:
    """The ports that a ServiceSpec asks for."""
    return ports_in((spec.get("EndpointSpec") or {}).get("Ports") or ())


def held(service: Service) -> Ports:
    """The ports that a live service has: also those that Swarm chose, or has not taken from it yet."""
    asked_for = (service["Spec"].get("EndpointSpec") or {}).get("Ports") or ()
    return ports_in([*asked_for, *((service.get("Endpoint") or {}).get("Ports") or ())])


def words(ports: Iterable[Port]) -> str:
    """``the port 80/tcp``, ``the ports 80/tcp and 443/tcp``."""
    texts = [f"{number}/{protocol}" for number, protocol in sorted(ports)]
    listed = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"the port{'' if len(texts) == 1 else 's'} {listed}"
