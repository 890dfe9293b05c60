# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts of routes: in the proxy, and before a deployment in the labels of running services."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Container,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.address import (
    comparable,
    comparable_host,
    overlap,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.layout import address_of, matcher_sets, strings
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_labels import Target, belongs, routes_in
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import id_of, inner_routes, owner_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import labels_of, name_of, stack_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import State

TAKE_OVER = "Set take_over to gone (stack_take_over of the role) to take over routes of stacks that no longer exist."
SHOWN = 10  # conflicts in a message; the details have all


class Claim(NamedTuple):
    """A domain and path with an owner. ``stack`` is empty if the owner is not a stack of this collection."""

    domain: str
    path: str
    stack: str
    owner: str
    gone: bool = False  # the owner no longer exists
    tls: str = ""  # if known

    @property
    def shown(self) -> str:
        return self.domain + ("" if self.path == "/" else self.path)


class Conflict(NamedTuple):
    """A claim of ours, and the one that conflicts with it."""

    mine: Claim
    other: Claim

    def __str__(self) -> str:
        return self._text() + (", which no longer exists" if self.other.gone else "")

    def _text(self) -> str:
        if self.mine[:2] == self.other[:2]:
            return f"{self.mine.shown} belongs to {self.other.owner}"
        if self.mine.domain.startswith("*"):
            return (
                f"{self.mine.shown} would intercept requests for {self.other.shown}, which belongs to "
                f"{self.other.owner}"
            )
        return f"{self.mine.shown} is already served by {self.other.shown}, which belongs to {self.other.owner}"

    def as_dict(self) -> Dict[str, str]:
        return {"route": self.mine.shown, "other": self.other.shown, "owner": self.other.owner, "text": str(self)}


def conflicts(mine: Sequence[Claim], others: Iterable[Claim]) -> List[Conflict]:
    """Returns the conflicts of ``mine`` with ``others``: the same domain and path, or a wildcard and a host below it.

    A wildcard only counts against stacks of ours: another tool's wildcard may be meant for all other hosts.
    """
    exact: Dict[Tuple[str, str], Claim] = {claim[:2]: claim for claim in mine}
    wild, plain = _below(mine)
    found: Dict[Conflict, None] = {}
    for other in others:
        same = exact.get(other[:2])
        if same is not None:
            found[Conflict(same, other)] = None
        if not other.stack:
            continue
        star, _dot, parent = other.domain.partition(".")
        for claim in (plain if star == "*" else wild).get(parent, ()):
            if overlap(claim.path, other.path):
                found[Conflict(claim, other)] = None
    return sorted(found, key=lambda conflict: conflict.mine[:2] + conflict.other[:2])


def _below(claims: Iterable[Claim]) -> Tuple[Dict[str, List[Claim]], Dict[str, List[Claim]]]:
    """Returns wildcards and all other claims, each by their domain without the first label."""
    wild: Dict[str, List[Claim]] = {}
    plain: Dict[str, List[Claim]] = {}
    for claim in claims:
        star, _dot, parent = claim.domain.partition(".")
        (wild if star == "*" else plain).setdefault(parent, []).append(claim)
    return wild, plain


