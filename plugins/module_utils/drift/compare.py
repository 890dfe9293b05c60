# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a stack with its last good revision. Pure; ``reconcile`` plans the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import (
    BY_HAND,
    STACK,
    UPDATE,
    Context,
    Drift,
    extra,
    missing,
    whole,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.object_drift import (
    network_drift,
    object_drift,
    volume_drift,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.own_changes import split
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.service_drift import (
    for_a_job,
    rolled_back_to_it,
    service_drift,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import FOLLOWS_IMAGE, IMAGE, KINDS
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import FORCED, PAUSED, Rule
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import NEVER, choose
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.leaving import leave_rules, with_scaled
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import known_of, own_services
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import Known, mode_of, wanted_spec
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    BEFORE_STOP,
    NOWHERE,
    STEP,
    labels_of,
    ours_in,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.overlay import overlaid
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.stop import stopped

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Observed,
        ServiceEntry,
        State,
    )

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """The result of a comparison. ``found`` is drift, ``ignored`` the differences that rules ignore.

    ``left`` maps services to their ignored paths. ``spared`` has objects that are ignored, or can't be healed: (kind of
    object, name), or (``forced`` or ``paused``, service). ``specs`` are the desired specifications of the services,
    ``unknown`` the services in rules that the stack does not have. ``ours`` are changes by our own runs, which healing
    leaves as well.
    """

    found: Tuple[Drift, ...]
    ignored: Tuple[Drift, ...]
    left: Mapping[str, Set[str]]
    spared: Set[Tuple[str, str]]
    specs: Mapping[str, Object]
    unknown: Tuple[str, ...]
    notices: Tuple[str, ...]
    ours: Tuple[Drift, ...] = ()


def compare(intended: State, observed: Observed, context: Context, rules: Sequence[Rule] = ()) -> Compared:
    """Compares ``observed`` with ``intended``, a revision's state, bound as far as possible."""
    stack = str(intended["stack"]["name"])
    live = own_services(stack, observed)
    owned = [rule for service in intended["services"] for rule in leave_rules(service, context.prefix)]
    for service in intended["services"]:
        if service["name"] in live:
            owned += with_scaled(service, service["spec"], live[service["name"]]["Spec"], context.prefix)[1]
    specs = _specs(intended, live, context.prefix)
    found: List[Drift] = []
    ignored: List[Drift] = []
    ours: List[Drift] = []
    for drift in _all(intended, observed, live, specs, context):
        names = (drift.name, drift.key or _key(drift.name, stack))
        counts, left = _split(drift, names, [*rules, *owned])
        for rest in counts:
            others, own = split(rest, context.own, context.mark)
            found += others
            ours += own
        ignored += left
    paths, spared = _spared([*ignored, *ours])
    if not live:
        found = whole(stack, found, context.what)
    if _stack_is_stopped(intended, live, context.prefix):
        ours.append(Drift("stopped", STACK, stack, by=f"with state: stopped, since {context.what}"))
    # A network of the stack can't change while services use it. Everything else is healed.
    spared |= {("network", d.name) for d in found if d.object == "network" and d.changes and d.healing == BY_HAND}
    differing = {drift.name for drift in (*found, *ours)}
    notices = [
        rolled_back_to_it(service, live[service["name"]], context.what)
        for service in intended["services"]
        if service["name"] in live and service["name"] not in differing
    ]
    known = {*live, *(service["name"] for service in intended["services"])}
    known |= {_key(name, stack) for name in known}
    return Compared(
        tuple(sorted(found, key=_order)),
        tuple(sorted(ignored, key=_order)),
        paths,
        spared,
        specs,
        tuple(sorted({rule.service for rule in rules if rule.service and rule.service not in known})),
        tuple(notice for notice in notices if notice),
        tuple(sorted(ours, key=_order)),
    )


def healed(intended: State, compared: Compared, live: Mapping[str, Service], known: Known) -> State:
    """Returns ``intended`` as healing creates it: stopped if the stack is stopped, and without ignored differences."""
    services: List[ServiceEntry] = []
    for service in intended["services"]:
        name = service["name"]
        if ("service", name) in compared.spared and name not in live:
            continue
        spec: Any = compared.specs[name]
        paths = set(compared.left.get(name) or ())
        if IMAGE in paths:
            paths |= set(FOLLOWS_IMAGE)
        if paths and name in live:
            spec = overlaid(spec, live[name]["Spec"], paths, known.names)
        services.append({**service, "spec": spec})
    networks = [entry for entry in intended["networks"] if ("network", entry["name"]) not in compared.spared]
    return {**intended, "services": services, "networks": networks}


def _all(
    intended: State, observed: Observed, live: Mapping[str, Service], specs: Mapping[str, ServiceSpec], context: Context
) -> Iterator[Drift]:
    known = known_of(intended, observed, {})
    for service in intended["services"]:
        name = service["name"]
        if service.get("not_run") or service.get("step_of"):
            continue  # a rollback did not run this job; a step of pre_start exists only while it runs
        if name in live:
            yield from service_drift(service, live[name], specs[name], known, context)
        else:
            yield for_a_job(missing("service", name, service["key"], context.what, specs[name]), specs[name], context)
    for name, current in live.items():
        if name not in specs and STEP not in labels_of(current):
            yield extra("service", current, context.what)
    yield from network_drift(intended, observed, live, context)
    yield from volume_drift(intended, observed, context)
    for kind in ("config", "secret"):
        yield from object_drift(kind, intended, observed, live, context)


def _specs(intended: State, live: Mapping[str, Service], prefix: str) -> Dict[str, ServiceSpec]:
    """Returns the desired specification of each service: without tasks if ``state: stopped`` stopped the stack."""
    is_stopped = _stack_is_stopped(intended, live, prefix)
    specs: Dict[str, ServiceSpec] = {}
    for service in intended["services"]:
        current = live.get(service["name"])
        spec = wanted_spec(service["spec"], current, choose(service, current, NEVER, {}), prefix)
        specs[service["name"]] = (stopped(spec, prefix)[0] or spec) if is_stopped else spec
    return specs


def _stack_is_stopped(intended: State, live: Mapping[str, Service], prefix: str) -> bool:
    # A failed deployment may have stopped its new services for inspection, while the stack runs.
    names = [service["name"] for service in intended["services"] if service["name"] in live]
    return any(_is_stopped(live[name], prefix) for name in names)


def _is_stopped(service: Service, prefix: str) -> bool:
    if not ours_in(labels_of(service), prefix, BEFORE_STOP):
        return False
    spec = service["Spec"]
    if mode_of(spec) == "Replicated":
        return not ((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas", 1)
    return NOWHERE in ((spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or [])


def _split(drift: Drift, names: Tuple[str, ...], rules: Sequence[Rule]) -> Tuple[List[Drift], List[Drift]]:
    """Divides ``drift`` into the part that counts, and the part that rules ignore."""

    def left(path: str) -> bool:
        return any(rule.fits(drift.kind, drift.object, names, path) for rule in rules)

    if not drift.changes:
        return ([], [drift]) if left("") else ([drift], [])
    ignored = tuple(change for change in drift.changes if left(change.path))
    rest = tuple(change for change in drift.changes if change not in ignored)
    counts = [replace(drift, changes=rest)] if rest else []
    return counts, [replace(drift, changes=ignored)] if ignored else []


def _spared(ignored: Sequence[Drift]) -> Tuple[Dict[str, Set[str]], Set[Tuple[str, str]]]:
    paths: Dict[str, Set[str]] = {}
    spared: Set[Tuple[str, str]] = set()
    for drift in ignored:
        if drift.kind == FORCED or (drift.kind == PAUSED and not drift.changes):
            spared.add((drift.kind, drift.name))
        elif drift.object == "service" and drift.changes and drift.healing == UPDATE:
            paths.setdefault(drift.name, set()).update(change.path for change in drift.changes)
        elif drift.object != "service" or not drift.changes:
            spared.add((drift.object, drift.name))
    return paths, spared


def _key(name: str, stack: str) -> str:
    return name[len(stack) + 1 :] if name.startswith(stack + "_") else name


def _order(drift: Drift) -> Any:
    return (-KINDS.index(drift.object) if drift.object in KINDS else -len(KINDS), drift.name, drift.kind)
