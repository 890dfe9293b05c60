# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The position of each route in the proxy's list: the first match handles the request.

The proxy matches a path after it has decoded characters and resolved dot segments, but passes the path as the visitor
sent it. So /admin/users/..%2f..%2f..%2fx would match the route of /, and the service may read it as a path below
/admin. If a domain has routes for paths, the proxy rejects paths that can be read in two ways (``guarded``).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Callable, Dict, List, Mapping, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.address import comparable, sort_key
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import (
    INDEX,
    inner_routes,
    maps,
    owner_of,
)

Json = Dict[str, Any]
#: A route with its host and path.
Placed = Tuple[str, str, Json]

#: More hosts are arranged in a tree of host lists: a request then costs the same with 10 and with 5,000 hosts.
MOST_FLAT = 128
BRANCHES = 8

#: Handlers after which a request goes on to the next route.
PASSING = frozenset(
    ("encode", "headers", "log_append", "map", "metrics", "request_body", "rewrite", "tracing", "vars", "invoke")
)
#: Dot segments; some services also accept them between backslashes and with parameters.
DOTS = {"{http.request.uri.path}": {"pattern": r"(^|[/\\])\.\.?(;[^/\\]*)?([/\\]|$)"}}
#: No path at all: GET x:admin is passed on as GET admin. (Caddy 2.6 also matches "<nil>", an unset variable.)
NO_PATH = {"{http.request.uri}": {"pattern": "^[^/*<]"}}
REFUSED = {"handler": "static_response", "status_code": 400, "body": "The path is ambiguous.\n"}


def arranged(routes: Sequence[Any]) -> List[Any]:
    """Returns the routes of the whole server (flattened) in their order, ours in a tree if they are many.

    First come routes of others that change every request and pass it on; then our exact hosts, the longest path first;
    routes of others with matchers, in their own order; our wildcards; last the other routes of others without matchers.
    """
    exact: List[Placed] = []
    wild: List[Placed] = []
    before: List[Any] = []
    matching: List[Any] = []
    rest: List[Any] = []
    for route in routes:
        host, path = address_of(route) if owner_of(route) is not None else ("", "")
        if host:
            (wild if host.startswith("*") else exact).append((host, path, route))
        elif not takes_all(route):
            matching.append(route)
        elif _passes_on(route) and not matching and not rest:
            before.append(route)
        else:
            rest.append(route)
    exact.sort(key=lambda placed: sort_key(placed[0], placed[1]))
    wild.sort(key=lambda placed: (-placed[0].count("."), *sort_key(placed[0], placed[1])))
    return [*before, *_exact(exact), *matching, *(route for _host, _path, route in wild), *rest]


def address_of(route: object) -> Tuple[str, str]:
    """Returns host and path of one of our routes; the host is empty if another tool removed the matcher."""
    sets = matcher_sets(route)
    hosts = strings(sets[0].get("host")) if sets else []
    paths = strings(sets[0].get("path")) if sets else []
    return (hosts[0] if hosts else ""), comparable(paths[0] if paths else "/")


