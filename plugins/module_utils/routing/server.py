# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proxy's server says of itself: whether it has HTTPS, and which balancers are before it.

Caddy before 2.7 has no place for trusted proxies of a whole server. So a route that does nothing keeps them: its
``@id`` is ``zr-trusted`` (with the port that visitors use for HTTPS, if it is not 443), its matcher has the addresses.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.layout import matcher_sets, strings
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.owner import id_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.render import Site

MARK = "zr-trusted"
#: No request comes from there (RFC 5737): the mark of a server without a balancer, for its port alone.
NOBODY = "192.0.2.0/32"

_PORT = re.compile(r":(\d+)\Z")


def site_of(apps: Any, server: Mapping[str, Any], modern: bool) -> Site:
    """What routes have to know of ``server``."""
    http = apps.get("http") if isinstance(apps, dict) and isinstance(apps.get("http"), dict) else {}
    plain, secure = http.get("http_port") or 80, http.get("https_port") or 443
    ports = {int(match.group(1)) for match in map(_PORT.search, strings(server.get("listen"))) if match}
    disabled = bool((server.get("automatic_https") or {}).get("disable"))
    tls = secure in ports and not disabled or bool(server.get("tls_connection_policies"))
    trusted, port = marked(server.get("routes") or [])
    return Site(modern, tls and plain in ports and len(ports) > 1, port, tuple(trusted))


def mark(trusted: Sequence[str], https_port: int) -> List[Dict[str, Any]]:
    """The route that keeps them; none where there is nothing to keep."""
    if not trusted and https_port == 443:
        return []
    name = MARK if https_port == 443 else f"{MARK}:{https_port}"
    match = {"remote_ip": {"ranges": list(trusted) or [NOBODY]}}
    return [{"@id": name, "match": [match], "handle": [{"handler": "vars", "stackwright_balancer": "true"}]}]


def is_mark(route: Any) -> bool:
    return id_of(route).partition(":")[0] == MARK


def marked(routes: Sequence[Any]) -> Tuple[List[str], int]:
    """The addresses and the port that a server's routes keep."""
    for route in routes:
        if is_mark(route):
            sets = matcher_sets(route)
            found = sets[0].get("remote_ip") if sets else None
            ranges = strings(found.get("ranges")) if isinstance(found, dict) else []
            port = id_of(route).partition(":")[2]
            return [one for one in ranges if one != NOBODY], int(port) if port.isdigit() else 443
    return [], 443
