# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation for one service: create, update, replace or keep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation, friendly
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import Choice
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.leaving import with_left
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.placing import misplaced
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prefixes import (
    labels_spelled_like,
    service_spelled_like,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    BASE,
    BEFORE_STOP,
    HANDING_OVER,
    IMAGE,
    NOWHERE,
    labels_of,
    ours_in,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import (
    asleep,
    is_scheduled,
    with_runs_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        ContainerSpec,
        Service,
        ServiceSpec,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        HasMode,
        NormalSpec,
        Placing,
        ServiceEntry,
        State,
    )

MODES = ("Replicated", "Global", "ReplicatedJob", "GlobalJob")
WORD = {"Replicated": "replicated", "Global": "global", "ReplicatedJob": "replicated-job", "GlobalJob": "global-job"}

#: Why a rollback or a heal leaves a job as it is, or does not create it: Swarm runs it with each change.
NOT_RUN = "a job: a rollback does not run it again"
ASKED = "a restart was requested"
#: Why a service stays that docker's CLI has created without some keys of the file.
AS_DOCKER = "same as created by docker stack deploy"


class Known(NamedTuple):
    """The facts about the cluster that a comparison needs."""

    names: Mapping[str, str]  # ids of networks and configs to names
    api: Optional[Tuple[int, int]]
    nodes: int
    prefix: str
    recreate: bool
    placing: Placing = {}  # nodes and tasks, if they were read


def service_operations(
    desired: ServiceEntry, current: Optional[Service], choice: Choice, known: Known
) -> List[Operation]:
    """Returns one operation, or two (remove, create) if the mode changes and ``recreate`` is set.

    Raises PlanError (``unsafe_change``) if the mode changes without ``recreate``.
    """
    name, key = desired["name"], desired["key"]
    if current is None:
        payload = {"spec": _with_image(desired["spec"], choice)}
        when = "; it runs on its schedule" if is_scheduled(desired["spec"]) else ""
        return [Operation("create", "service", name, key, f"image {choice.image}{when}", payload=payload)]
    old = current["Spec"]
    spec, left = _wanted(desired, desired["spec"], current, choice, known)
    want = _compared(spec, old, known)
    have = normalise.service(old, known.names)
    if mode_of(want) != mode_of(have):
        return _replaced(desired, current, spec, known, mode_of(have), mode_of(want))
    if want == have:
        return [Operation("keep", "service", name, key, "equal" + _but(left), payload={"left": left})]
    if "as_docker" in desired:
        made, _left = _wanted(desired, desired["as_docker"]["spec"], current, choice, known)
        if _compared(made, old, known) == have:
            return [Operation("keep", "service", name, key, AS_DOCKER)]
    changes = _readable(differences(have, want))
    update = _update(desired, current, spec, want, have, changes, known)
    return [replace(update, reason=update.reason + _but(left), payload={**update.payload, "left": left})]


def _wanted(
    desired: ServiceEntry, spec: ServiceSpec, current: Service, choice: Choice, known: Known
) -> Tuple[ServiceSpec, Tuple[Change, ...]]:
    full = wanted_spec(spec, current, choice, known.prefix)
    return with_left(desired, full, current["Spec"], known.names, known.prefix)


def _but(left: Tuple[Change, ...]) -> str:
    return f", except for ignored fields: {', '.join(friendly(change.path) for change in left)}" if left else ""


def _compared(spec: ServiceSpec, old: ServiceSpec, known: Known) -> NormalSpec:
    return normalise.service(service_spelled_like(spec, old, known.prefix), known.names, known.api)


def not_run(desired: ServiceEntry, current: Optional[Service], choice: Choice, known: Known) -> List[Operation]:
    """Returns the operations for a job that must not run: it is neither created nor changed."""
    is_job = current is not None and mode_of(current["Spec"]).endswith("Job")
    found = service_operations(desired, current, choice, known._replace(recreate=known.recreate or is_job))
    left = Operation("keep", "service", desired["name"], desired["key"], NOT_RUN)
    return [op if op.action in ("keep", "remove") else left for op in found if not (is_job and op.action == "remove")]


def runs_when_changed(spec: ServiceSpec) -> bool:
    """Whether a ServiceSpec is that of a job that Swarm runs when it is created or changed."""
    return mode_of(spec).endswith("Job") and not is_scheduled(spec)


def with_jobs_skipped(bound: State) -> State:
    """Returns a copy of a bound state in which jobs are marked as not to be run (``left``).

    Jobs on a schedule are asleep in any state.
    """
    services: List[ServiceEntry]
    services = [{**s, "left": True} if runs_when_changed(s["spec"]) else s for s in bound["services"]]
    return {**bound, "services": services}


def resent(operation: Operation, current: Service, reason: str) -> Operation:
    """Replaces ``keep`` with an update to the same spec: it sends credentials, and runs a job again."""
    if operation.action != "keep":
        return operation
    payload = {"id": current["ID"], "version": current["Version"]["Index"], "spec": asleep(current["Spec"])}
    return replace(operation, action="update", reason=reason, payload=payload)


def restarted(operation: Operation, current: Service, nodes: int, why: str = ASKED) -> Operation:
    """Returns the operation with a restart of all tasks; a new service starts in any case. ``why`` is the reason."""
    if operation.action not in ("keep", "update"):
        return operation
    op = resent(operation, current, why)
    spec = op.payload["spec"]
    template = spec["TaskTemplate"]
    count = int(current["Spec"]["TaskTemplate"].get("ForceUpdate") or 0) + 1
    sent = {**spec, "TaskTemplate": {**template, "ForceUpdate": count}}
    restarts = op.payload.get("all_tasks") or op.restarts or task_count(current, nodes)
    # The history still needs the reason for which the service was kept.
    known = operation.reason == AS_DOCKER or operation.action == "update"
    reason = f"{operation.reason}; {why}" if known else why
    left = operation.payload.get("left", ())
    payload = {**op.payload, "spec": sent, "ports_only": False, "forced": True, "left": left}
    return replace(op, reason=reason, restarts=restarts, at_most=False, payload=payload)


def _update(
    desired: ServiceEntry,
    current: Service,
    spec: ServiceSpec,
    want: NormalSpec,
    have: NormalSpec,
    changes: Tuple[Change, ...],
    known: Known,
) -> Operation:
    old = current["Spec"]
    sent: ServiceSpec = with_runs_of(spec, old)
    same_template = want["TaskTemplate"] == have["TaskTemplate"]
    same_endpoint = want["EndpointSpec"] == have["EndpointSpec"]
    same_but_for_place = _but_for_place(want) == _but_for_place(have)
    # Equal parts are sent exactly as the Engine has them: even another order of a list would replace the tasks.
    if same_template:
        sent["TaskTemplate"] = old["TaskTemplate"]
    elif same_but_for_place:
        sent["TaskTemplate"] = {**old["TaskTemplate"], "Placement": spec["TaskTemplate"].get("Placement") or {}}
    else:
        sent["TaskTemplate"] = {**spec["TaskTemplate"], "ForceUpdate": old["TaskTemplate"].get("ForceUpdate", 0)}
    if same_endpoint:
        sent["EndpointSpec"] = old.get("EndpointSpec") or {}
    restarts, at_most, everyone = 0, False, 0
    # Swarm runs a job again after any change, even of a label.
    is_job = mode_of(want).endswith("Job")
    same_ports = want["EndpointSpec"].get("Ports") == have["EndpointSpec"].get("Ports")
    if is_job or not same_template or not same_ports:
        restarts = _desired_count(want, known.nodes)
        restarts = _running(current) if is_scheduled(sent) else restarts
        restarts = restarts if is_job else min(task_count(current, known.nodes), restarts)
    if same_but_for_place and not same_template and same_ports and not is_job:
        moving = misplaced(current, sent["TaskTemplate"]["Placement"], known.placing)
        everyone = restarts
        restarts, at_most = (restarts, bool(restarts)) if moving is None else (min(moving, restarts), False)
    return Operation(
        "update",
        "service",
        desired["name"],
        desired["key"],
        _reason(sent, old, known.prefix),
        changes,
        restarts,
        payload={
            "id": current["ID"],
            "version": current["Version"]["Index"],
            "spec": sent,
            "ports_only": same_template and not is_job and bool(restarts),
            "all_tasks": everyone,
        },
        at_most=at_most,
    )


def _running(service: Service) -> int:
    """Returns the number of tasks of a run in progress, which Swarm stops when the job is changed."""
    return int((service.get("ServiceStatus") or {}).get("RunningTasks") or 0)


def _but_for_place(spec: NormalSpec) -> Dict[str, Any]:
    return {field: value for field, value in spec["TaskTemplate"].items() if field != "Placement"}


def _reason(sent: ServiceSpec, old: ServiceSpec, prefix: str) -> str:
    labels = sent.get("Labels") or {}
    if labels_spelled_like(labels, old.get("Labels"), prefix) == labels:
        return "differs"
    return f"differs, and its labels now begin with {prefix}"


def _replaced(
    desired: ServiceEntry,
    current: Service,
    spec: ServiceSpec,
    known: Known,
    before: str,
    after: str,
) -> List[Operation]:
    name, key = desired["name"], desired["key"]
    text = f"the mode changes from {WORD[before]} to {WORD[after]}, which Swarm refuses"
    if not known.recreate:
        raise PlanError(
            f"service {key} ({desired.get('where') or name}): {text}.",
            hint="Set `recreate: true` to remove and recreate it (its tasks stop in between), or keep the mode.",
        )
    payload = {"id": current["ID"]}
    count = task_count(current, known.nodes)
    return [
        Operation("remove", "service", name, key, text, restarts=count, payload=payload),
        Operation("create", "service", name, key, text, payload={"spec": spec}),
    ]


def mode_of(spec: HasMode) -> str:
    """Returns the mode of a ServiceSpec, as the Engine spells it."""
    mode = spec.get("Mode") or {}
    return next((name for name in MODES if mode.get(name) is not None), "Replicated")


def without_tasks(spec: ServiceSpec) -> ServiceSpec:
    """Returns the fields of ``spec`` for a service without tasks: no replicas, or a constraint that no node meets."""
    template = spec["TaskTemplate"]
    if mode_of(spec) == "Replicated":
        return {"TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 0}}}
    placement = template.get("Placement") or {}
    constraints = [*(placement.get("Constraints") or []), NOWHERE]
    return {"TaskTemplate": {**template, "Placement": {**placement, "Constraints": constraints}}}


def task_count(service: Service, nodes: int) -> int:
    """Returns the desired number of tasks of a live service."""
    status = service.get("ServiceStatus")
    if status is not None:
        return int(status.get("DesiredTasks") or 0)
    return _desired_count(normalise.service(service["Spec"]), nodes)


def _desired_count(spec: HasMode, nodes: int) -> int:
    mode = spec["Mode"]
    if "Replicated" in mode:
        return int(mode["Replicated"]["Replicas"])
    if "ReplicatedJob" in mode:
        return int(mode["ReplicatedJob"]["MaxConcurrent"])
    return nodes


def wanted_spec(spec: ServiceSpec, current: Optional[Service], choice: Choice, prefix: str) -> ServiceSpec:
    """Returns the desired ServiceSpec of a service, from the file's ``spec`` and the running service."""
    full = _with_image(spec, choice)
    return full if current is None else _with_remembered_replicas(full, labels_of(current), prefix)


def _with_image(spec: ServiceSpec, choice: Choice) -> ServiceSpec:
    template = spec["TaskTemplate"]
    placement = template.get("Placement") or {}
    if choice.platforms is not None and not placement.get("Platforms"):
        placement = {**placement, "Platforms": choice.platforms}
    container: ContainerSpec = {**template["ContainerSpec"], "Image": choice.image}
    return {**spec, "TaskTemplate": {**template, "ContainerSpec": container, "Placement": placement}}


def _with_remembered_replicas(spec: ServiceSpec, labels: Mapping[str, str], prefix: str) -> ServiceSpec:
    """Restores the former replicas of a stopped service if the file does not set a number."""
    replicated = (spec.get("Mode") or {}).get("Replicated")
    remembered = ours_in(labels, prefix, BEFORE_STOP)
    if replicated is None or replicated.get("Replicas") is not None or not remembered.isdecimal():
        return spec
    # The label stays: without it the next run would fall back to one replica.
    spec_labels = {**(spec.get("Labels") or {}), prefix + BEFORE_STOP: remembered}
    return {**spec, "Labels": spec_labels, "Mode": {"Replicated": {"Replicas": int(remembered)}}}


#: Private labels, docker's and ours; the image itself is shown.
QUIET = (f"Labels.{IMAGE}", f"Labels.{HANDING_OVER}")
OF_VOLUMES = f"VolumeOptions.Labels.{BASE}"


def _readable(changes: Tuple[Change, ...]) -> Tuple[Change, ...]:
    loud = tuple(change for change in changes if change.path not in QUIET and not change.path.endswith(OF_VOLUMES))
    return loud or changes
