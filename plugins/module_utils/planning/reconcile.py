# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired against observed: a pure function to a Plan. Deterministic; makes no call and keeps no state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation, Plan, ordered
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.dependents import with_dependents
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import (
    Choice,
    choose,
    mode_for,
    without_digest,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.network_notices import (
    name_collisions,
    out_of_reach,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import (
    key_operation,
    network_operations,
    object_operations,
    owner,
    refuse_replacement,
    removed_first,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import gone_objects, gone_services
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import (
    AS_DOCKER,
    NOT_RUN,
    Known,
    not_run,
    resent,
    restarted,
    service_operations,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.subnets import refuse_overlaps
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import changed_drivers, recreation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_fields import explain, too_new
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import PlanOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Answer,
        ContentEntry,
        Observed,
        ServiceEntry,
        State,
    )

#: Why a registry returned no digest, by error code.
WHY = {
    "": "",
    "registry_auth": " (it requires credentials)",
    "image_not_found": " (it has no such image)",
    "registry_unreachable": " (it does not answer)",
}


def reconcile(
    desired: State, observed: Observed, options: PlanOptions, images: Optional[Mapping[str, Answer]] = None
) -> Plan:
    """Returns the plan from ``observed`` to ``desired`` (a DesiredState whose configs and secrets are bound).

    ``options``: prune, recreate, resolve_image, adopt_secrets, pull_again and run_again (services), unused_networks
    (those that may be recreated if they differ).
    ``images`` has the registry's answers.
    ``observed["all_services"]``, if present, shows which others use a name or an object.
    Raises PlanError (``unsafe_change``) and EngineError (``conflict``).
    """
    stack, prefix = desired["stack"]["name"], desired["stack"].get("prefix", "")
    replaced = {old: entry["name"] for entry in desired["networks"] for old in entry.get("replaces") or ()}
    operations, notices = network_operations(
        desired, observed, options.get("unused_networks", ()), bool(options.get("recreate"))
    )
    first = removed_first(operations)
    if replaced or first:
        refuse_replacement(desired, observed, first)
    refuse_overlaps(operations, observed)
    operations += key_operation(desired, observed, bool(options.get("adopt_secrets")))
    operations += object_operations("config", desired["configs"], prefix)
    operations += object_operations("secret", desired["secrets"], prefix)
    notices += name_collisions(desired, observed)
    notices += out_of_reach(desired, observed)
    services, unpinned = _services(desired, observed, options, images or {})
    operations += services
    notices += unpinned
    notices += changed_drivers(desired["services"], own_services(stack, observed).values())
    volumes, kept_volumes = recreation(desired, observed, services, bool(options.get("prune", True)))
    operations += volumes
    notices += kept_volumes
    if options.get("prune", True):
        wanted = {service["name"] for service in desired["services"]}
        operations += gone_services(stack, wanted, observed, node_count(observed))
        waits = bool(options.get("wait", True))
        staying = [network for network in observed["networks"] if id_of(network) not in first]
        seen: Observed = {**observed, "networks": staying}
        removals, kept = gone_objects(stack, wanted_names(desired), seen, operations, waits)
        operations += [
            replace(op, reason=f"replaced by {replaced[op.name]}")
            if (op.action, op.kind) == ("remove", "network") and op.name in replaced
            else op
            for op in removals
        ]
        notices += kept
    return Plan(ordered(operations), tuple(sorted(notices)))


PULL_AGAIN = "its image could not be pulled, and credentials were given"
#: A job that differs from the revision, in a rollback.
UNRUN = "a job of another version, which is kept: a rollback does not run jobs again"
UNMADE = "a removed job, which is not created: a rollback does not run jobs again"
RUN_AGAIN = "the job failed, and is run again"


def _services(
    desired: State, observed: Observed, options: PlanOptions, images: Mapping[str, Answer]
) -> Tuple[List[Operation], List[str]]:
    stack = desired["stack"]["name"]
    current = own_services(stack, observed)
    taken = {name_of(s): s for s in observed.get("all_services") or () if stack_of(s) != stack}
    known = known_of(desired, observed, options)
    mode = options.get("resolve_image", "changed")
    again = options.get("pull_again", ())
    waves = {key: number for number, keys in enumerate(desired.get("waves") or []) for key in keys}
    operations: List[Operation] = []
    notices: List[str] = []
    count = node_count(observed)
    for service in desired["services"]:
        name, key = service["name"], service["key"]
        if name in taken:
            raise EngineError(
                f"service {key}: the name {name} belongs to {owner(taken[name])}.",
                "conflict",
                "Give the stack or the service another name, or remove that service.",
            )
        live = current.get(name)
        if service.get("step_of"):
            continue
        choice = choose(service, live, mode_for(mode, name in again), images)
        if choice.unpinned:
            notices.append(
                f"service {key}: the registry gave no digest for {without_digest(choice.image)}{WHY[choice.refused]}; "
                "each node uses its own image with this name"
            )
        if service.get("left"):
            found = not_run(service, live, choice, known)
            if found[-1].reason == NOT_RUN:
                notices.append(f"service {key}: {UNRUN if live is not None else UNMADE} (rerun_jobs: true runs it)")
        else:
            found = service_operations(service, live, choice, known)
            if name in again and live is not None:
                found = [resent(op, live, PULL_AGAIN) for op in found]
            if key in options.get("restart", ()) and live is not None:
                found = [restarted(op, live, count) for op in found]
            if name in options.get("run_again", ()) and live is not None:
                found = [resent(op, live, RUN_AGAIN) for op in found]
        as_docker = found[0].reason.startswith(AS_DOCKER)
        operations += [replace(op, wave=waves.get(key, 0)) for op in found]
        if as_docker:
            keys = ", ".join(service["as_docker"]["keys"])
            notices.append(
                f"service {key}: runs as created by docker stack deploy, which ignores {keys}; these keys take effect "
                "with the next change of the service, or now with apply_ignored_keys: true"
            )
        notices += _unknown_to_the_engine(service, observed.get("api"))
    operations = with_dependents(desired, operations, current, count)
    if any(service.get("step_of") for service in desired["services"]):
        from ansible_collections.stackwright.swarm.plugins.module_utils.planning.steps import Steps, with_steps

        def chosen(service: ServiceEntry, live: Optional[Service]) -> Choice:
            return choose(service, live, mode_for(mode, service["name"] in again), images)

        failed = set(options.get("run_again", ()))
        operations = with_steps(operations, Steps(desired, current, known, chosen, failed))
    return operations, notices


def _unknown_to_the_engine(service: ServiceEntry, api: Optional[Sequence[int]]) -> List[str]:
    if not api:
        return []
    found = too_new(service["spec"], (api[0], api[1]))
    return [f"service {service['key']}: {explain(path, since)}; this Engine leaves it out" for path, since in found]


def own_services(stack: str, observed: Observed) -> Dict[str, Service]:
    """Returns the live services of the stack by name."""
    return {name_of(s): s for s in observed["services"] if stack_of(s) == stack}


def known_of(desired: State, observed: Observed, options: PlanOptions) -> Known:
    """Returns the facts about the cluster that a comparison of services needs."""
    api = observed.get("api")
    return Known(
        names_of(observed),
        (api[0], api[1]) if api else None,
        node_count(observed),
        desired["stack"].get("prefix", ""),
        bool(options.get("recreate")),
        observed.get("placing") or {},
    )


def names_of(observed: Observed) -> Dict[str, str]:
    """Returns the names of networks and configs by their ids."""
    names = {id_of(obj): name_of(obj) for kind in ("networks", "configs") for obj in observed[kind]}
    return {**names, **(observed.get("predefined") or {})}


def node_count(observed: Observed) -> int:
    """Returns the number of nodes of the Swarm."""
    return int((observed["info"].get("Swarm") or {}).get("Nodes") or 1)


def wanted_names(desired: State) -> Dict[str, Set[str]]:
    """Returns the names of the desired objects, by kind."""
    return {
        "network": {entry["name"] for entry in desired["networks"]},
        "config": {_bound_name(entry) for entry in desired["configs"]},
        "secret": {_bound_name(entry) for entry in desired["secrets"]},
    }


def _bound_name(entry: ContentEntry) -> str:
    return str(entry["name"] if entry["external"] else entry["binding"]["name"])