def strings(value: object) -> List[str]:
    """Returns the texts of a list in the proxy's configuration; an empty list for anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def matcher_sets(route: object) -> List[Mapping[str, Any]]:
    """Returns the matchers of a route; a request must match one of them."""
    sets = route.get("match") if isinstance(route, dict) else None
    return [one for one in sets if isinstance(one, dict)] if isinstance(sets, list) else []


def takes_all(route: object) -> bool:
    """Whether a route matches every request."""
    sets = matcher_sets(route)
    return not sets or any(not one or (set(one) == {"path"} and _any_path(one["path"])) for one in sets)


def _any_path(paths: object) -> bool:
    return bool({"*", "/*"} & set(strings(paths)))


def _passes_on(route: object) -> bool:
    if not isinstance(route, dict) or route.get("terminal"):
        return False
    handlers = route.get("handle") or ()
    return bool(handlers) and all(isinstance(one, dict) and one.get("handler") in PASSING for one in handlers)


def _exact(routes: List[Placed]) -> List[Json]:
    by_host: Dict[str, List[Json]] = {}
    for host, _path, route in routes:
        by_host.setdefault(host, []).append(route)
    hosts = sorted(by_host)
    if len(hosts) <= MOST_FLAT:
        return [route for _host, _path, route in routes]
    return _tree(hosts, by_host)


def _tree(hosts: List[str], by_host: Mapping[str, List[Json]]) -> List[Json]:
    """Splits the hosts into at most BRANCHES parts, and these again until each has that few; never splits a host."""
    if len(hosts) <= BRANCHES:
        return [route for host in hosts for route in by_host[host]]
    share, more = divmod(len(hosts), BRANCHES)
    branches = []
    start = 0
    for number in range(BRANCHES):
        end = start + share + (1 if number < more else 0)
        branches.append(_branch(hosts[start:end], by_host))
        start = end
    return branches


def _branch(hosts: List[str], by_host: Mapping[str, List[Json]]) -> Json:
    digest = hashlib.sha256("\n".join(hosts).encode()).hexdigest()[:16]
    return {
        "@id": INDEX + digest,
        "match": [{"host": [name for host in hosts for name in (host, host + ".")]}],
        "terminal": True,
        "handle": [{"handler": "subroute", "routes": _tree(hosts, by_host)}],
    }


# -- paths that can be read in two ways


def guarded(routes: Sequence[Any]) -> List[Any]:
    """Returns ``routes`` of stacks, each with the guard that its domain needs, or without one."""
    paths: Dict[Tuple[str, str], Dict[str, bool]] = {}
    for route in routes:
        domain, path = address_of(route)
        paths.setdefault((_stack(route), domain), {})[path] = _asks(route)
    return [_with_guard(route, paths[_stack(route), address_of(route)[0]]) for route in routes]


def _with_guard(route: Mapping[str, object], paths: Mapping[str, bool]) -> Any:
    own = address_of(route)[1]
    sets: List[Any] = []
    if set(paths) != {"/"}:
        sets = [{"vars_regexp": {**DOTS, **NO_PATH}}]
        closed = {path for path, asks in paths.items() if asks}
        if not paths[own] and _is_below(own, closed):
            # Below a path with a password, only exactly this path is open: a service must not read /admin/OPEN as it.
            sets.append(_unless(f"^{re.escape(_path(route))}([/?]|$)"))
        elif own != "/" and _strips(route):
            # The proxy strips no prefix from /%2Fapi.
            letters = "".join("/+" if one == "/" else f"(?:{re.escape(one)}|%{ord(one):02x})" for one in own)
            sets.append(_unless(f"(?i)^{letters}"))
    guard = [{"match": sets, "handle": [REFUSED], "terminal": True}] if sets else []
    handlers: List[Any] = []
    for handler in maps(route.get("handle")):
        if handler.get("handler") == "subroute":
            inner = [one for one in maps(handler.get("routes")) if one.get("handle") != [REFUSED]]
            handler = {**handler, "routes": [*guard, *inner]}
        handlers.append(handler)
    return {**route, "handle": handlers}


def _unless(pattern: str) -> Dict[str, Any]:
    return {"not": [{"vars_regexp": {"{http.request.uri}": {"pattern": pattern}}}]}


def _strips(route: object) -> bool:
    return _has(route, lambda handler: "strip_path_prefix" in handler)


def _stack(route: object) -> str:
    return getattr(owner_of(route), "stack", "")


def _path(route: Mapping[str, object]) -> str:
    """Returns the path of a route as in its matcher."""
    found = [path for one in maps(route.get("match")) for path in strings(one.get("path"))]
    return next((path for path in found if not path.endswith("*")), "")


def _is_below(path: str, others: Set[str]) -> bool:
    return any(path != other and (other == "/" or path.startswith(comparable(other) + "/")) for other in others)


def _asks(route: object) -> bool:
    """Whether a route requires a password."""
    return _has(route, lambda handler: handler.get("handler") == "authentication")


def _has(route: Any, is_meant: Callable[[Mapping[str, object]], bool]) -> bool:
    """Whether a route or one of its inner routes has such a handler."""
    own = any(is_meant(handler) for handler in maps(route.get("handle")))
    return own or any(_has(inner, is_meant) for inner in inner_routes(route))
