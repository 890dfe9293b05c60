# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of the proxy in readable form: one line each, regardless of their origin, and never with a secret."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN, is_secret, masked_text
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.layout import REFUSED, matcher_sets, strings
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import inner_routes, maps, owner_of

#: Headers with credentials.
CREDENTIALS = frozenset(("authorization", "cookie", "proxy-authorization", "set-cookie"))

#: Headers with which clients could claim another address; our routes remove them from requests.
CLAIMS = ["Forwarded", "X-Real-Ip"]


def is_credential(header: str, value: Optional[str] = None) -> bool:
    """Whether the value of a header must be hidden, because of the header's name or because it looks like a secret."""
    if value == "":
        return False  # the header is removed
    return header.lower() in CREDENTIALS or is_secret(header) or masked_text(value or "") != (value or "")


def described(route: object) -> Dict[str, Any]:
    """Describes a route of the proxy: ``domains``, ``paths``, ``to``, ``options`` (texts)."""
    hosts: List[str] = []
    paths: List[str] = []
    options: List[str] = []
    for one in matcher_sets(route):
        hosts += [host for host in strings(one.get("host")) if not host.endswith(".")]
        given = strings(one.get("path"))
        paths += [path for path in given if not (path.endswith("/*") and path[:-2] in given)]
        options += [f"if {name}" for name in sorted(one) if name not in ("host", "path")]
    aims: List[str] = []
    for handler in _handlers(route):
        _describe(handler, aims, options)
    return {
        "domains": list(dict.fromkeys(hosts)),
        "paths": list(dict.fromkeys(paths)) or ["/"],
        "to": ", ".join(dict.fromkeys(aims)),
        "options": list(dict.fromkeys(options)),
    }


def line(route: object) -> str:
    """Returns a line for a route."""
    found = described(route)
    owner = owner_of(route)
    options = list(found["options"])
    if owner is not None and owner.tls:
        options.append("tls " + owner.tls)
    where = ", ".join(
        (domain or "*") + ("" if path == "/" else path)
        for domain in found["domains"] or ["any host"]
        for path in found["paths"]
    )
    return f"{where} -> {found['to'] or 'nothing'}" + (f" ({'; '.join(options)})" if options else "")


def lines(routes: Sequence[object]) -> List[str]:
    """Returns a line for each route, sorted."""
    return sorted(line(route) for route in routes)


def changes(before: Sequence[object], after: Sequence[object]) -> List[str]:
    """Returns a line for each changed route, with ``add``, ``remove`` or ``change``."""
    old = {_address(route): route for route in before}
    new = {_address(route): route for route in after}
    found = []
    for key in sorted({*old, *new}):
        if key not in new:
            found.append("remove " + line(old[key]))
        elif key not in old:
            found.append("add " + line(new[key]))
        elif old[key] != new[key]:
            was, now = line(old[key]), line(new[key])
            found.append(
                f"change {now} (was: {was})" if was != now else f"change {now} ({_unseen(old[key], new[key])})"
            )
    return found


def _unseen(old: object, new: object) -> str:
    """Describes the difference of two routes with equal lines."""
    before, after = _passwords(old), _passwords(new)
    users = sorted(user for user in before if before[user] != after.get(user))
    if users:
        return "new password for " + ", ".join(users)
    return "differs in " + ", ".join(sorted(set(_paths(old, new, ""))))


def _paths(old: object, new: object, path: str) -> Iterator[str]:
    """Yields the paths at which two values differ, without indices. Never the values: they may be secret."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {*old, *new}:
            if old.get(key) != new.get(key):
                yield from _paths(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for one, other in zip(old, new):
            if one != other:
                yield from _paths(one, other, path)
    else:
        yield path


def diff(before: Sequence[object], after: Sequence[object], header: str) -> Dict[str, str]:
    """Returns the readable routes before and after, for Ansible's diff mode."""
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join(text + "\n" for text in lines(before)),
        "after": "".join(text + "\n" for text in _after(before, after)),
    }


def _after(before: Sequence[object], after: Sequence[object]) -> List[str]:
    """Returns the lines of ``after``. If only hidden parts of a route differ, its line has a note about them."""
    old = {_address(route): route for route in before}
    found = []
    for route in after:
        text = line(route)
        same = old.get(_address(route))
        if same is not None and same != route and line(same) == text:
            text += f" ({_unseen(same, route)})"
        found.append(text)
    return sorted(found)


def _address(route: object) -> str:
    found = described(route)
    return " ".join([*found["domains"], *found["paths"]])


