# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A route: which requests go where. Built from plain data, with all errors reported at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.routing import address
from ansible_collections.stackwright.swarm.plugins.module_utils.routing import route_fields as values
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.wrong import Fault, Wrong

Pairs = Tuple[Tuple[str, str], ...]

#: Begins an upstream that means each task of a service, found in the Swarm's DNS.
TASKS = "tasks."


@dataclass(frozen=True)
class Route:
    """One route. ``upstream`` is the name of a host or ``tasks.SERVICE``; ``max_body`` is in bytes, 0 for no limit.

    ``https_redirect``: None if it depends on the proxy's server. ``maintenance`` is the page that visitors get instead.

    ``service`` is the service's full name in the Swarm, empty for a route without a service.
    """

    domain: str
    base_path: str = "/"
    service: str = ""
    upstream: str = ""
    port: int = 0
    strip_prefix: bool = True
    tls: str = "auto"
    redirect_to: str = ""
    https_redirect: Optional[bool] = None
    auth: Pairs = ()
    request_headers: Pairs = ()
    response_headers: Pairs = ()
    max_body: int = 0
    compress: bool = False
    health_uri: str = ""
    health_interval: str = ""
    h2c: bool = False
    timeout: str = ""
    keep_alive: bool = False
    sticky: bool = False
    trailing_slash: bool = False
    rewrite_answers: bool = False
    maintenance: str = ""

    @property
    def key(self) -> Tuple[str, str]:
        """Domain and path, which identify a route in a proxy."""
        return self.domain, address.comparable(self.base_path)

    @property
    def shown(self) -> str:
        """The route's address for messages."""
        return self.domain + ("" if self.base_path == "/" else self.base_path)


class Field(NamedTuple):
    """The model's attribute for a field of plain data, and the function that reads it."""

    attribute: str
    read: Callable[[Any], Any]
    proxied: bool = False  # it only has an effect if requests go to an upstream


def _service(value: object) -> str:
    return address.host(str(value))


