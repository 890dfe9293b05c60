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
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Review, deep, mapping

Places = Mapping[str, tuple[str, ...]]

#: The places of labels; if both contain a label, the first place wins.
PLACES = (("deploy", "labels"), ("labels",))


@dataclass
class ProjectRoutes:
    """The routes as plain data (docs/architecture.md), sorted by address, with problems and notices."""

    routes: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)


def project_routes(project: Project, stack: Stack, shared: bool) -> ProjectRoutes:
    """Returns the routes of all services; a route of two services is a problem of the second one.

    :param shared: the proxy reaches the services on a shared network as HASH-SERVICE.
    """
    review = Review(project, stack.full_name)
    found: dict[Any, tuple[str, Labelled]] = {}
    domains: dict[str, Labelled] = {}
    for key, service in review.services.items():
        labels, places = _labels(review, key, service, stack.prefix)
        _check_foreign_labels(review, key, service, stack.prefix, bool(labels))
        if not labels:
            continue
        _check_reachable(review, key, service, places)
        target = Target(stack.scoped(key), host_name(key, stack.hash) if shared else stack.scoped(key))
        routes, faults = routes_in(labels, stack.prefix, target)
        for fault in faults:
            _report(review, places, key, fault)
        if not routes and not faults:
            label = min(labels)
            hint = f"add {stack.prefix}.http.routes.0.domain"
            review.notice(places[label], "the service has a port for routes, but no route", hint, "no_route")
        own = _without_twins(review, key, routes, found, places)
        _check_tls(review, own, domains, places)
    plain = [public_of(labelled) for _key, labelled in found.values()]
    plain.sort(key=lambda route: (route.get("domain", ""), route["base_path"], route["service"]))
    return ProjectRoutes(plain, list(review.problems.values()), list(review.notices.values()))


def _labels(
    review: Review, key: str, service: Mapping[str, object], prefix: str
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Returns the route labels of a service, and the place of each."""
    labels: dict[str, str] = {}
    places: dict[str, tuple[str, ...]] = {}
    for place in PLACES:
        is_reported = False
        for label, value in mapping(deep(service, *place)).items():
            if not belongs(label, prefix) or label in labels:
                continue
            labels[label] = str(value)
            places[label] = ("services", key, *place, label)
            if place == ("labels",) and not is_reported:
                is_reported = True
                hint = "move them to deploy.labels: changing container labels restarts the containers"
                message = "route labels belong to the service, not to its containers"
                review.notice(places[label], message, hint, "container_label")
    return labels, places


def _check_foreign_labels(review: Review, key: str, service: Mapping[str, object], prefix: str, routed: bool) -> None:
    """Reports labels that don't define routes, although the user probably meant them to."""
    for place in PLACES:
        labels = {str(label): str(value) for label, value in mapping(deep(service, *place)).items()}
        for label, meant in near_misses(labels, prefix).items():
            message = f"this label does not define a route: did you mean {meant}?"
            review.notice(
                ("services", key, *place, label), message, f"route labels begin with {prefix}.http.", "prefix"
            )
        label, proxy, hint = ("", "", "") if routed else of_other_proxies(labels, prefix)
        if label:
            message = f"labels of {proxy} do not define routes"
            review.notice(("services", key, *place, label), message, hint, "other_proxy")
            return


def _check_reachable(
    review: Review, key: str, service: Mapping[str, object], places: dict[str, tuple[str, ...]]
) -> None:
    """Reports a service on its node's network: it has no name that the proxy could use."""
    # By its key, "default" is the stack's own network.
    joined = set(mapping(service.get("networks"))) - {"default"}
    if service.get("network_mode") in PREDEFINED or joined & set(PREDEFINED):
        hint = "connect the service to a network, or remove its route"
        message = "the proxy can't reach a service on the host network"
        review.problem(min(places.values()), message, hint, "route_unreachable")


def _report(review: Review, places: dict[str, tuple[str, ...]], key: str, fault: LabelFault) -> None:
    review.problem(places.get(fault.label, ("services", key)), fault.message, fault.hint, fault.code)


def _without_twins(
    review: Review, key: str, routes: list[Labelled], found: dict[object, tuple[str, Labelled]], places: Places
) -> list[Labelled]:
    """Adds the routes of a service to ``found``; returns those that were not there, and reports the others."""
    own = []
    for labelled in routes:
        first_key, first = found.setdefault(labelled.route.key, (key, labelled))
        if first is labelled:
            own.append(labelled)
            continue
        message = f"{labelled.route.shown} is already a route of '{first_key}' ({first.place})"
        review.problem(places[labelled.place], message, "choose another domain or base_path", "duplicate_route")
    return own


def _check_tls(review: Review, own: list[Labelled], domains: dict[str, Labelled], places: Places) -> None:
    """Checks that all routes of a domain have the same ``tls``: a certificate is for the whole domain."""
    for labelled in own:
        first = domains.setdefault(labelled.route.domain, labelled)
        if first.route.tls != labelled.route.tls:
            message = f"tls {labelled.route.tls}, but {first.route.shown} has tls {first.route.tls} ({first.place})"
            place = places[labelled.labels.get("tls") or labelled.place]
            review.problem(place, message, "give all routes of a domain the same tls", "tls_conflict")
