# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy's server: whether it has HTTPS, and the load balancers in front of it.

Caddy before 2.7 has no setting for trusted proxies of a whole server. So a route without an effect stores them: its
``@id`` is ``zr-trusted`` (with the port that visitors use for HTTPS, if it is not 443), its matcher has the addresses.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.layout import matcher_sets, strings
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.render import (
    CLAIMED,
    Site,
    claims_route,
    to_https,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import id_of

MARK = "zr-trusted"
#: No request comes from this network (RFC 5737). It is in the mark of a server that only stores a port.
NOBODY = "192.0.2.0/32"

_PORT = re.compile(r":(\d+)\Z")


def site_of(apps: object, server: Mapping[str, Any], modern: bool) -> Site:
    """Returns the settings of ``server`` that routes depend on."""
    found = apps.get("http") if isinstance(apps, dict) else None
    http: Mapping[str, Any] = found if isinstance(found, dict) else {}
    plain, secure = http.get("http_port") or 80, http.get("https_port") or 443
    ports = {int(match.group(1)) for match in map(_PORT.search, strings(server.get("listen"))) if match}
    disabled = bool((server.get("automatic_https") or {}).get("disable"))
    tls = secure in ports and not disabled or bool(server.get("tls_connection_policies"))
    trusted, port = marked(server.get("routes") or [])
    return Site(modern, tls and plain in ports and len(ports) > 1, port, tuple(trusted))


def mark(trusted: Sequence[str], https_port: int) -> List[Dict[str, Any]]:
    """Returns the route that stores both settings; none for the defaults."""
    if not trusted and https_port == 443:
        return []
    name = MARK if https_port == 443 else f"{MARK}:{https_port}"
    match = {"remote_ip": {"ranges": list(trusted) or [NOBODY]}}
    return [{"@id": name, "match": [match], "handle": [{"handler": "vars", "stackwright_balancer": "true"}]}]


def is_mark(route: object) -> bool:
    return id_of(route).partition(":")[0] == MARK


def marked(routes: Sequence[object]) -> Tuple[List[str], int]:
    """Returns the addresses and the port that a server's routes store."""
    for route in routes:
        if is_mark(route):
            sets = matcher_sets(route)
            found = sets[0].get("remote_ip") if sets else None
            ranges = strings(found.get("ranges")) if isinstance(found, dict) else []
            port = id_of(route).partition(":")[2]
            return [one for one in ranges if one != NOBODY], int(port) if port.isdecimal() else 443
    return [], 443


def addresses(given: Sequence[str]) -> Tuple[str, ...]:
    """Returns addresses and networks in the proxy's form, each once.

    :raises RouteError: ``invalid_address``.
    """
    found: Dict[str, None] = {}
    for text in given:
        try:
            network = ip_network(text.strip(), strict=False)
        except ValueError:
            raise RouteError(
                f"{text!r} is neither an IP address nor a network.",
                "invalid_address",
                "Use for example 10.0.0.5, 10.0.0.0/8 or fd00::/8.",
            ) from None
        if network.prefixlen == 0:
            raise RouteError(
                f"{text!r} would trust every address.", "invalid_address", "List the addresses of the load balancers."
            )
        found[str(network)] = None
    return tuple(found)


def with_site(route: object, site: Site) -> Any:
    """Returns a route of ours, adapted to ``site``."""
    if not isinstance(route, dict):
        return route
    handlers = [_handler_with(handler, site) for handler in route.get("handle") or ()]
    sets = matcher_sets(route)
    if handlers == [CLAIMED]:
        return claims_route(site)
    if sets and sets[0].get("protocol") == "http":
        return to_https(site)
    return {**route, "handle": handlers}


def _handler_with(handler: object, site: Site) -> Any:
    if not isinstance(handler, dict):
        return handler
    if handler.get("handler") == "subroute":
        return {**handler, "routes": [with_site(route, site) for route in handler.get("routes") or ()]}
    if handler.get("handler") != "reverse_proxy":
        return handler
    plain = {key: value for key, value in handler.items() if key != "trusted_proxies"}
    return {**plain, "trusted_proxies": list(site.trusted)} if site.trusted else plain
