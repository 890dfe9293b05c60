# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A route as the proxy's JSON; a proxy of version 2.8 or later accepts fields that 2.6 rejects."""

from __future__ import annotations

import re
from math import inf
from typing import Any, Dict, List, NamedTuple, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.routing import route_fields as values
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.readable import CLAIMS
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import TASKS, Route
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import route_id

Json = Dict[str, Any]

#: How long a request waits for an upstream that refuses connections, as in a restart (docs/guides has this figure).
HOLD = "10s"
#: The matcher matches no request: only requests that reached no service are retried; others may have had an effect.
TRY = {"try_interval": "250ms", "retry_match": [{"method": []}]}
#: One attempt tries all addresses of a name in turn; Caddy 2.6 makes no second attempt for a POST.
DIAL_TIMEOUT = "5s"
#: How long websockets stay open after the proxy has loaded another configuration.
STREAM_CLOSE_DELAY = "1h"
#: Swarm removes a task from the DNS 2 s before it stops it, so the proxy must refresh within that time.
REFRESH = "1s"
#: The cookie that keeps a visitor with one task.
STICKY = "stackwright_task"
RETRY_AFTER = "120"  # seconds, for visitors of a site in maintenance
HEALTH_TIMEOUT = "2s"
HEALTH_INTERVAL = "10s"
#: The compressed types; not text/event-stream, whose events would wait for a full buffer.
COMPRESSED = (
    "application/atom+xml*",
    "application/javascript*",
    "application/json*",
    "application/ld+json*",
    "application/manifest+json*",
    "application/rss+xml*",
    "application/wasm*",
    "application/xhtml+xml*",
    "application/xml*",
    "font/otf*",
    "font/ttf*",
    "image/svg+xml*",
    "text/css*",
    "text/csv*",
    "text/html*",
    "text/javascript*",
    "text/markdown*",
    "text/plain*",
    "text/xml*",
)


#: The handler for requests that come from no balancer.
CLAIMED = {"handler": "headers", "request": {"delete": list(CLAIMS)}}


class Site(NamedTuple):
    """Settings of the proxy's server that routes depend on.

    ``modern``: version 2.8 or later. ``https``: it listens for HTTP and HTTPS. ``https_port``: the port at which
    visitors reach HTTPS. ``trusted``: the addresses of load balancers whose X-Forwarded headers are used.
    """

    modern: bool = True
    https: bool = False
    https_port: int = 443
    trusted: Tuple[str, ...] = ()


def rendered(stack: str, route: Route, site: Site) -> Json:
    """Returns the route of ``stack`` as the proxy's JSON."""
    # Browsers may send the name with a dot at its end.
    match: Json = {"host": [route.domain, route.domain + "."]}
    if route.base_path != "/":
        match["path"] = [route.base_path, route.base_path + "/*"]
    inner: List[Json] = []
    if _goes_to_https(route, site):
        inner.append(to_https(site))
    if route.maintenance:
        inner.append({"handle": [_maintenance(route)]})
    else:
        if route.trailing_slash:
            inner.append(_with_slash(route))
        if not route.redirect_to:
            inner.append(claims_route(site))
        inner.append({"handle": _handlers(route, site)})
    return {
        "@id": route_id(stack, route),
        "match": [match],
        "terminal": True,
        "handle": [{"handler": "subroute", "routes": inner}],
    }


def claims_route(site: Site) -> Json:
    """Returns the inner route that removes headers that only a load balancer may send."""
    claims: Json = {"handle": [CLAIMED]}
    return {"match": [{"not": [_from_balancer(site)]}], **claims} if site.trusted else claims


def _goes_to_https(route: Route, site: Site) -> bool:
    if route.https_redirect is not None or route.tls == "off":
        return bool(route.https_redirect)
    # A redirect needs no extra hop to HTTPS, but a password must not be sent in plain text.
    return site.https and (not route.redirect_to or bool(route.auth))


def _from_balancer(site: Site) -> Json:
    return {"remote_ip": {"ranges": list(site.trusted)}}


def to_https(site: Site) -> Json:
    """Returns the inner route that redirects HTTP to HTTPS."""
    match: Json = {"protocol": "http"}
    if site.trusted:
        match["not"] = [{**_from_balancer(site), "header": {"X-Forwarded-Proto": ["https", "https,*", "HTTPS"]}}]
    port = "" if site.https_port == 443 else f":{site.https_port}"
    location = f"https://{{http.request.host}}{port}{{http.request.uri}}"
    return {"match": [match], "handle": [_redirect(location)], "terminal": True}


def _with_slash(route: Route) -> Json:
    query = {"match": [{"path": [route.base_path], "expression": "{http.request.uri.query} != ''"}]}
    to = route.base_path + "/"  # not the request's path: //admin/ would be another host
    return {
        "match": [{"path": [route.base_path]}],
        "terminal": True,
        "handle": [
            {
                "handler": "subroute",
                "routes": [
                    {**query, "handle": [_redirect(to + "?{http.request.uri.query}")], "terminal": True},
                    {"handle": [_redirect(to)], "terminal": True},
                ],
            }
        ],
    }


def _maintenance(route: Route) -> Json:
    return {
        "handler": "static_response",
        "status_code": 503,
        "headers": {
            "Cache-Control": ["no-store"],
            "Content-Type": ["text/html; charset=utf-8"],
            "Retry-After": [RETRY_AFTER],
        },
        # The braces of a page are not placeholders.
        "body": route.maintenance.replace("{", "\\{"),
    }


