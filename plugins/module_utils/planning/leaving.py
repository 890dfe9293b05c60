# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of a service that others manage: a deployment keeps their values in the running service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import FOLLOWS_IMAGE, IMAGE, Change
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import before_extra_step
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import Rule, path_of, unknown_path
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.autoscale import bounds_of, replicas_in
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    AUTOSCALE,
    BEFORE_STOP,
    LEAVE,
    NOWHERE,
    ours_in,
    spellings,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.overlay import overlaid

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry

Spec = Mapping[str, Any]


def leave_rules(service: ServiceEntry, prefix: str) -> Tuple[Rule, ...]:
    """Returns rules for the fields of a service that others manage: from the option ``leave`` and a label.

    Raises StackwrightError (``invalid_options``) for unknown fields.
    """
    label = ours_in(service["spec"].get("Labels") or {}, prefix, LEAVE)
    words: List[str] = [*(service.get("leave") or ()), *label.replace(",", " ").split()]
    wrong = [word for word in words if not path_of(word)]
    if wrong:
        where = f" ({service['where']})" if service.get("where") else ""
        raise StackwrightError(
            f"service {service['key']}{where}: leave {wrong[0]!r}: {unknown_path(wrong[0])}.", "invalid_options"
        )
    return tuple(Rule(service=service["key"], path=path_of(word)) for word in dict.fromkeys(words))


def with_left(
    service: ServiceEntry, spec: ServiceSpec, live: ServiceSpec, names: Mapping[str, str], prefix: str
) -> Tuple[ServiceSpec, Tuple[Change, ...]]:
    """Returns the desired ``spec``, with the fields that others manage as in the ServiceSpec ``live``; and the changes
    that it leaves out.

    ``names`` maps ids of networks and configs to names.
    """
    rules = leave_rules(service, prefix)
    running = _before_stop(before_extra_step(live), prefix)
    spec, scaled = with_scaled(service, spec, running, prefix)
    rules += scaled
    if not rules:
        return spec, ()
    found = differences(normalise.service(spec, names), normalise.service(running, names))
    left = tuple(
        change for change in found if any(rule.fits("", "service", (service["key"],), change.path) for rule in rules)
    )
    paths: Set[str] = {change.path for change in left}
    if IMAGE in paths:
        paths |= set(FOLLOWS_IMAGE)
    return overlaid(spec, running, paths, names) if paths else spec, left


def with_scaled(
    service: ServiceEntry, spec: ServiceSpec, live: ServiceSpec, prefix: str
) -> Tuple[ServiceSpec, Tuple[Rule, ...]]:
    """Returns ``spec`` with the replicas of an autoscaled service in ``live``, limited to its bounds; and the rule that
    keeps a number within the bounds.

    Raises StackwrightError (``invalid_options``) if the label or the number in the file is invalid.
    """
    what = f"service {service['key']}" + (f" ({service['where']})" if service.get("where") else "")
    own: Any = service["spec"]
    bounds = bounds_of(own.get("Labels") or {}, prefix, what)
    if bounds is None:
        return spec, ()
    given, now = replicas_in(own), replicas_in(live)
    if given is None or bounds.nearest(given) != given:
        has = "no number of replicas" if given is None else f"{given} replicas"
        raise StackwrightError(
            f"{what}: it has {has}, and the label {prefix}{AUTOSCALE} {bounds.low}-{bounds.high}.",
            "invalid_options",
            f"Set deploy.replicas to a number from {bounds.low} to {bounds.high}.",
        )
    if now is None:
        return spec, ()
    if bounds.nearest(now) == now:
        return spec, (Rule(service=str(service["key"]), path=path_of("replicas")),)
    return {**spec, "Mode": {"Replicated": {"Replicas": bounds.nearest(now)}}}, ()


def _before_stop(live: ServiceSpec, prefix: str) -> ServiceSpec:
    """Returns a live spec as it was before ``state: stopped``: that change must not count as someone else's."""
    count = ours_in(live.get("Labels") or {}, prefix, BEFORE_STOP)
    if not count:
        return live
    ours = {start + BEFORE_STOP for start in spellings(prefix)}
    running: ServiceSpec = {**live, "Labels": {k: v for k, v in live["Labels"].items() if k not in ours}}
    replicated = (live.get("Mode") or {}).get("Replicated")
    if count.isdecimal() and replicated is not None and replicated.get("Replicas") == 0:
        running["Mode"] = {"Replicated": {"Replicas": int(count)}}
    template = live["TaskTemplate"]
    placement = template.get("Placement") or {}
    if NOWHERE in (placement.get("Constraints") or ()):
        rest = [constraint for constraint in placement["Constraints"] if constraint != NOWHERE]
        running["TaskTemplate"] = {**template, "Placement": {**placement, "Constraints": rest}}
    return running