def refuse(found: Sequence[Conflict]) -> None:
    """Raises RouteError (``route_conflict``) if there is any conflict."""
    if not found:
        return
    lines = [str(conflict) for conflict in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more")
    raise RouteError(
        "Routes belong to other owners: " + "; ".join(lines) + ".",
        "route_conflict",
        TAKE_OVER
        if any(conflict.other.gone for conflict in found)
        else "Choose another domain or base_path, remove the other route first, or take the domain over (takes).",
        {"conflicts": [conflict.as_dict() for conflict in found]},
    )


# -- the proxy


def claims_in_proxy(routes: Iterable[object], live: Optional[Mapping[str, str]] = None) -> Iterator[Claim]:
    """Yields the claims of a server's routes (flattened), including those of other tools.

    :param live: the existing services with the ids of their stacks; None if unknown.
    """
    for route in routes:
        owner = owner_of(route)
        if owner is not None and address_of(route)[0]:
            gone = live is not None and owner.is_gone(live)
            yield Claim(*address_of(route), owner.stack, owner.shown, gone)
            continue
        shown = _stranger(route)
        for domain, path in _addresses(route, ((None, None),)):
            if domain is not None:
                yield Claim(domain, path or "/", "", shown)


def _stranger(route: object) -> str:
    name = id_of(route)
    return f"the route with @id '{name}', which this collection did not create" if name else "a route of another tool"


def _addresses(route: object, around: Sequence[Tuple[object, object]]) -> Iterator[Tuple[Any, Any]]:
    """Yields the pairs of host and path that a route handles; routes in subroutes inherit those of the outer route."""
    own: List[Tuple[Any, Any]] = []
    for one in matcher_sets(route) or [{}]:
        hosts: List[Any] = [comparable_host(host) for host in strings(one.get("host"))] or [None]
        paths: List[Any] = [comparable(path) for path in strings(one.get("path"))] or [None]
        # With any other matcher, the route only handles a part of these requests.
        if set(one) - {"host", "path"}:
            continue
        for outer_host, outer_path in around:
            own += [(host or outer_host, path or outer_path) for host in hosts for path in dict.fromkeys(paths)]
    inner = inner_routes(route) if isinstance(route, dict) else []
    if not inner:
        yield from dict.fromkeys(own)
        return
    for part in inner:
        yield from _addresses(part, own)


# -- the Swarm


def claims_in_swarm(services: Iterable[Service], prefix: str, but: str) -> Iterator[Claim]:
    """Yields the claims in the labels of live services (the Engine's objects), except for the stack named ``but``.

    Ignores invalid route labels of others: their own deployment reports them.
    """
    for service in services:
        stack = stack_of(service)
        if stack and stack == but:
            continue
        labels = route_labels(service)
        if not any(belongs(label, prefix) for label in labels):
            continue
        name = name_of(service)
        owner = f"stack '{stack}' (service {name})" if stack else f"the service {name}"
        for labelled in routes_in(labels, prefix, Target(name, name))[0]:
            yield Claim(labelled.route.domain, labelled.route.key[1], stack or name, owner, tls=labelled.route.tls)


def route_labels(service: Service) -> Dict[str, str]:
    """Returns the labels of a live service that may define routes: its own, which take precedence, and those of its
    containers."""
    task = (service.get("Spec") or {}).get("TaskTemplate") or {}
    return {**((task.get("ContainerSpec") or {}).get("Labels") or {}), **labels_of(service)}


def check_before_deploy(
    desired: State,
    services: Iterable[Service],
    takes: Container[str] = (),
    yields: Container[str] = (),
) -> None:
    """Stops a deployment whose routes conflict with those of another live stack.

    :param desired: the desired state with ``routes`` (docs/architecture.md).
    :param services: all services of the Swarm as the Engine returns them.
    :param takes: domains that the stack takes, or has taken, from others.
    :param yields: domains that others have taken from it: its routes for these are not switched.
    :raises RouteError: ``route_conflict``; ``details["conflicts"]`` has route, other, owner and text of each.
        ``tls_conflict``: another stack uses another TLS for the same domain.
    """
    stack = desired["stack"]
    mine = [
        Claim(
            route["domain"],
            comparable(route["base_path"]),
            stack["name"],
            f"stack '{stack['name']}'",
            tls=route.get("tls", "auto"),
        )
        for route in desired["routes"]
        if "domain" in route  # a generated domain is still unknown, so no other stack has it
        and (route["domain"] in takes or route["domain"] not in yields)
    ]
    if mine:
        claims = claims_in_swarm(services, stack["prefix"], stack["name"])
        others = [claim for claim in claims if claim.domain not in takes]
        refuse(conflicts(mine, others))
        _refuse_other_tls(mine, others)


def _refuse_other_tls(mine: Sequence[Claim], others: Iterable[Claim]) -> None:
    wanted = {claim.domain: claim for claim in mine}
    for other in others:
        own = wanted.get(other.domain)
        if own is not None and own.tls != other.tls:
            raise RouteError(
                f"{own.shown} has tls {own.tls}, but {other.shown} of {other.owner} has tls {other.tls}: "
                "a certificate is for the whole domain.",
                "tls_conflict",
                "Give all routes of a domain the same tls.",
            )
