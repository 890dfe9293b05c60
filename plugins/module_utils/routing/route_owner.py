# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner of a route in the proxy: the proxy's ``@id`` is the only place that can store it.

``zr:STACK:SERVICE:DIGEST[:TLS]`` is a route of ours, ``zr-idx:...`` a container that only arranges routes of ours,
``zr-tls:KIND`` a TLS policy that follows from the routes. Everything else belongs to other owners.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, List, Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import Route
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import stack_id

ROUTE = "zr:"
INDEX = "zr-idx:"
POLICY = "zr-tls:"

_ID = re.compile(r"[a-z2-7]{32}\Z")
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9])?\Z")


class Owner(NamedTuple):
    """The owner in the id of one of our routes. ``tls`` is empty for ``auto``."""

    stack: str
    service: str
    tls: str

    @property
    def shown(self) -> str:
        return f"stack '{self.name}'" + (f" (service {self.service})" if self.service else "")

    @property
    def name(self) -> str:
        """The stack's full name, derived from its service's name; if that is impossible, its id."""
        if not _ID.match(self.stack) or "_" not in self.service:
            return self.stack
        parts = self.service.split("_")
        names = ["_".join(parts[:count]) for count in range(1, len(parts))]
        return next((name for name in names if stack_id(name) == self.stack), names[0])

    def is_gone(self, live: Mapping[str, str]) -> bool:
        """Whether its service is not among ``live`` (names, and the ids of their stacks if known)."""
        if not self.service or self.service not in live:
            return bool(self.service)
        known = live[self.service]
        return bool(known and _ID.match(self.stack)) and known != self.stack


def check_owner(stack: str) -> str:
    """Returns the stack if it can be part of an id. Raises RouteError (``invalid_name``)."""
    if not _OWNER.match(stack):
        raise RouteError(
            f"{stack[:150]!r} is not a valid owner of routes.",
            "invalid_name",
            "Use the stack's id (stack_id in the result of compose_stack), or letters, digits, '.', '-' and '_'.",
        )
    return stack


def route_id(stack: str, route: Route) -> str:
    """Returns the ``@id`` of a stack's route, which is unique in a proxy."""
    digest = hashlib.sha256("\n".join(route.key).encode()).hexdigest()[:12]
    tls = "" if route.tls == "auto" else ":" + route.tls
    return f"{ROUTE}{stack}:{route.service}:{digest}{tls}"


def id_of(route: object) -> str:
    """Returns the ``@id`` of a part of the proxy's configuration, or empty text."""
    found = route.get("@id") if isinstance(route, dict) else None
    return found if isinstance(found, str) else ""


def owner_of(route: object) -> Optional[Owner]:
    """Returns the owner of one of our routes, else None."""
    name = id_of(route)
    parts = name.split(":") if name.startswith(ROUTE) else []
    if len(parts) not in (4, 5):
        return None
    return Owner(parts[1], parts[2], parts[4] if len(parts) == 5 else "")


def maps(value: object) -> List[Mapping[str, Any]]:
    """Returns the maps of a list in the proxy's configuration; an empty list for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def flattened(routes: List[Any]) -> List[Any]:
    """Returns the routes without our containers (``zr-idx:...``), in the order in which they match."""
    found: List[Any] = []
    for route in routes:
        if id_of(route).startswith(INDEX):
            found += flattened(inner_routes(route))
        else:
            found.append(route)
    return found


def inner_routes(route: Mapping[str, object]) -> List[Any]:
    """Returns the routes of all subroutes of a route."""
    found: List[Any] = []
    for handler in maps(route.get("handle")):
        if handler.get("handler") == "subroute":
            found += maps(handler.get("routes"))
    return found
