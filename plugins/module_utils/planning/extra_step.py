# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An intermediate update of a service that only frees a published port or a network, or stops it for a while.

Swarm only remembers one spec before the current one, and hidden values are read from both. So the spec of such a step
also stores the fields that it replaces, and the values that would be lost.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import HANDING_OVER, labels_of, name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        ContainerSpec,
        Network,
        Service,
        ServiceSpec,
    )

#: Begins the names of variables with values that Swarm would lose. Their values are hidden in all output.
CARRIED = "STACKWRIGHT_KEPT_SECRET_"
#: The key in the label for the networks that were given up; beside it are fields of the former spec.
NETWORKS = "networks"
#: The key in the label of a service that a task has stopped, until another task starts it.
STOPPED = "stopped"

#: The hidden values of a ServiceSpec.
Hidden = Callable[["ServiceSpec"], Sequence[str]]


def before_extra_step(spec: ServiceSpec) -> ServiceSpec:
    """Returns the spec from which an extra step was made; any other spec unchanged."""
    labels = dict(spec.get("Labels") or {})
    if HANDING_OVER not in labels:
        return spec
    was = json.loads(labels.pop(HANDING_OVER))
    template: Dict[str, Any] = {**spec["TaskTemplate"]}
    container = dict(template["ContainerSpec"])
    env = [entry for entry in container.pop("Env", None) or [] if not entry.startswith(CARRIED)]
    if env:
        container["Env"] = env
    template["ContainerSpec"] = container
    made: Any = {**spec, "Labels": labels, "TaskTemplate": template, "EndpointSpec": was}
    before: ServiceSpec = made
    if NETWORKS not in was:
        return before
    for field in ("Networks", "Placement"):
        template.pop(field, None)
        if was[field] is not None:
            template[field] = was[field]
    made.update(EndpointSpec=was["EndpointSpec"], Mode=was["Mode"])
    return before


def networks_given_up(spec: Mapping[str, object]) -> List[Network]:
    """Returns the bodies of the networks that a service has given up in an extra step."""
    text = labels_of(spec).get(HANDING_OVER)
    found: List[Network] = json.loads(text).get(NETWORKS, []) if text else []
    return found


def lost_networks(specs: Sequence[Mapping[str, object]], networks: Sequence[Network]) -> List[Network]:
    """Returns the bodies of the networks that services with ``specs`` have given up and that ``networks`` lacks."""
    names = {name_of(network) for network in networks}
    lost: Dict[str, Network] = {}
    for spec in specs:
        for gone in networks_given_up(spec):
            if gone["Name"] not in names:
                lost.setdefault(gone["Name"], {**gone, "Scope": "swarm"})
    return list(lost.values())


def values_to_carry(live: Service, base: ServiceSpec, hidden: Hidden) -> List[str]:
    """Returns the hidden values that Swarm would lose with two updates of a service, the first to ``base``."""
    has = set(hidden(base))
    found = [value for spec in (live["Spec"], live.get("PreviousSpec")) if spec for value in hidden(spec)]
    return [value for value in dict.fromkeys(found) if value not in has]


def is_stopped(service: Mapping[str, object]) -> bool:
    """Whether stack_service has stopped the service, and no run has started it since."""
    text = labels_of(service).get(HANDING_OVER)
    return bool(text and json.loads(text).get(STOPPED))


def extra_step_spec(
    base: ServiceSpec, was: Mapping[str, object], changed: ServiceSpec, carried: Sequence[str]
) -> ServiceSpec:
    """Returns ``base`` with the fields of ``changed``, a label with ``was`` for ``before_extra_step``, and the hidden
    values ``carried``."""
    labels = {HANDING_OVER: json.dumps(was, sort_keys=True), **(base.get("Labels") or {})}
    made: ServiceSpec = {**base, **changed, "Labels": labels}
    if carried:
        template = made["TaskTemplate"]
        container: ContainerSpec = {**template["ContainerSpec"]}
        env = [entry for entry in container.get("Env") or [] if not entry.startswith(CARRIED)]
        kept = [entry.partition("=")[2] for entry in container.get("Env") or [] if entry.startswith(CARRIED)]
        values = dict.fromkeys([*kept, *carried])
        container["Env"] = [*env, *(f"{CARRIED}{number}={value}" for number, value in enumerate(values, 1))]
        made["TaskTemplate"] = {**template, "ContainerSpec": container}
    return made