def _text_of(read: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: read(str(value))


FIELDS: Dict[str, Field] = {
    "domain": Field("domain", _text_of(address.domain)),
    "base_path": Field("base_path", _text_of(address.base_path)),
    "service": Field("service", _service),
    "upstream": Field("upstream", _text_of(address.host), proxied=True),
    "port": Field("port", values.port),
    "strip_prefix": Field("strip_prefix", values.boolean),
    "tls": Field("tls", values.tls),
    "redirect_to": Field("redirect_to", values.url),
    "https_redirect": Field("https_redirect", values.boolean),
    "auth": Field("auth", values.accounts),
    "headers.request": Field("request_headers", values.headers, proxied=True),
    "headers.response": Field("response_headers", values.headers),
    "max_body": Field("max_body", values.size, proxied=True),
    "compress": Field("compress", values.boolean, proxied=True),
    "health.uri": Field("health_uri", values.uri, proxied=True),
    "health.interval": Field("health_interval", values.duration, proxied=True),
    "h2c": Field("h2c", values.boolean, proxied=True),
    "timeout": Field("timeout", values.duration, proxied=True),
    "keep_alive": Field("keep_alive", values.boolean, proxied=True),
    "sticky": Field("sticky", values.boolean, proxied=True),
    "trailing_slash": Field("trailing_slash", values.boolean, proxied=True),
    "rewrite_answers": Field("rewrite_answers", values.boolean, proxied=True),
    "maintenance": Field("maintenance", values.page, proxied=True),
}


#: Fields that are off by default.
SWITCHES = ("keep_alive", "sticky", "trailing_slash", "rewrite_answers", "maintenance")
#: Fields that make several routes of one, and the values of ``www``.
GROUPED = ("domains", "www")
WWW = ("redirect", "same")


def each_route(plain: Mapping[str, object]) -> Tuple[List[Route], List[Fault]]:
    """Returns the routes of ``plain``, one for each domain; or no routes, and all faults."""
    single = {name: value for name, value in plain.items() if name not in GROUPED}
    try:
        each = _each_domain(plain, single)
    except Wrong as wrong:
        field = "domains" if plain.get("domains") else "www"
        return [], [Fault(field, wrong.message, wrong.hint, wrong.code)]
    found: List[Route] = []
    faults: Dict[Fault, None] = {}
    for one in each:
        route, wrong_with = route_of(one)
        faults.update(dict.fromkeys(wrong_with))
        found += [route] if route is not None else []
    return ([], list(faults)) if faults else (found, [])


def _each_domain(plain: Mapping[str, object], single: Dict[str, object]) -> List[Dict[str, Any]]:
    given = plain.get("domains") or ()
    texts = given if isinstance(given, (list, tuple)) else re.split(r"[\s,]+", str(given).strip())
    names = [address.domain(str(text)) for text in texts]
    www = str(plain.get("www") or "").strip().lower()
    if www and www not in WWW:
        raise Wrong("www must be redirect or same")
    if not names and not www:
        return [single]
    if plain.get("domain") is not None:
        try:
            names.insert(0, address.domain(str(plain["domain"])))
        except Wrong:
            return [single]  # route_of reports its fault
    if not names:
        return [single]  # route_of reports the missing domain
    names = list(dict.fromkeys(names))
    found = [{**single, "domain": name} for name in names]
    if not www:
        return found
    for name in names:
        other = name[len("www.") :] if name.startswith("www.") else "www." + name
        if name.startswith("*") or other in names:
            raise Wrong(f"www has no effect for {name}", "Remove www, or the other domain.")
        if www == "same":
            found.append({**single, "domain": other})
        else:
            kept: Dict[str, Any] = {
                field: single[field] for field in ("base_path", "tls", "service", "port") if field in single
            }
            found.append({**kept, "domain": other, "redirect_to": "//" + name})
    return found


def route_of(plain: Mapping[str, object]) -> Tuple[Optional[Route], List[Fault]]:
    """Returns the route of ``plain`` (docs/architecture.md), or None and all faults."""
    given = flat(plain)
    faults: List[Fault] = []
    found: Dict[str, Any] = {}
    for name, value in given.items():
        field = FIELDS.get(name)
        if field is None:
            faults.append(Fault(name, "is not a valid route field", code="unknown_key"))
            continue
        try:
            found[field.attribute] = field.read(value)
        except Wrong as wrong:
            faults.append(Fault(name, wrong.message, wrong.hint, wrong.code))
    wrong_names = {fault.field for fault in faults}
    faults += [fault for fault in _missing(given, found) if fault.field not in wrong_names]
    return (None, faults) if faults else (Route(**found), [])


def flat(plain: Mapping[str, object]) -> Dict[str, Any]:
    """Returns the fields with values, nested ones by their dotted name."""
    given: Dict[str, Any] = {}
    for name, value in plain.items():
        if name in ("headers", "health") and isinstance(value, dict):
            given.update({f"{name}.{part}": inner for part, inner in value.items() if inner is not None})
        elif value is not None:
            given[name] = value
    return given


def _missing(given: Mapping[str, object], found: Mapping[str, object]) -> List[Fault]:
    """Returns faults about missing fields, and about fields that exclude each other."""
    faults = []
    if "domain" not in given:
        faults.append(Fault("domain", "the route has no domain", code="required"))
    if "redirect_to" in given:
        useless = [name for name in given if FIELDS.get(name, Field("", str)).proxied and name != "upstream"]
        for name in useless:
            faults.append(Fault(name, f"{name} has no effect together with redirect_to", "Remove one of the two."))
        return faults
    if "port" not in given:
        hint = "Set it to the port on which the container listens."
        faults.append(Fault("port", "the route has no port", hint, "required"))
    if "upstream" not in given:
        faults.append(
            Fault("upstream", "the route has no upstream", "Set it to the host that serves the route.", "required")
        )
    if "health.interval" in given and "health.uri" not in given:
        faults.append(Fault("health.uri", "health.interval requires health.uri", code="required"))
    if found.get("health_uri") and str(found.get("upstream", "")).startswith(TASKS):
        hint = "Use the service's name as the upstream, or remove the health check."
        faults.append(Fault("health.uri", "the proxy can't check the health of single tasks", hint))
    if found.get("sticky") and not str(found.get("upstream", TASKS)).startswith(TASKS):
        faults.append(Fault("sticky", "sticky requires upstream tasks", "Remove upstream, or set it to tasks."))
    whole = found.get("base_path", "/") == "/"
    if found.get("trailing_slash") and whole:
        faults.append(
            Fault("trailing_slash", "trailing_slash requires a base_path", "The path / always ends with a slash.")
        )
    if found.get("rewrite_answers") and (whole or found.get("strip_prefix") is False):
        faults.append(Fault("rewrite_answers", "rewrite_answers requires a base_path and strip_prefix"))
    if found.get("tls") == "off" and found.get("https_redirect"):
        faults.append(Fault("https_redirect", "https_redirect has no effect if tls is off"))
    return faults


def plain_of(route: Route) -> Dict[str, Any]:
    """Returns the route as plain data: its address and target, and the other fields that differ from the default."""
    plain: Dict[str, Any] = {"domain": route.domain, "base_path": route.base_path}
    if route.service:
        plain["service"] = route.service
    if route.redirect_to:
        plain["redirect_to"] = route.redirect_to
    else:
        plain.update(upstream=route.upstream, port=route.port, strip_prefix=route.strip_prefix)
    for name in ("tls", "https_redirect", "max_body", "compress", "h2c", "timeout", *SWITCHES):
        if getattr(route, name) != getattr(Route, name):
            plain[name] = getattr(route, name)
    if route.auth:
        plain["auth"] = dict(route.auth)
    headers = {"request": dict(route.request_headers), "response": dict(route.response_headers)}
    if route.request_headers or route.response_headers:
        plain["headers"] = {part: found for part, found in headers.items() if found}
    if route.health_uri:
        plain["health"] = {"uri": route.health_uri}
        if route.health_interval:
            plain["health"]["interval"] = route.health_interval
    return plain
