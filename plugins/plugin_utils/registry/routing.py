# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domains of services: subdomains, aliases and routes; and the services that are proxies for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import settled
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of

#: Images that are proxies, whatever else their service says.
PROXIES = ("caddy", "haproxy", "nginx-proxy", "nginx-proxy-manager", "traefik")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z", re.IGNORECASE)
#: Fields of a route that are not labels of the same name.
_OWN = ("domain", "headers", "health", "path", "port", "subdomain")


@dataclass(frozen=True)
class Route:
    """A domain and path of a service. ``port`` is "" if it is not known; ``fields`` are labels of the route."""

    domain: str
    base_path: str
    port: str
    path: Path
    fields: tuple[tuple[str, str], ...] = ()
    redirects: bool = False

    @property
    def shown(self) -> str:
        return self.domain + (self.base_path if self.base_path != "/" else "")


def is_domain(text: str) -> bool:
    """Returns whether a text is a host name; the first label may be ``*``."""
    labels = text.rstrip(".").split(".")
    labels = labels[1:] if labels[0] == "*" and len(labels) > 1 else labels
    try:
        labels = [label if label.isascii() else label.encode("idna").decode() for label in labels]
    except UnicodeError:
        return False
    return len(text) <= 253 and all(_LABEL.match(label) for label in labels)


def proxies(registry: Registry) -> frozenset[str]:
    """Returns the services that are proxies for the domains of others.

    These have ``proxy: true``, repeat domains of others, or are well-known proxies on port 80 or 443. ``proxy: false``
    excludes a service.
    """
    own = {}
    for service in registry.services.values():
        if service.keys.get("subdomain"):
            own[text_of(service.keys["subdomain"])] = service.name
    found = set()
    for service in registry.services.values():
        repeated = {own.get(text_of(name), service.name) for name in service.keys.get("additional_aliases") or ()}
        if service.keys.get("proxy", bool(repeated - {service.name}) or _is_well_known(service)) is True:
            found.add(service.name)
    return frozenset(found)


def _is_well_known(service: Service) -> bool:
    name = text_of(service.keys.get("image")).partition("@")[0].rpartition("/")[2].partition(":")[0]
    ports = service.keys.get("ports")
    for entry in ports if name in PROXIES and isinstance(ports, list) else ():
        text = text_of(entry.get("published")) if isinstance(entry, dict) else (settled(entry) or "").rpartition(":")[0]
        if text.rpartition(":")[2] in ("80", "443"):
            return True
    return False


def routes_of(registry: Registry, service: Service, proxy_names: frozenset[str]) -> list[Route]:
    """Returns the routes of a service, in the order of the registry. A proxy only has its own subdomain."""
    found: list[Route] = []
    port = port_of(service)
    if service.keys.get("subdomain") not in (None, ""):
        found.append(Route(_below(registry, service.keys["subdomain"]), "/", port, service.path("subdomain")))
    if service.name in proxy_names:
        return found
    for index, name in enumerate(service.keys.get("additional_aliases") or ()):
        found.append(Route(_below(registry, name), "/", port, service.path("additional_aliases", index)))
    for index, entry in enumerate(service.keys.get("routes") or ()):
        fields = [(key, text_of(value)) for key, value in entry.items() if key not in _OWN]
        for direction, headers in (entry.get("headers") or {}).items():
            fields += [(f"headers.{direction}.{name}", text_of(value)) for name, value in headers.items()]
        fields += [(f"health.{key}", text_of(value)) for key, value in (entry.get("health") or {}).items()]
        path = text_of(entry.get("path")) or "/"
        own = text_of(entry.get("port")) or port
        place = service.path("routes", index)
        found.append(Route(_domain(registry, entry), path, own, place, tuple(fields), "redirect_to" in entry))
    return found


def _domain(registry: Registry, entry: Any) -> str:
    if entry.get("domain") is not None:
        return text_of(entry["domain"])
    return _below(registry, entry["subdomain"]) if entry.get("subdomain") is not None else registry.domain


def _below(registry: Registry, name: object) -> str:
    return f"{text_of(name)}.{registry.domain}"


def port_of(service: Service) -> str:
    """Returns the port on which the service listens for requests; "" if the registry does not have it."""
    keys = service.keys
    if keys.get("port") is not None:
        return text_of(keys["port"])
    exposed = [text_of(port).partition("/")[0] for port in keys.get("expose") or ()]
    if len(exposed) == 1:
        return exposed[0]
    targets = set()
    for entry in keys.get("ports") or ():
        text = text_of(entry.get("target")) if isinstance(entry, dict) else (settled(entry) or "").rpartition(":")[2]
        if not text.endswith("/udp"):
            targets.add(text.partition("/")[0])
    if len(targets) == 1 and not exposed:
        return next(iter(targets))
    check = keys.get("health_check") or {}
    return text_of(check.get("port")) if check.get("type") == "http" else ""


def domains_of(registry: Registry, proxy_names: frozenset[str]) -> list[str]:
    """Returns every domain of the registry: the proxies have them as aliases."""
    found: dict[str, None] = {}
    for service in registry.services.values():
        for route in routes_of(registry, service, proxy_names):
            found[route.domain] = None
        if service.name in proxy_names:
            found.update((_below(registry, name), None) for name in service.keys.get("additional_aliases") or ())
    return sorted(found)
