# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A route as the proxy's JSON. ``modern`` is a proxy of version 2.8 or later: it takes fields that 2.6 refuses."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.routing import values
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.model import TASKS, Route
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.owner import route_id

Json = Dict[str, Any]

#: How long a request waits for an upstream that refuses connections, as in a restart (shared figures: docs/guides).
TRY = {"try_duration": "5s", "try_interval": "250ms"}
#: How long websockets live on after the proxy has loaded another configuration.
STREAM_CLOSE_DELAY = "1h"
#: Swarm takes a task out of the DNS 2 s before it stops it: by then nothing may go there any more.
REFRESH = "1s"
HEALTH_TIMEOUT = "2s"
HEALTH_INTERVAL = "10s"
#: What is compressed; text/event-stream is not, or its events would wait for a full buffer.
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


def rendered(stack: str, route: Route, modern: bool) -> Json:
    """The route of ``stack`` as the proxy's JSON."""
    match: Json = {"host": [route.domain]}
    if route.base_path != "/":
        match["path"] = [route.base_path, route.base_path + "/*"]
    inner: List[Json] = []
    if route.https_redirect:
        location = "https://{http.request.host}{http.request.uri}"
        inner.append({"match": [{"protocol": "http"}], "handle": [_redirect(location)], "terminal": True})
    inner.append({"handle": _handlers(route, modern)})
    return {
        "@id": route_id(stack, route),
        "match": [match],
        "terminal": True,
        "handle": [{"handler": "subroute", "routes": inner}],
    }


def _handlers(route: Route, modern: bool) -> List[Json]:
    handlers: List[Json] = []
    if route.auth:
        handlers.append(_auth(route))
    if route.response_headers and route.redirect_to:
        handlers.append(_headers(route))
    if route.redirect_to:
        keep = "" if values.url_has_path(route.redirect_to) else "{http.request.uri}"
        return [*handlers, _redirect(route.redirect_to + keep)]
    if route.request_headers or route.response_headers:
        handlers.append(_headers(route))
    if route.max_body:
        handlers.append({"handler": "request_body", "max_size": route.max_body})
    if route.compress:
        handlers.append(_compression())
    if route.base_path != "/" and route.strip_prefix:
        handlers.append({"handler": "rewrite", "strip_path_prefix": route.base_path})
    return [*handlers, _proxy(route, modern)]


def _redirect(location: str) -> Json:
    return {"handler": "static_response", "status_code": 308, "headers": {"Location": [location]}}


def _auth(route: Route) -> Json:
    basic = {
        "accounts": [{"username": user, "password": hashed} for user, hashed in route.auth],
        "hash": {"algorithm": "bcrypt"},
        # Without it, each request costs as much as the hash does.
        "hash_cache": {},
    }
    return {"handler": "authentication", "providers": {"http_basic": basic}}


def _headers(route: Route) -> Json:
    handler: Json = {"handler": "headers"}
    if route.request_headers:
        handler["request"] = _operations(route.request_headers)
    if route.response_headers:
        # Deferred: the upstream's own headers would come on top of these.
        handler["response"] = {**_operations(route.response_headers), "deferred": True}
    return handler


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


def _proxy(route: Route, modern: bool) -> Json:
    proxy: Json = {"handler": "reverse_proxy", "load_balancing": dict(TRY)}
    if route.upstream.startswith(TASKS):
        source = {"source": "a", "name": route.upstream, "port": str(route.port), "refresh": REFRESH}
        proxy["dynamic_upstreams"] = source
    else:
        proxy["upstreams"] = [{"dial": f"{route.upstream}:{route.port}"}]
    transport: Json = {}
    if route.h2c:
        transport["versions"] = ["h2c", "2"]
    if route.timeout:
        transport["response_header_timeout"] = route.timeout
    if transport:
        proxy["transport"] = {"protocol": "http", **transport}
    if route.health_uri:
        interval = route.health_interval or HEALTH_INTERVAL
        active = {"uri": route.health_uri, "interval": interval, "timeout": HEALTH_TIMEOUT, "expect_status": 2}
        proxy["health_checks"] = {"active": active}
    if modern:
        proxy["stream_close_delay"] = STREAM_CLOSE_DELAY
    return proxy
