# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of caddy_route and caddy_route_info to proxies."""

from __future__ import annotations

import random
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence
from urllib.parse import quote

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import domains
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import Endpoint, endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.fleet import (
    Replica,
    World,
    bring_all,
    first_failure,
    replicas,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.guarded_update import Wanted
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.transport import Transport
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN
from ansible_collections.stackwright.swarm.plugins.module_utils.routing import readable
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import (
    APPS,
    Everything,
    Part,
    RouteRequest,
    Settings,
    routes_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.conflicts import route_labels
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.live import live_routes
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import Route, each_route
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_fields import accounts, page
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import check_owner, owner_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.server import addresses
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.wrong import Wrong
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    NAMESPACE,
    labels_of,
    name_of,
    ours_in,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import recorded

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request import module_types
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service

#: The options that identify a route for its removal.
ADDRESS_ONLY = ("domain", "domains", "base_path")
#: A bcrypt hash that no password matches.
UNKNOWN_HASH = "$2y$04$" + "." * 53


class _Labels:
    """The labels of running services, each read once.

    With ``check``, missing labels have placeholders: the deployment before it, also in check mode, has not set them.
    """

    def __init__(self, client: EngineClient, check: bool) -> None:
        self._client = client
        self._check = check
        self._known: Dict[str, Optional[Mapping[str, str]]] = {}

    def value(self, service: str, field: str, label: str) -> str:
        """Returns the value of a field; a placeholder for a label that does not exist yet."""
        found = self._find(service, label)
        if found is not None:
            return found
        if field == "auth":
            return f"{label}:{UNKNOWN_HASH}"
        name = f"{service}-{label}".replace(".", "-").replace("_", "-").lower()[:60].strip("-")
        return {"domain": f"{name}.invalid", "redirect_to": f"https://{name}.invalid"}.get(field, HIDDEN)

    def _find(self, service: str, label: str) -> Optional[str]:
        if service not in self._known:
            self._known[service] = self._read(service)
        labels = self._known[service]
        if labels is not None and label in labels:
            return labels[label]
        if self._check:
            return None
        raise RouteError(
            f"The service {service} does not exist, or has no label {label}, which its route needs.",
            "not_found",
            "Deploy the stack first, from the same files as its routes.",
        )

    def _read(self, service: str) -> Optional[Mapping[str, str]]:
        if not service:
            raise RouteError("A route refers to a label, but does not name a service.", "invalid_route", "Set service.")
        try:
            return route_labels(self._client.get("/services/" + quote(service, safe="")))
        except EngineError as error:
            if error.error_code == "not_found":
                return None
            raise


def change_routes(client: EngineClient, params: module_types.RouteOptions, check: bool) -> Dict[str, Any]:
    """Sets the proxy's routes of a stack to the desired ``state``. Don't show ``apps`` of the result.

    :raises StackwrightError: RouteError; EngineError if it reads labels of services.
    """
    if params["stacks"] is not None:
        return _changed(Everything(tuple(_parts(client, params["stacks"], check)), params["server"]), "", params, check)
    absent = params["state"] == "absent"
    if not params["stack"]:
        raise RouteError(
            "stack is missing: set it to the stack that owns the routes.", "required", "Set stack or stacks."
        )
    if params["routes"] is None and not absent and not params["services_of"]:
        raise RouteError(
            "routes is missing: list the routes of the stack.",
            "required",
            "Use an empty list for a stack without routes.",
        )
    given = params["routes"] or []
    request = RouteRequest(
        stack=check_owner(params["stack"]),
        routes=tuple(_addresses(given) if absent else _wanted(client, params, check)),
        exclusive=params["exclusive"] and not (absent and params["routes"] is not None),
        absent=absent,
        server=params["server"],
        takes=frozenset(domains(params["takes"])),
        live=params["live_services"],
        take_over=params["take_over"] == "gone",
    )
    if request.take_over and request.live is None:
        request = replace(request, live=_live(client, params["label_prefix"]))
    try:
        return _changed(request, request.stack, params, check)
    except RouteError as error:
        if error.error_code == "route_conflict" and request.live is None:
            raise _conflict(client, params, request) or error from None
        raise


def _changed(wanted: Wanted, stack: str, params: module_types.ProxyOptions, check: bool) -> Dict[str, Any]:
    """Updates each replica to ``wanted``. Returns the module's result. Raises RouteError."""
    world = _world(params)
    proxies = replicas(_endpoints(params), world)
    bring_all(proxies, wanted, check, world)
    failure = first_failure(proxies)
    if failure is not None:
        raise failure
    reports = [replica.report() for replica in proxies]
    done = [replica.updated for replica in proxies if replica.updated is not None]
    skipped = list(dict.fromkeys(conflict for updated in done for conflict in updated.skipped))
    return {
        "changed": any(report["changed"] for report in reports),
        "stack": stack,
        "changes": list(dict.fromkeys(line for report in reports for line in report["changes"])),
        "routes": _shown(done[0].after) if done else [],
        "replicas": reports,
        "fresh": any(updated.fresh for updated in done),
        "conflicts": [conflict.as_dict() for conflict in skipped],
        "node": socket.gethostname(),
        "diff": _diffs(proxies, stack),
        "apps": done[0].apps if len(done) == 1 else None,
    }


def change_server(client: EngineClient, params: module_types.ServerOptions, check: bool) -> Dict[str, Any]:
    """Applies the options to the proxy's HTTP server.

    :raises RouteError: ``invalid_address``, and as ``change_routes``.
    """
    del client
    trusted = addresses(params["trusted_proxies"])
    wanted = Settings(trusted, params["https_port"], params["https"], params["h2c"], params["server"])
    found = _changed(wanted, "", params, check)
    return {"changed": found["changed"], "replicas": found["replicas"]}


def routes_with_values(client: EngineClient, params: module_types.RouteOptions, check: bool) -> Dict[str, Any]:
    """Returns the routes with values from labels, and all running services: data that only a manager has."""
    labels = _Labels(client, check)
    found = [_resolved_route(dict(plain), labels) for plain in params["routes"] or ()]
    return {"changed": False, "handed_routes": found, "live_services": _live(client, params["label_prefix"])}


def _resolved_route(plain: Dict[str, Any], labels: _Labels) -> Dict[str, Any]:
    """Returns a route in the form of the option ``routes``, with secrets in fields that are not shown."""
    plain = {name: value for name, value in plain.items() if value is not None}
    for field, label in (plain.pop("from_labels", None) or {}).items():
        value = labels.value(str(plain.get("service") or ""), str(field), str(label))
        part, _dot, header = str(field).partition(".")[2].partition(".")
        if str(field).startswith("headers."):
            secret = "secret_headers" if part == "request" else "secret_response_headers"
            plain[secret] = {**plain.get(secret, {}), header: value}
        else:
            plain[str(field)] = dict(accounts(value)) if field == "auth" else value
    return plain


def _live(client: EngineClient, prefix: str) -> Dict[str, str]:
    """Returns the Swarm's services with the ids of their stacks; empty if they have none."""
    services = client.list("/services")
    return {name_of(one): ours_in(labels_of(one), prefix, "-stack") for one in services}


def _conflict(client: EngineClient, params: module_types.RouteOptions, request: RouteRequest) -> Optional[RouteError]:
    """Returns the conflict with details about the other owners from the Swarm; None if no Engine answers."""
    try:
        _changed(replace(request, live=_live(client, params["label_prefix"])), request.stack, params, True)
    except RouteError as error:
        return error
    except EngineError:
        pass
    return None


def show_routes(client: EngineClient, params: module_types.RouteOptions, check: bool) -> Dict[str, Any]:
    """Returns the routes of proxies: all, or those of one stack."""
    del client, check  # nothing is changed either way
    world = _world(params)
    stack = params["stack"]
    shown: List[Dict[str, Any]] = []
    found = []
    for replica in replicas(_endpoints(params), world):
        if replica.error is not None:
            raise replica.error
        seen = replica.admin.read(APPS)
        every = routes_of(seen.value, params["server"])
        chosen = [route for route in every if not stack or getattr(owner_of(route), "stack", "") == stack]
        routes = _shown(chosen)
        version = "2.8 or later" if seen.modern else "before 2.8"
        found.append({"admin": replica.at.shown, "version": version, "routes": len(every), "same": True})
        if len(found) == 1:
            shown = routes
        found[-1]["same"] = routes == shown
    return {"changed": False, "routes": shown, "replicas": found}


def _world(params: module_types.ProxyOptions) -> World:
    timeout = float(params["admin_timeout"])
    return World(lambda at: Transport(at, timeout), _resolved, SystemClock(), random.random)


def _resolved(name: str) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    # A host with addresses of both families is one proxy, not two.
    first = found[0][0]
    return [str(entry[4][0]) for entry in found if entry[0] == first]


def _endpoints(params: module_types.ProxyOptions) -> List[Endpoint]:
    tls = {"ca": params["admin_ca"], "cert": params["admin_cert"], "key": params["admin_key"]}
    if not params["admin"]:
        raise RouteError(
            "admin is empty: set it to the address of the proxy's admin API.",
            "invalid_admin",
            "Give at least one address.",
        )
    return [endpoint(text, name=params["admin_hostname"], **tls) for text in params["admin"]]


# -- routes, from options to the model


def _parts(client: EngineClient, stacks: Sequence[module_types.StackRoutes], check: bool) -> Iterator[Part]:
    labels = _Labels(client, check)
    for one in stacks:
        routes = _routes(one["routes"] or [], labels)
        yield Part(check_owner(one["stack"]), tuple(routes), one["busy"], one["name"])


def _wanted(client: EngineClient, params: module_types.RouteOptions, check: bool) -> List[Route]:
    if not params["services_of"]:
        return _in_maintenance(_routes(params["routes"] or [], _Labels(client, check)), params)
    services = client.list("/services", {"filters": {"label": [f"{NAMESPACE}={params['services_of']}"]}})
    _refuse_others(services, params["services_of"], params["stack"])
    found = live_routes(services, params["services_of"], params["stack"], params["label_prefix"])
    return _in_maintenance(found, params)


def _in_maintenance(routes: List[Route], params: module_types.RouteOptions) -> List[Route]:
    """Adds the maintenance page to all routes, if there is one."""
    try:
        shown = page(params["maintenance"] or "")
    except Wrong as wrong:
        raise RouteError(f"maintenance: {wrong.message}.", "invalid_route", wrong.hint) from None
    if not shown:
        return routes
    return [route if route.redirect_to else replace(route, maintenance=shown) for route in routes]


def _refuse_others(services: Sequence[Service], full: str, stack: str) -> None:
    """Raises RouteError (``conflict``) if the services belong to another stack with the same name."""
    for service in services:
        other = recorded(labels_of(service), full)
        if other is not None and other.id != stack:
            raise RouteError(
                f"The services of {full} belong to another stack ({other.shown}, id {other.id}) than the requested "
                f"one (id {stack}).",
                "conflict",
                "Set stack to the id of the stack that has these services (filter stack_id). Nothing was changed.",
            )


def _routes(given: Sequence[Mapping[str, object]], labels: Optional[_Labels]) -> List[Route]:
    found: Dict[Any, Route] = {}
    problems = []
    for index, plain in enumerate(given):
        made, faults = each_route(_with_labels(_without_defaults(plain), labels))
        for fault in faults:
            hint = f" ({fault.hint})" if fault.hint else ""
            problems.append(f"routes[{index}].{fault.field}: {fault.message}{hint}")
        for route in made:
            if route.key in found:
                problems.append(f"routes[{index}]: {route.shown} is listed twice")
            found[route.key] = route
    if problems:
        raise RouteError("The routes can't be used:\n  " + "\n  ".join(problems), "invalid_route")
    return list(found.values())


def _addresses(given: Sequence[Mapping[str, object]]) -> List[Route]:
    """Returns routes with only their identity, for their removal."""
    return _routes(
        [{**{name: plain[name] for name in ADDRESS_ONLY}, "upstream": "any", "port": 1} for plain in given], None
    )


def _without_defaults(plain: Mapping[str, object]) -> Dict[str, Any]:
    """Removes defaults: a redirect may not have options such as compress, not even by default."""
    found = {name: value for name, value in plain.items() if value is not None and value is not False and value != {}}
    if not plain.get("redirect_to") and plain.get("strip_prefix") is not None:
        found["strip_prefix"] = plain["strip_prefix"]
    if plain.get("https_redirect") is not None:
        found["https_redirect"] = plain["https_redirect"]
    return found


def _with_labels(plain: Dict[str, Any], labels: Optional[_Labels]) -> Mapping[str, Any]:
    """Returns the route with values from the labels of its service, and with all headers in ``headers``."""
    headers = {part: dict(found or {}) for part, found in (plain.pop("headers", None) or {}).items()}
    for part, name in (("request", "secret_headers"), ("response", "secret_response_headers")):
        secret = plain.pop(name, None)
        if secret:
            headers[part] = {**headers.get(part, {}), **secret}
    service = str(plain.get("service") or "")
    references = plain.pop("from_labels", None) or {}
    if labels is not None:
        for field, label in references.items():
            value = labels.value(service, str(field), str(label))
            part, _dot, header = str(field).partition(".")[2].partition(".")
            if str(field).startswith("headers."):
                headers.setdefault(part, {})[header] = value
            else:
                plain[str(field)] = value
    headers = {part: found for part, found in headers.items() if found}
    return {**plain, "headers": headers} if headers else plain


# -- results


def _shown(routes: Sequence[object]) -> List[Dict[str, Any]]:
    found = []
    for route in routes:
        owner = owner_of(route)
        found.append(
            {
                **readable.described(route),
                "stack": owner.stack if owner else "",
                "service": owner.service if owner else "",
                "tls": (owner.tls or "auto") if owner else "",
            }
        )
    return found


def _diffs(proxies: Sequence[Replica], stack: str) -> List[Dict[str, str]]:
    """Returns one diff for all replicas with the same changes; its header has the stack and these proxies."""
    found: List[Dict[str, str]] = []
    where: List[List[str]] = []
    for replica in proxies:
        if replica.updated is None or not replica.updated.changed:
            continue
        one = readable.diff(replica.updated.before, replica.updated.after, f"routes of {stack or 'no stack'}")
        if one not in found:
            found.append(one)
            where.append([])
        where[found.index(one)].append(replica.at.shown)
    heads = [f"{one['before_header']} at {', '.join(names)}" for one, names in zip(found, where)]
    return [{**one, "before_header": head, "after_header": head} for one, head in zip(found, heads)]
