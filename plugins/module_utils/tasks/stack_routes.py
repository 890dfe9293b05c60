# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of all stacks from the labels of running services, missed routes, and the nodes of proxies."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.route_book import (
    change_book,
    claims_of_others,
    read_book,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import moment
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.book import Book, Debt, Taken, entry_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.live import labelled_routes
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.public import open_of, public_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    LOCK,
    OWNER,
    STACK,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import stack_id
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import of_text, recorded

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service

Result = Dict[str, Any]


@dataclass(frozen=True)
class Request:
    """``missed``, ``settled`` and ``takes`` change the record, for the stack ``stack`` (an id) and ``full_name``.

    ``listed`` are the hosts with proxies; ``own_node`` adds this one. The services of proxies mount ``folder``.
    """

    prefix: str
    stack: str
    full_name: str
    missed: Sequence[str]
    settled: Sequence[Mapping[str, object]]
    gone: bool
    takes: Sequence[str]
    secrets: bool
    listed: Sequence[str]
    own_node: bool
    folder: str


def all_routes(client: EngineClient, clock: Clock, request: Request, check: bool) -> Result:
    """Updates the record with ``request``, then returns all routes.

    The result: changed, warnings, unlisted, stacks, owed, proxies, digest, cluster_id, node. Raises EngineError and
    RouteError.
    """
    info = manager_info(client)
    services = client.list("/services")
    changed = _record(client, clock, request, services, check)
    book = read_book(client)
    stacks = _stacks(client, services, book, request.prefix)
    shown = open_of if request.secrets else public_of
    found = [{**about, "routes": [shown(labelled) for labelled in routes]} for about, routes in stacks]
    whole = [{**about, "routes": [open_of(labelled) for labelled in routes]} for about, routes in stacks]
    proxies = _proxies(client, services, request.folder) if request.folder else []
    name = str(info.get("Name") or "")
    listed = {*request.listed, *([name] if request.own_node else [])}
    unlisted = [one["node"] for one in proxies if listed and not listed & {one["node"], one["address"]}]
    return {
        "changed": changed,
        "warnings": _warnings(request, unlisted, [about for about, _routes in stacks]),
        "unlisted": unlisted,
        "stacks": found,
        "digest": hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:32],
        "owed": [debt._asdict() for debt in book.owed],
        "proxies": proxies,
        "cluster_id": str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or ""),
        "node": name,
    }


def _warnings(request: Request, unlisted: Sequence[str], stacks: Sequence[Mapping[str, Any]]) -> List[str]:
    found = []
    for about in stacks:
        if about["yields"] and about["name"] == request.full_name:
            found.append(
                f"Another stack has taken {', '.join(about['yields'])} from {about['name']} (with takes), and keeps "
                f"that: the routes of {about['name']} leave it out."
            )
    if request.missed:
        what = "the removal of the routes" if request.gone else "the routes"
        found.append(
            f"Proxies have missed {what} of {request.full_name}: {', '.join(request.missed)}. The playbook "
            "routes, or the next run of any stack that reaches them, updates them."
        )
    if unlisted:
        found.append(
            f"Nodes run a proxy, but are not among the hosts with proxies: {', '.join(unlisted)}. They don't get the "
            "routes: add them to stack_proxies or to the group swarm_proxies."
        )
    return found


def _record(client: EngineClient, clock: Clock, request: Request, services: Sequence[Service], check: bool) -> bool:
    settled = [entry_of(Debt, entry) for entry in request.settled]
    stack, full = request.stack, request.full_name
    since = moment(clock.wall())
    if (request.missed or request.takes) and not stack:
        raise RouteError("missed and takes need the name of a stack.", "required", "Set name.")

    def after(book: Book) -> Book:
        if request.missed:
            book = book.with_missed(request.missed, Debt("", stack, full, since, request.gone))
        book = book.without(debt for debt in settled if debt is not None)
        new = [domain for domain in request.takes if domain not in book.owned(stack)]
        return book.with_taken(new, Taken("", stack, full, since)) if new else book

    if not (request.missed or settled or request.takes):
        return False
    if check:
        before = read_book(client)
        return after(before) != before
    return change_book(client, clock, after)


def _stacks(
    client: EngineClient, services: Sequence[Service], book: Book, prefix: str
) -> List[Tuple[Dict[str, Any], List[Any]]]:
    """Returns each stack and its routes, including removed stacks that some proxies still have routes of."""
    by_name: Dict[str, List[Service]] = {}
    for service in services:
        if stack_of(service):
            by_name.setdefault(stack_of(service), []).append(service)
    locked = {stack_of(config) for config in client.list("/configs", {"filters": {"label": [LOCK]}})}
    claims = list(claims_of_others(services, prefix, ""))
    found = []
    ids: Set[str] = set()
    for full, own in sorted(by_name.items()):
        routes = labelled_routes(own, full, "", prefix)
        identity = _identity(client, full, own, bool(routes))
        ids.add(identity)
        lost = book.lost(identity, [claim for claim in claims if claim[1] != full])  # taken by other stacks
        about = {"stack": identity, "name": full, "busy": full in locked, "gone": False}
        about["yields"] = sorted({one.route.domain for one in routes} & set(lost))
        found.append((about, [one for one in routes if one.route.domain not in lost]))
    for debt in book.owed:
        if debt.gone and debt.stack not in ids:
            ids.add(debt.stack)
            about = {"stack": debt.stack, "name": debt.name, "busy": False, "gone": True, "yields": []}
            found.append((about, []))
    return found


def _identity(client: EngineClient, full: str, services: Sequence[Service], routed: bool) -> str:
    """Returns the id of a stack: from its labels, from its history, or that of a stack without a project."""
    known = filter(None, (recorded(labels_of(service), full) for service in services))
    owner = next(known, None)
    if owner is None and routed:
        revisions = client.list("/configs", {"filters": {"label": [f"{STACK}={full}"]}})
        owner = next(filter(None, (of_text(labels_of(config).get(OWNER, "")) for config in revisions)), None)
    return owner.id if owner is not None else stack_id(full)


def _proxies(client: EngineClient, services: Sequence[Service], folder: str) -> List[Dict[str, str]]:
    """Returns the nodes on which a service with the folder of the admin API's socket runs."""
    names = [name_of(service) for service in services if _mounts(service, folder)]
    if not names:
        return []
    tasks = client.list("/tasks", {"filters": {"service": names, "desired-state": ["running"]}})
    where = {task.get("NodeID") for task in tasks if (task.get("Status") or {}).get("State") == "running"}
    found = []
    for node in client.list("/nodes"):
        if node.get("ID") in where:
            description, status = node.get("Description") or {}, node.get("Status") or {}
            found.append({"node": str(description.get("Hostname") or ""), "address": str(status.get("Addr") or "")})
    return sorted(found, key=lambda entry: entry["node"])


def _mounts(service: Service, folder: str) -> bool:
    template: Optional[Any] = (service.get("Spec") or {}).get("TaskTemplate") or {}
    mounts = ((template or {}).get("ContainerSpec") or {}).get("Mounts") or []
    # A service that only reads the proxy's metrics mounts it read-only.
    return any(
        mount.get("Type") == "bind" and not mount.get("ReadOnly") and str(mount.get("Source")).rstrip("/") == folder
        for mount in mounts
    )
