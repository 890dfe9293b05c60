# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``extends``: a service that is merged over another one, of the same or another file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.merge import merge_service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.disk import refuse_remote
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map, untagged

# Returns another file's path, and its services in canonical form with absolute paths; None after a problem.
# Arguments: the extending file, the path in ``extends``, the place of ``extends``.
LoadServices = Callable[[str, str, Place], "tuple[str, Map] | None"]


def apply_extends(tree: Map, file: str, place: Place, load_services: LoadServices) -> Map:
    """Resolves ``extends`` of all services of a document; changes ``tree``. Reports cycles."""
    services = tree.get("services")
    if isinstance(services, Map) and any(isinstance(value, Map) and "extends" in value for value in services.values()):
        here = place.at(tree, "services")
        resolver = _Resolver(load_services)
        for name in list(services):
            services[name] = resolver.resolve(file, services, name, here.at(services, name))
    return tree


class _Resolver:
    def __init__(self, load_services: LoadServices) -> None:
        self.load_services = load_services
        self.done: dict[tuple[str, str], Any] = {}

    def resolve(self, file: str, services: Map, name: str, place: Place) -> Any:
        """Returns the service merged over all its bases. Walks to the root base first, so it needs no recursion."""
        chain: list[tuple[tuple[str, str], Any, Place]] = []
        seen: dict[tuple[str, str], int] = {}
        base: Any = None
        service: Any = None
        while True:
            identity = (file, name)
            if identity in self.done:
                base = self.done[identity]
                break
            if identity in seen:
                self._report_cycle([*list(seen)[seen[identity] :], identity], place)
                self._incomplete(service)
                break
            service = services[name]
            seen[identity] = len(seen)
            chain.append((identity, service, place))
            target = self._target(service, file, services, place)
            if target is None:
                self._incomplete(service)
                break
            file, services, name, place = target
        for identity, service, here in reversed(chain):
            base = self._onto(base, service, here)
            self.done[identity] = base
        return base

    def _onto(self, base: object, service: object, place: Place) -> Any:
        if not isinstance(service, Map):
            return service
        own = service
        if "extends" in service:
            own = service.like()
            own.update(service)
            own.marks = dict(service.marks)
            own.drop("extends")
        # The base's !reset and !override concern the base, not the service that extends it.
        return merge_service(untagged(base), own, place) if isinstance(base, Map) else own

    def _target(self, service: object, file: str, services: Map, place: Place) -> tuple[str, Map, str, Place] | None:
        """Returns the place of the base: (file, services, name, place); None if there is none."""
        extends = service.get("extends") if isinstance(service, Map) else None
        if extends is None:
            return None
        here = place.at(service, "extends")
        name, other = (extends.get("service"), extends.get("file")) if isinstance(extends, Map) else (extends, None)
        if not isinstance(name, str) or not (other is None or isinstance(other, str)):
            here.problem("does not name a service", hint="write extends: {service: NAME, file: PATH}", code="extends")
            return None
        if other is not None:
            if refuse_remote(other, here):
                return None
            loaded = self.load_services(file, other, here)
            if loaded is None:
                return None
            file, services = loaded
        if not isinstance(services.get(name), Map):
            here.problem(
                f"extends the service '{name}', which {file} does not have", hint="check the name", code="extends"
            )
            return None
        return file, services, name, Place(place.report, ("services", name), services.mark(name))

    @staticmethod
    def _incomplete(service: object) -> None:
        """Marks a service without its base: its missing keys are no further problem."""
        if isinstance(service, Map) and "extends" in service:
            service.mark_lost(ANYTHING)

    def _report_cycle(self, cycle: list[tuple[str, str]], place: Place) -> None:
        steps = " extends ".join(f"'{name}' ({file})" for file, name in cycle)
        place.problem(f"the services extend each other in a cycle: {steps}", hint="break it", code="extends_cycle")
