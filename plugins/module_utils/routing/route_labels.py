# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes in labels: ``PREFIX.http.port`` and ``PREFIX.http.routes.N.FIELD``. All fields: docs/guides/routes.md."""

from __future__ import annotations

import difflib
import hashlib
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.routing import route_fields as values
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import (
    FIELDS,
    GROUPED,
    TASKS,
    Route,
    each_route,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.wrong import Fault, Wrong
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import spellings

#: Fields that labels may have; the service determines the upstream.
LABELLED = (*(name for name in FIELDS if name != "service"), *GROUPED)
HEADERS = ("headers.request", "headers.response")
#: Begins and ends a reference in a label to a value that only the manager has (module_utils/values).
REFERENCE = "\0"
#: Fields that may have such a value, and a valid placeholder for it.
LATER = {
    "domain": "{digest}.later.invalid",
    "redirect_to": "https://later.invalid",
    "auth": "later:$2y$04$" + "." * 53,
}
#: Values of the label ``upstream``.
UPSTREAMS = ("service", "tasks")

_NUMBER = re.compile(r"(?:0|[1-9]\d{0,5})\Z")
NUMBER_HINT = "Use PREFIX.http.routes.0.domain: a number without leading zeros, then the field."


class LabelFault(NamedTuple):
    """A fault of a label. If a label is missing, ``label`` is the nearest existing one."""

    label: str
    message: str
    hint: str = ""
    code: str = "route"


class Target(NamedTuple):
    """The service of the routes: its full name, and the name by which the proxy reaches it."""

    service: str
    upstream: str


class Labelled(NamedTuple):
    """A route, the label of each of its fields, and those of fields whose value is not known yet.

    Each header is a separate field here: ``headers.request.NAME``.
    """

    route: Route
    labels: Dict[str, str]
    later: Dict[str, str]

    @property
    def place(self) -> str:
        """The label with the route's address."""
        return self.labels.get("base_path") or self.labels.get("domain") or self.labels["domains"]


def belongs(label: str, prefix: str) -> bool:
    """Whether a label belongs to routes."""
    return label.startswith(starts(prefix))


def starts(prefix: str) -> Tuple[str, ...]:
    """Returns the beginnings of route labels: that of ``prefix``, and the former one."""
    return tuple(spelling + ".http." for spelling in spellings(prefix))


def routes_in(labels: Mapping[str, str], prefix: str, target: Target) -> Tuple[List[Labelled], List[LabelFault]]:
    """Returns the routes in a service's labels in the order of their numbers, and all faults of the labels."""
    start = prefix + ".http."
    routes: Dict[int, Dict[str, str]] = {}
    own, faults = _own(labels, prefix)
    for rest, label in own.items():
        head, _dot, tail = rest.partition(".")
        number, dot, field = tail.partition(".")
        if rest == "port":
            continue
        if head != "routes":
            hint = f"Use {start}port and {start}routes.N.FIELD."
            faults.append(LabelFault(label, "this label is unknown", hint, "unknown_key"))
        elif not _NUMBER.match(number) or not dot or not field:
            faults.append(LabelFault(label, "is not a valid route label", NUMBER_HINT.replace("PREFIX", prefix)))
        else:
            routes.setdefault(int(number), {})[field] = label
    port = own.get("port", "")
    found = []
    for index in sorted(routes):
        labelled, more = _one(routes[index], labels, port, target, f"{start}routes.{index}.")
        faults += more
        found += labelled
    if port and not routes:
        # With a route, its value is already checked.
        try:
            values.port(labels[port])
        except Wrong as wrong:
            faults.append(LabelFault(port, wrong.message, wrong.hint, wrong.code))
    return found, _unique(faults)


def _own(labels: Mapping[str, str], prefix: str) -> Tuple[Dict[str, str], List[LabelFault]]:
    """Returns labels by their part after the prefix. If both prefixes set one field, the first counts, and it is a
    fault."""
    own: Dict[str, str] = {}
    faults: List[LabelFault] = []
    for start in starts(prefix):
        for label in sorted(label for label in labels if label.startswith(start)):
            first = own.setdefault(label[len(start) :], label)
            if first != label:
                message = f"sets the same field as {first}"
                faults.append(LabelFault(label, message, f"Keep {first} alone.", "two_prefixes"))
    return dict(sorted(own.items())), faults


def _one(
    fields: Mapping[str, str], labels: Mapping[str, str], port: str, target: Target, start: str
) -> Tuple[List[Labelled], List[LabelFault]]:
    """Returns one route (one for each of its domains) without faults, or its faults; ``fields`` maps fields to labels.

    :param start: how the labels of this route begin.
    """
    given: Dict[str, Any] = {}
    places: Dict[str, str] = {}
    later: Dict[str, str] = {}
    faults: List[LabelFault] = []
    for field, label in fields.items():
        name = next((kind for kind in HEADERS if field.startswith(kind + ".")), field)
        value = labels[label]
        if REFERENCE in value and (name in LATER or name in HEADERS):
            later[field] = label
            digest = hashlib.sha256(f"{target.service}\n{label}".encode()).hexdigest()[:16]
            value = LATER.get(name, "later").format(digest=digest)
        elif REFERENCE in value and name in LABELLED:
            hint = "Only domain, redirect_to, auth and headers can have a generated value."
            faults.append(LabelFault(label, "a generated value is not allowed here", hint))
            continue
        if name in HEADERS and name != field:
            given.setdefault(name, {})[field[len(name) + 1 :]] = value
        elif name in LABELLED and name not in HEADERS:
            given[name] = value
        else:
            near = difflib.get_close_matches(field, LABELLED, n=1)
            hint = f"Did you mean {near[0]}?" if near else "Valid fields: " + ", ".join(LABELLED) + "."
            faults.append(LabelFault(label, f"a route has no field '{field[:60]}'", hint, "unknown_key"))
            continue
        places.setdefault(name, label)
    if port in labels and "port" not in given and "redirect_to" not in given:
        given["port"], places["port"] = labels[port], port
    if "domain" in later and set(GROUPED) & set(given):
        hint = "Give each domain a separate number."
        faults.append(LabelFault(later["domain"], "a generated domain must be the only one", hint))
    if str(given.get("sticky", "")).strip().lower() in values.TRUE:
        given.setdefault("upstream", "tasks")
    kind = str(given.pop("upstream", "service")).strip().lower()
    if kind not in UPSTREAMS:
        faults.append(LabelFault(places["upstream"], "upstream must be service or tasks"))
    if "redirect_to" not in given or "upstream" in places:
        given["upstream"] = TASKS + target.service if kind == "tasks" else target.upstream
    given["service"] = target.service
    made, wrong = each_route(given)
    somewhere = min(fields.values()) if fields else port
    unknown = any(fault.code == "unknown_key" for fault in faults)
    for fault in wrong:
        fault = _named(fault, start)
        if unknown and fault.code == "required":
            continue  # the missing field may be the misspelled one
        label = places.get(fault.field) or next(
            (place for name, place in places.items() if name.startswith(fault.field)), somewhere
        )
        faults.append(LabelFault(label, fault.message, fault.hint, fault.code))
    if not made or faults:
        return [], faults
    headers = {field: label for field, label in fields.items() if field.startswith("headers.")}
    return [Labelled(route, {**places, **headers}, later) for route in made], []


def _named(fault: Fault, start: str) -> Fault:
    """Returns the fault of a missing field with the labels that would set it; any other fault unchanged."""
    if fault.code != "required" or fault.field not in ("port", "domain"):
        return fault
    label = start + fault.field
    hint = "Add it, or domains for several."
    if fault.field == "port":
        label = f"{start.rpartition('routes.')[0]}port"
        hint = f"Add {label}, or {start}port for this route alone: the port on which the container listens."
    return fault._replace(message=f"{fault.message}: the label {label} is missing", hint=hint)


def _unique(faults: List[LabelFault]) -> List[LabelFault]:
    return list(dict.fromkeys(faults))
