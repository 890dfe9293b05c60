# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of ``pre_start``: jobs that run before tasks of their service are created or replaced, and are then removed.

An existing job was left by a run that did not finish. Its spec shows for which change it ran, so a step that has
succeeded does not run twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import eligible
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, PRUNE, WAIT, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import Choice
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.placing import tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import (
    Known,
    resent,
    service_operations,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import (
    LOCAL,
    driver_of,
    labels_on,
    named_volumes,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    BEFORE_STOP,
    NAMESPACE,
    id_of,
    name_of,
    spellings,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Placement,
        Service,
        ServiceSpec,
        TaskTemplate,
        Volume,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry, State

DONE = "a step of pre_start, which has run"
NOT_NEEDED = "a step of pre_start, left over from an unfinished run"
AGAIN = "it failed, and is run again"
#: Begin the names of volume drivers and types whose content is the same on each node.
SHARED = ("nfs", "cifs", "smb", "gluster", "ceph", "9p", "fuse", "sshfs", "davfs")
REPLICAS = "Mode.Replicated.Replicas"


class Steps(NamedTuple):
    """The steps of a desired state, and facts about the Swarm.

    ``choose`` returns the image for a service and its running service; ``failed`` are the names of failed jobs.
    """

    desired: State
    current: Mapping[str, Service]
    known: Known
    choose: Callable[[ServiceEntry, Optional[Service]], Choice]
    failed: Set[str]


def with_steps(found: Sequence[Operation], steps: Steps) -> List[Operation]:
    """Returns ``found`` (operations of services) with those of the steps. A step runs if its service is created or
    changed.

    Services that no step depends on come after the last step, so that nothing is replaced if one fails. Raises
    PlanError (``pre_start_volume``).
    """
    services = {service["key"]: service for service in steps.desired["services"]}
    changing = {op.key for op in found if _makes_tasks(op, steps.known.prefix)}
    waves = {key: number for number, keys in enumerate(steps.desired.get("waves") or []) for key in keys}
    running: List[str] = []
    made: List[Operation] = []
    for key, service in services.items():
        if not service.get("step_of"):
            continue
        live = steps.current.get(service["name"])
        runs = service["step_of"] in changing and not service.get("left")
        if runs:
            running.append(key)
            made += [replace(op, wave=waves.get(key, 0)) for op in _run(service, live, services, steps)]
        if runs or live is not None:
            payload = {"id": service["name"] if live is None else id_of(live)}
            reason = DONE if runs else NOT_NEEDED
            made.append(Operation("remove", "service", service["name"], key, reason, phase=PRUNE, payload=payload))
    if not running:
        return [*found, *made]
    first = _needed(running, services)
    later = 1 + max(waves.get(key, 0) for key in first)
    rest = [op if op.key in first else replace(op, wave=op.wave + later) for op in found]
    return [*rest, *made]


def to_run(operations: Sequence[Operation], services: Sequence[ServiceEntry]) -> Set[str]:
    """Returns the names of the steps among ``services`` that a plan with ``operations`` runs or waits for."""
    steps = {service["name"] for service in services if service.get("step_of")}
    return {op.name for op in operations if op.name in steps and op.phase == CHANGE and op.action != "keep"}


def _makes_tasks(op: Operation, prefix: str) -> bool:
    """Whether an operation creates a service, or changes more of it than its number of replicas."""
    if op.action != "update":
        return op.action == "create"
    quiet = {REPLICAS, *(f"Labels.{start}{BEFORE_STOP}" for start in spellings(prefix))}
    return bool(op.payload.get("forced")) or any(change.path not in quiet for change in op.changes)


def _needed(running: Sequence[str], services: Mapping[str, ServiceEntry]) -> Set[str]:
    """Returns these steps and all services that they wait for."""
    needed: Set[str] = set()
    waiting = list(running)
    while waiting:
        key = waiting.pop()
        if key not in needed and key in services:
            needed.add(key)
            waiting += services[key].get("depends_on") or ()
    return needed


def _run(
    step: ServiceEntry, live: Optional[Service], services: Mapping[str, ServiceEntry], steps: Steps
) -> List[Operation]:
    owner = services[step["step_of"]]
    current = steps.current.get(owner["name"])
    same_image = step["image"] == owner["image"]
    choice = steps.choose(owner, current) if same_image else steps.choose(step, live)
    placed = _placed(step, owner, current, choice, steps.known)
    found = service_operations(placed or step, live, choice, steps.known._replace(recreate=True))
    if placed is None:
        found = [replace(op, payload={**op.payload, "unplaced": True}) for op in found]
    if live is None:
        reason = f"a step of pre_start of {owner['key']}, image {choice.image}"
        return [replace(op, reason=reason) for op in found]
    if [op.action for op in found] != ["keep"]:
        return found
    if step["name"] in steps.failed:
        return [resent(op, live, AGAIN) for op in found]
    return [replace(op, action=WAIT, reason="it was already started for the same change") for op in found]


def _placed(
    step: ServiceEntry, owner: ServiceEntry, current: Optional[Service], choice: Choice, known: Known
) -> Optional[ServiceEntry]:
    """Returns the step, placed on the node with the service's volumes; None if nodes and tasks must be read first."""
    spec = step["spec"]
    volumes = local_volumes(spec)
    if not volumes or known.nodes < 2 or "GlobalJob" in spec["Mode"]:
        return step
    if not known.placing.get("nodes"):
        return None
    volumes = local_volumes(spec, known.placing.get("volumes") or ())
    if not volumes:
        return step
    template = spec["TaskTemplate"]
    placement = template.get("Placement") or {}
    platforms = placement.get("Platforms") or choice.platforms or []
    nodes = {id_of(node) for node in eligible(known.placing["nodes"], _at({**placement, "Platforms": platforms}))}
    if len(nodes) < 2:
        return step
    tasks = tasks_of(current, known.placing["tasks"]) if current is not None else ()
    used = {str(task["NodeID"]) for task in tasks} & nodes
    if len(used) != 1:
        raise _unclear_node(step, owner, volumes, len(used) or len(nodes), bool(used))
    constraints = [*(placement.get("Constraints") or []), f"node.id=={used.pop()}"]
    template = {**template, "Placement": {**placement, "Constraints": constraints}}
    return {**step, "spec": {**spec, "TaskTemplate": template}}


def _at(placement: Placement) -> TaskTemplate:
    return {"Placement": placement}


def local_volumes(spec: ServiceSpec, existing: Sequence[Volume] = ()) -> List[str]:
    """Returns the named volumes of a ServiceSpec that are separate on each node.

    For an external volume, the manager's volume of that name (in ``existing``) shows its driver and options.
    """
    real: Dict[str, Any] = {
        name_of(volume): {"Name": volume.get("Driver"), "Options": volume.get("Options")} for volume in existing
    }
    found = []
    for mount in named_volumes(spec):
        source = str(mount["Source"])
        external = not labels_on(mount).get(NAMESPACE)
        driver = real[source] if external and source in real else driver_of(mount)
        options = driver["Options"] or {}
        kind = str(options.get("type") or "").lower()
        is_path = "bind" in str(options.get("o") or "").split(",")
        if driver["Name"] == LOCAL and not kind.startswith(SHARED) and not is_path:
            found.append(source)
    return found


def _unclear_node(step: ServiceEntry, owner: ServiceEntry, volumes: Sequence[str], count: int, runs: bool) -> PlanError:
    where = f"its tasks run on {count} nodes" if runs else f"its first task may run on any of {count} nodes"
    one = len(volumes) == 1
    return PlanError(
        f"service {owner['key']} ({step.get('where') or step['name']}): a step of pre_start needs the "
        f"volume{'' if one else 's'} {', '.join(volumes)}, which is separate on each node, and {where}.",
        "pre_start_volume",
        "Keep the service on one node (deploy.placement.constraints), or use a volume that all nodes share (set by "
        "its driver or driver_opts). Nothing was changed.",
    )