def _handlers(route: Route, site: Site) -> List[Json]:
    handlers: List[Json] = []
    if route.auth:
        handlers.append(_auth(route))
    if route.response_headers and route.redirect_to:
        handlers.append(_headers(route))
    if route.redirect_to:
        keep = "" if values.url_has_path(route.redirect_to) else "{http.request.uri}"
        return [*handlers, _redirect(route.redirect_to + keep)]
    if route.response_headers or route.rewrite_answers:
        handlers.append(_headers(route))
    if route.max_body:
        handlers.append({"handler": "request_body", "max_size": route.max_body})
    if route.compress:
        handlers.append(_compression())
    if route.base_path != "/" and route.strip_prefix:
        # Without the prefix, /api%2Fx would begin without a slash; with Caddy 2.6 also /api. would.
        slash = [{"find": "^%2[Ff]", "replace": "/"}, {"find": "^([^/])", "replace": "/$1"}]
        handlers.append({"handler": "rewrite", "strip_path_prefix": route.base_path, "path_regexp": slash})
    return [*handlers, _proxy(route, site)]


def _redirect(location: str) -> Json:
    return {"handler": "static_response", "status_code": 308, "headers": {"Location": [location]}}


def _auth(route: Route) -> Json:
    basic = {
        "accounts": [{"username": user, "password": hashed} for user, hashed in route.auth],
        "hash": {"algorithm": "bcrypt"},
        # Without the cache, each request computes the hash.
        "hash_cache": {},
    }
    return {"handler": "authentication", "providers": {"http_basic": basic}}


def _headers(route: Route) -> Json:
    handler: Json = {"handler": "headers"}
    if route.response_headers:
        # Deferred: otherwise the upstream's headers would be added to these.
        handler["response"] = {**_operations(route.response_headers), "deferred": True}
    if route.rewrite_answers:
        handler["response"] = {**handler.get("response", {}), "replace": _prefixed(route), "deferred": True}
    return handler


def _prefixed(route: Route) -> Json:
    """Returns replacements that give addresses in answers the prefix exactly once, as visitors see them."""
    prefix = route.base_path.replace("$", "$$")
    seen = re.escape(route.base_path)
    site = r"(https?://" + re.escape(route.domain).replace(r"\*", "[^./]+") + r"\.?(?::\d+)?)?"
    return {
        "Location": [
            {"search_regexp": f"(?i)^{site}/($|[^/])", "replace": f"$1{prefix}/$2"},
            {"search_regexp": f"^{site}{seen}{seen}(/|$)", "replace": f"$1{prefix}$2"},
        ],
        "Set-Cookie": [
            {"search_regexp": r"(?i)(;\s*path=)/", "replace": f"$1{prefix}/"},
            {"search_regexp": f"(?i)(;\\s*path=){seen}{seen}(/|;|$)", "replace": f"$1{prefix}$2"},
        ],
    }


def _operations(headers: Any) -> Json:
    found: Json = {}
    for name, value in headers:
        if value:
            found.setdefault("set", {})[name] = [value]
        else:
            found.setdefault("delete", []).append(name)
    return found


def _compression() -> Json:
    return {
        "handler": "encode",
        "encodings": {"gzip": {}, "zstd": {}},
        "prefer": ["zstd", "gzip"],
        "match": {"headers": {"Content-Type": list(COMPRESSED)}},
    }


def _proxy(route: Route, site: Site) -> Json:
    timeout = values.seconds(route.timeout) if route.timeout else inf
    hold = route.timeout if timeout < values.seconds(HOLD) else HOLD
    proxy: Json = {"handler": "reverse_proxy", "load_balancing": {"try_duration": hold, **TRY}}
    if route.upstream.startswith(TASKS):
        source = {"source": "a", "name": route.upstream, "port": str(route.port), "refresh": REFRESH}
        proxy["dynamic_upstreams"] = source
    else:
        proxy["upstreams"] = [{"dial": f"{route.upstream}:{route.port}"}]
    # A second attempt to connect must not begin so late that it ends after the timeout.
    late = timeout < values.seconds(HOLD) + values.seconds(DIAL_TIMEOUT)
    transport: Json = {"protocol": "http", "dial_timeout": route.timeout if late else DIAL_TIMEOUT}
    if route.h2c:
        transport["versions"] = ["h2c", "2"]
    elif not route.keep_alive:
        # Go retries a GET for each idle connection that turns out to be closed, and a POST is lost if the task closes
        # its connection at that moment. (With HTTP/2, the service reports which requests it has not processed.)
        transport["keep_alive"] = {"enabled": False}
    if route.timeout:
        transport["response_header_timeout"] = route.timeout
    proxy["transport"] = transport
    if route.health_uri:
        interval = route.health_interval or HEALTH_INTERVAL
        active = {"uri": route.health_uri, "interval": interval, "timeout": HEALTH_TIMEOUT, "expect_status": 2}
        proxy["health_checks"] = {"active": active}
    if route.sticky:
        proxy["load_balancing"]["selection_policy"] = {"policy": "cookie", "name": STICKY}
    if route.request_headers:
        # Set here: the proxy has already removed the headers that the visitor's Connection header names.
        proxy["headers"] = {"request": _operations(route.request_headers)}
    if site.trusted:
        proxy["trusted_proxies"] = list(site.trusted)
    if site.modern:
        proxy["stream_close_delay"] = STREAM_CLOSE_DELAY
    return proxy
