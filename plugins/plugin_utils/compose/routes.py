# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes that the labels of a project's services define."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.public import public_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_labels import (
    LabelFault,
    Labelled,
    Target,
    belongs,
    routes_in,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack, host_name
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.attachments import PREDEFINED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.foreign_labels import (
    near_misses,
    of_other_proxies,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Look, deep, mapping

Places = Mapping[str, tuple[str, ...]]

#: Where labels may stand; of one that stands in both, the first counts.
PLACES = (("deploy", "labels"), ("labels",))


@dataclass
class ProjectRoutes:
    """The routes as plain data (docs/architecture.md), sorted by address, and what was found on the way."""

    routes: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)


def project_routes(project: Project, stack: Stack, shared: bool) -> ProjectRoutes:
    """The routes of all services; those that two services claim are a problem of the second.

    :param shared: the services answer on a shared network as HASH-SERVICE, which the proxy uses then.
    """
    look = Look(project, stack.full_name)
    found: dict[Any, tuple[str, Labelled]] = {}
    domains: dict[str, Labelled] = {}
    for key, service in look.services.items():
        labels, places = _labels(look, key, service, stack.prefix)
        _look_for_others(look, key, service, stack.prefix, bool(labels))
        if not labels:
            continue
        _check_reachable(look, key, service, places)
        target = Target(stack.scoped(key), host_name(key, stack.hash) if shared else stack.scoped(key))
        routes, faults = routes_in(labels, stack.prefix, target)
        for fault in faults:
            _report(look, places, key, fault)
        if not routes and not faults:
            label = min(labels)
            hint = f"add {stack.prefix}.http.routes.0.domain"
            look.notice(places[label], "the service has a port for routes, but no route", hint, "no_route")
        own = _without_twins(look, key, routes, found, places)
        _check_tls(look, own, domains, places)
    plain = [public_of(labelled) for _key, labelled in found.values()]
    plain.sort(key=lambda route: (route.get("domain", ""), route["base_path"], route["service"]))
    return ProjectRoutes(plain, list(look.problems.values()), list(look.notices.values()))


def _labels(
    look: Look, key: str, service: Mapping[str, object], prefix: str
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The labels of a service that are about routes, and where each stands."""
    labels: dict[str, str] = {}
    places: dict[str, tuple[str, ...]] = {}
    for place in PLACES:
        told = False
        for label, value in mapping(deep(service, *place)).items():
            if not belongs(label, prefix) or label in labels:
                continue
            labels[label] = str(value)
            places[label] = ("services", key, *place, label)
            if place == ("labels",) and not told:
                told = True
                hint = "move them to deploy.labels: changing container labels restarts the containers"
                message = "route labels belong to the service, not to its containers"
                look.notice(places[label], message, hint, "container_label")
    return labels, places


def _look_for_others(look: Look, key: str, service: Mapping[str, object], prefix: str, routed: bool) -> None:
    """Notices of labels that were meant to make routes, and make none."""
    for place in PLACES:
        labels = {str(label): str(value) for label, value in mapping(deep(service, *place)).items()}
        for label, meant in near_misses(labels, prefix).items():
            message = f"this label does not define a route: did you mean {meant}?"
            look.notice(("services", key, *place, label), message, f"route labels begin with {prefix}.http.", "prefix")
        label, proxy, here = ("", "", "") if routed else of_other_proxies(labels, prefix)
        if label:
            message = f"labels of {proxy} do not define routes"
            look.notice(("services", key, *place, label), message, here, "other_proxy")
            return


def _check_reachable(look: Look, key: str, service: Mapping[str, object], places: dict[str, tuple[str, ...]]) -> None:
    """A service on the network of its node has no name that the proxy could use."""
    # By its key, "default" is the stack's own network.
    joined = set(mapping(service.get("networks"))) - {"default"}
    if service.get("network_mode") in PREDEFINED or joined & set(PREDEFINED):
        hint = "connect the service to a network, or remove its route"
        message = "the proxy can't reach a service on the host network"
        look.problem(min(places.values()), message, hint, "route_unreachable")


def _report(look: Look, places: dict[str, tuple[str, ...]], key: str, fault: LabelFault) -> None:
    look.problem(places.get(fault.label, ("services", key)), fault.message, fault.hint, fault.code)


def _without_twins(
    look: Look, key: str, routes: list[Labelled], found: dict[object, tuple[str, Labelled]], places: Places
) -> list[Labelled]:
    """Adds the routes of a service to ``found``, and gives them without those that are there already."""
    own = []
    for labelled in routes:
        first_key, first = found.setdefault(labelled.route.key, (key, labelled))
        if first is labelled:
            own.append(labelled)
            continue
        message = f"{labelled.route.shown} is already a route of '{first_key}' ({first.place})"
        look.problem(places[labelled.place], message, "choose another domain or base_path", "duplicate_route")
    return own


def _check_tls(look: Look, own: list[Labelled], domains: dict[str, Labelled], places: Places) -> None:
    """A certificate is for the whole domain, whichever service answers below a path."""
    for labelled in own:
        first = domains.setdefault(labelled.route.domain, labelled)
        if first.route.tls != labelled.route.tls:
            message = f"tls {labelled.route.tls}, but {first.route.shown} has tls {first.route.tls} ({first.place})"
            place = places[labelled.labels.get("tls") or labelled.place]
            look.problem(place, message, "give all routes of a domain the same tls", "tls_conflict")
