# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one change that updates a proxy to a stack's routes: decided from one snapshot, without side effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import Map, Obj
from ansible_collections.stackwright.swarm.plugins.module_utils.routing import tls
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.conflicts import (
    Claim,
    Conflict,
    claims_in_proxy,
    conflicts,
    refuse,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.layout import address_of, arranged, guarded
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.render import Site, rendered
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import Route
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import flattened, owner_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.server import (
    is_mark,
    mark,
    site_of,
    with_site,
)

#: The part of the proxy's configuration that is read: a route changes nothing outside of it.
APPS = "/config/apps"
#: The shape of the parts that this code uses. Handlers and matchers may have any content.
_ROUTE = Obj(terminal=bool, match=[Obj(host=[str], path=[str])], handle=[Obj(handler=str)], **{"@id": str})
_POLICIES = [Obj(subjects=[str], **{"@id": str})]
APPS_SHAPE = Obj(
    http=Obj(servers=Map(Obj(routes=[_ROUTE], listen=[str], automatic_https=Obj(skip=[str])))),
    tls=Obj(automation=Obj(policies=_POLICIES)),
)


class Write(NamedTuple):
    """One call of the admin API."""

    method: str
    path: str
    body: Any


class Change(NamedTuple):
    """The write (None if nothing differs), and the stack's own routes before and after. Routes that it takes from
    others are in ``before``.

    ``fresh``: the proxy has no route of any stack. ``skipped``: the conflicts because of which routes are left out.
    """

    write: Optional[Write]
    before: List[Any]
    after: List[Any]
    fresh: bool = False
    skipped: Tuple[Conflict, ...] = ()


@dataclass(frozen=True)
class RouteRequest:
    """The desired routes of a stack in a proxy.

    ``exclusive``: ``routes`` are all routes of the stack; its other ones are removed. ``absent``: ``routes`` are
    removed, or with ``exclusive`` all routes of the stack. ``server`` is the proxy's HTTP server; empty: the only one.
    For the domains in ``takes``, the same write removes the routes of other stacks. ``live``: the existing services
    with the ids of their stacks, or None if unknown; ``take_over`` takes the routes of owners that are not among them.
    """

    stack: str
    routes: Tuple[Route, ...] = ()
    exclusive: bool = True
    absent: bool = False
    server: str = ""
    takes: FrozenSet[str] = frozenset()
    live: Optional[Mapping[str, str]] = None
    take_over: bool = False

    def change(self, apps: Any, modern: bool) -> Change:
        """Returns the change for a proxy with ``apps`` (the value of ``APPS``).

        :raises RouteError: ``no_server``, ``route_conflict``, ``tls_conflict``.
        """
        if self.absent and not _servers(apps):
            return Change(None, [], [], True)
        name = server_name(apps, self.server)
        server = _servers(apps)[name]
        listed = server.get("routes")
        seen = flattened(listed or [])
        own = [route for route in seen if _is_of(route, self.stack)]
        others = [route for route in seen if not _is_of(route, self.stack)]
        wanted = guarded(self._wanted(own, site_of(apps, server, modern)))
        if not self.absent:
            tls.check_permission(apps, wanted)
        taken: List[Any] = []
        if self.takes and not self.absent:
            taken = [route for route in others if owner_of(route) is not None and address_of(route)[0] in self.takes]
            others = [route for route in others if route not in taken]
        if not self.absent:
            shown = f"stack '{self.stack}'"
            mine = [Claim(*address_of(route), self.stack, shown) for route in wanted]
            if self.take_over:
                others = self._without_gone(others, mine)
            refuse(conflicts(mine, claims_in_proxy(others, self.live)))
        write = _write(apps, name, listed, [*others, *wanted], seen)
        return Change(write, [*own, *taken], wanted, _is_fresh(seen))

    def _without_gone(self, others: Sequence[object], mine: Sequence[Claim]) -> List[Any]:
        """Returns ``others`` without routes of removed owners that conflict with ``mine``."""
        against = {conflict.other[:2] for conflict in conflicts(mine, claims_in_proxy(others, self.live))}
        domains = {claim.domain for claim in mine}  # a certificate is for the whole domain
        return [
            route
            for route in others
            for owner in [owner_of(route)]
            if owner is None
            or not owner.is_gone(self.live or {})
            or (address_of(route) not in against and address_of(route)[0] not in domains)
        ]

    def _wanted(self, own: Sequence[object], site: Site) -> List[Any]:
        keys = {route.key for route in self.routes}
        if self.absent:
            return [] if self.exclusive else [route for route in own if address_of(route) not in keys]
        kept = [] if self.exclusive else [route for route in own if address_of(route) not in keys]
        return [*kept, *(rendered(self.stack, route, site) for route in self.routes)]


class Part(NamedTuple):
    """The desired routes of one stack. ``add_only``: the proxy keeps its routes of the stack, as during a deployment.

    ``shown`` is the stack's name for messages.
    """

    stack: str
    routes: Tuple[Route, ...] = ()
    add_only: bool = False
    shown: str = ""


@dataclass(frozen=True)
class Everything:
    """The routes of all stacks for a proxy, in one write. Routes of owners that are not in ``parts`` stay.

    A route that conflicts with one of those is left out and reported (``skipped``), so that the others are written.
    """

    parts: Tuple[Part, ...]
    server: str = ""

    def change(self, apps: object, modern: bool) -> Change:
        """Returns the change for a proxy with ``apps``.

        :raises RouteError: as ``RouteRequest.change``, but never ``route_conflict``.
        """
        name = server_name(apps, self.server)
        listed = _servers(apps)[name].get("routes")
        seen = flattened(listed or [])
        parts = {part.stack: part for part in self.parts}
        own: List[Any] = []
        others: List[Any] = []
        for route in seen:
            owner = owner_of(route)
            (own if owner is not None and owner.stack in parts else others).append(route)
        wanted, skipped = self._wanted(own, others, site_of(apps, _servers(apps)[name], modern))
        return Change(_write(apps, name, listed, [*others, *wanted], seen), own, wanted, _is_fresh(seen), skipped)

    def _wanted(self, own: List[object], others: List[object], site: Site) -> Tuple[List[Any], Tuple[Conflict, ...]]:
        owners = {address_of(route): getattr(owner_of(route), "stack", "") for route in own}
        kept = {part.stack for part in self.parts if part.add_only}
        found = {address_of(route): route for route in own if getattr(owner_of(route), "stack", "") in kept}
        claims = {address: Claim(*address, stack, f"stack '{stack}'") for address, stack in owners.items()}
        claims = {address: claim for address, claim in claims.items() if claim.stack in kept}
        skipped: List[Conflict] = []
        # If two stacks request an address, the one that has it keeps it.
        for part in sorted(self.parts, key=lambda part: (part.add_only, part.shown, part.stack)):
            present = {key for key, stack in owners.items() if stack == part.stack} if part.add_only else set()
            for route in part.routes:
                claim = Claim(*route.key, part.stack, f"stack '{part.shown or part.stack}'")
                before = claims.get(route.key)
                if part.add_only and present:
                    continue
                if before is None or (before.stack != part.stack and owners.get(route.key) == part.stack):
                    skipped += [Conflict(before, claim)] if before is not None else []
                    claims[route.key] = claim
                    found[route.key] = rendered(part.stack, route, site)
                elif before.stack != part.stack:
                    skipped.append(Conflict(claim, before))
        against = conflicts(list(claims.values()), claims_in_proxy(others))
        for conflict in against:
            found.pop(conflict.mine[:2], None)
        return guarded(list(found.values())), (*skipped, *against)


@dataclass(frozen=True)
class Settings:
    """The desired settings of the proxy's server; None leaves ``https`` and ``h2c`` unchanged.

    ``trusted``: the addresses of load balancers; ``https_port``: the port at which visitors reach HTTPS.
    """

    trusted: Tuple[str, ...] = ()
    https_port: int = 443
    https: Optional[bool] = None
    h2c: Optional[bool] = None
    server: str = ""

    def change(self, apps: object, modern: bool) -> Change:
        """Returns the change for a proxy with ``apps``, including our routes, which depend on the settings.

        :raises RouteError: ``no_server``.
        """
        name = server_name(apps, self.server)
        server = _servers(apps)[name]
        changed = dict(server)
        if self.https is not None and self.https != (":443" in (server.get("listen") or ())):
            changed["listen"] = [":80", ":443"] if self.https else [":80"]
            changed.pop("tls_connection_policies", None)
            changed.update({"tls_connection_policies": [{}]} if self.https else {})
        if self.h2c is not None and self.h2c != ("h2c" in (server.get("protocols") or ())):
            changed["protocols"] = ["h1", "h2", *["h2c"] * self.h2c]
        seen = flattened(server.get("routes") or [])
        site = site_of(apps, {**changed, "routes": mark(self.trusted, self.https_port)}, modern)
        kept = [
            with_site(route, site) if owner_of(route) is not None else route for route in seen if not is_mark(route)
        ]
        before, after = [route for route in seen if is_mark(route)], mark(self.trusted, self.https_port)
        routes = arranged([*after, *kept] if before != after or kept != [r for r in seen if not is_mark(r)] else seen)
        if changed == server and routes == (server.get("routes") or []):
            return Change(None, [], [])
        changed["routes"] = routes
        return Change(Write("PATCH", f"{APPS}/http/servers/{name}", changed), [], [])


def _is_fresh(seen: List[object]) -> bool:
    return not any(owner_of(route) is not None for route in seen)


def _is_of(route: object, stack: str) -> bool:
    owner = owner_of(route)
    return owner is not None and owner.stack == stack


def _servers(apps: object) -> Dict[str, Mapping[str, Any]]:
    http = apps.get("http") if isinstance(apps, dict) else None
    servers = http.get("servers") if isinstance(http, dict) else None
    found = servers.items() if isinstance(servers, dict) else ()
    return {name: server for name, server in found if isinstance(server, dict)}


def server_name(apps: object, wanted: str) -> str:
    """Returns the name of the HTTP server for routes.

    :raises RouteError: ``no_server``: the proxy has none, not this one, or several and ``wanted`` is empty.
    """
    names = sorted(_servers(apps))
    if not names:
        raise RouteError(
            "The proxy has no HTTP server to add routes to.",
            "no_server",
            "Configure a server first, for example with the role swarm_platform.",
        )
    if wanted in names:
        return wanted
    if wanted or len(names) > 1:
        what = f"no HTTP server named {wanted!r}" if wanted else "several HTTP servers"
        raise RouteError(f"The proxy has {what}.", "no_server", f"Set server to one of: {', '.join(names)}.")
    return names[0]


def routes_of(apps: object, server: str = "") -> List[Any]:
    """Returns the routes of the proxy's server (flattened), or of all servers without a name.

    :raises RouteError: ``no_server``: the proxy has no server of this name.
    """
    if server:
        server_name(apps, server)
    found: List[Any] = []
    for name, content in sorted(_servers(apps).items()):
        if server in ("", name):
            found += flattened(content.get("routes") or [])
    return found


def _write(apps: Any, name: str, listed: object, routes: List[object], seen: List[object]) -> Optional[Write]:
    """Returns the one write; only of the routes if nothing else changes."""
    routes = arranged(routes)
    before, after = _lenient(seen), tls.requested_tls(routes)
    server = tls.with_skipped(_servers(apps)[name], before, after)
    app = tls.with_policies(apps.get("tls"), _elsewhere(apps, name, after))
    path = f"{APPS}/http/servers/{name}/routes"
    if server == _servers(apps)[name] and app == apps.get("tls"):
        if routes == (listed or []):
            return None
        return Write("PUT" if listed is None else "PATCH", path, routes)
    server["routes"] = routes
    changed = {**apps, "http": {**apps["http"], "servers": {**_servers(apps), name: server}}}
    if app is not None:
        changed["tls"] = app
    return Write("PATCH", APPS, changed)


def _lenient(seen: List[object]) -> Dict[str, str]:
    """Returns the TLS of existing routes by domain. Ignores contradictions, so that a run can repair them."""
    return {address_of(route)[0]: owner.tls for route in seen for owner in [owner_of(route)] if owner and owner.tls}


def _elsewhere(apps: object, name: str, wanted: Dict[str, str]) -> Dict[str, str]:
    """Returns ``wanted`` with the TLS of our routes in the proxy's other servers: policies are for all servers."""
    found: Dict[str, str] = {}
    for other, content in _servers(apps).items():
        if other != name:
            found.update(_lenient(flattened(content.get("routes") or [])))
    return {**found, **wanted}