def _handlers(route: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(route, dict):
        return
    for handler in maps(route.get("handle")):
        if handler.get("handler") != "subroute":
            # In our own routes, a redirect with the matcher protocol leads to HTTPS.
            only = "http" if any("protocol" in one for one in matcher_sets(route)) else ""
            if str(handler.get("handler")) == "static_response" and _adds_slash(handler):
                only = "slash"
            yield {**handler, "only": only} if only else handler
    for part in inner_routes(route):
        yield from _handlers(part)


def _adds_slash(handler: Mapping[str, object]) -> bool:
    headers = handler.get("headers")
    to = strings(headers.get("Location")) if isinstance(headers, dict) else []
    return bool(to) and to[0].startswith("/") and not to[0].startswith("//")


def _describe(handler: Mapping[str, object], aims: List[str], options: List[str]) -> None:
    kind = str(handler.get("handler"))
    describe = HANDLERS.get(kind)
    if describe is None:
        options.append("handler " + kind)
    else:
        describe(handler, aims, options)


def _of_proxy(handler: Mapping[str, object], aims: List[str], options: List[str]) -> None:
    headers = handler.get("headers")
    if isinstance(headers, dict):
        _of_headers(headers, aims, options)
    dynamic = handler.get("dynamic_upstreams")
    if isinstance(dynamic, dict):
        aims.append(f"{dynamic.get('name')}:{dynamic.get('port')}")
    aims += [str(upstream.get("dial")) for upstream in maps(handler.get("upstreams"))]
    transport = handler.get("transport")
    if isinstance(transport, dict):
        options += ["h2c"] * ("h2c" in strings(transport.get("versions")))
        if transport.get("response_header_timeout"):
            options.append(f"timeout {transport['response_header_timeout']}")
    kept = transport.get("keep_alive") if isinstance(transport, dict) else None
    if not (isinstance(kept, dict) and kept.get("enabled") is False) and "h2c" not in options:
        options.append("connections kept open")
    balancing = handler.get("load_balancing")
    chosen = balancing.get("selection_policy") if isinstance(balancing, dict) else None
    if isinstance(chosen, dict):
        options.append("sticky" if chosen.get("policy") == "cookie" else f"chosen by {chosen.get('policy')}")
    checks = handler.get("health_checks")
    active = checks.get("active") if isinstance(checks, dict) else None
    if isinstance(active, dict):
        options.append(f"health {active.get('uri') or active.get('path')} every {active.get('interval')}")


def _of_answer(handler: Mapping[str, object], aims: List[str], options: List[str]) -> None:
    headers = handler.get("headers")
    location = strings(headers.get("Location")) if isinstance(headers, dict) else []
    if location and handler.get("only") == "http":
        options.append("http goes to https")
    elif location and handler.get("only") == "slash":
        options.append("a slash is added at the end")
    elif handler.get("status_code") == 503 and handler.get("body"):
        options.append("maintenance")
    elif location:
        aims.append("redirect to " + location[0].replace("{http.request.uri}", ""))
    elif handler.get("body") != REFUSED["body"]:  # the guard of domains with paths
        aims.append(f"answer {handler.get('status_code', 200)}")


def _of_rewrite(handler: Mapping[str, object], _aims: List[str], options: List[str]) -> None:
    if handler.get("strip_path_prefix"):
        options.append(f"strip {handler['strip_path_prefix']}")
    else:
        options.append("handler rewrite")


def _of_auth(handler: Mapping[str, object], _aims: List[str], options: List[str]) -> None:
    options.append("users " + ", ".join(sorted(_passwords({"handle": [handler]}))))


def _of_headers(handler: Mapping[str, object], _aims: List[str], options: List[str]) -> None:
    for part in ("request", "response"):
        operations = handler.get(part)
        if not isinstance(operations, dict):
            continue
        given = operations.get("set")
        for name, value in sorted(given.items()) if isinstance(given, dict) else ():
            text = ", ".join(strings(value))
            text = HIDDEN if is_credential(name, text) else text
            options.append(f"{part} header {name}: {text}")
        if part == "response" and operations.get("replace"):
            options.append("answers rewritten")
        removed = strings(operations.get("delete"))
        # Settings that every route has are not shown as options.
        options += [f"{part} header {name} removed" for name in removed if part != "request" or removed != CLAIMS]


def _passwords(route: object) -> Dict[str, str]:
    """Returns users and hashes of a route, for comparison only."""
    found: Dict[str, str] = {}
    for handler in _handlers(route):
        providers = handler.get("providers")
        basic = providers.get("http_basic") if isinstance(providers, dict) else None
        for account in maps(basic.get("accounts")) if isinstance(basic, dict) else ():
            found[str(account.get("username"))] = str(account.get("password"))
    return found


HANDLERS: Dict[str, Callable[[Mapping[str, Any], List[str], List[str]], object]] = {
    "reverse_proxy": _of_proxy,
    "static_response": _of_answer,
    "rewrite": _of_rewrite,
    "authentication": _of_auth,
    "headers": _of_headers,
    "request_body": lambda handler, _aims, options: options.append(f"bodies up to {handler.get('max_size')} bytes"),
    "encode": lambda _handler, _aims, options: options.append("compressed"),
}
