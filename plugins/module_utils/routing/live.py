# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of a stack from the labels of its running services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.conflicts import route_labels
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.public import public_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import Route
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_labels import Labelled, Target, routes_in
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import labels_of, name_of, ours_in
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import host_name

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service


def live_routes(services: Iterable[Service], stack: str, stack_id: str, prefix: str) -> List[Route]:
    """Returns the routes in the labels of ``services`` (the Engine's objects), each address once.

    :param stack: the stack's full name, the prefix of its services' names.
    :param stack_id: its id, from which the names on shared networks are derived.
    """
    return [labelled.route for labelled in labelled_routes(services, stack, stack_id, prefix)]


def public_routes(services: Iterable[Service], stack: str, prefix: str) -> List[Dict[str, Any]]:
    """Returns the routes as plain data without secrets; the stack's id comes from the services' labels."""
    return [public_of(labelled) for labelled in labelled_routes(services, stack, "", prefix)]


def labelled_routes(services: Iterable[Service], stack: str, stack_id: str, prefix: str) -> List[Labelled]:
    """Returns the routes with their labels; without an id, it comes from the services' labels."""
    found: Dict[Any, Labelled] = {}
    for service in sorted(services, key=name_of):
        name = name_of(service)
        labels = route_labels(service)
        owner = stack_id or ours_in(labels_of(service), prefix, "-stack")
        shared = host_name(name[len(stack) + 1 :], owner[:8])
        target = Target(name, shared if shared in _aliases(service) else name)
        for labelled in routes_in(labels, prefix, target)[0]:
            found.setdefault(labelled.route.key, labelled)
    return list(found.values())


def _aliases(service: Service) -> List[str]:
    attachments = (service["Spec"].get("TaskTemplate") or {}).get("Networks") or []
    return [alias for attachment in attachments for alias in attachment.get("Aliases") or []]
