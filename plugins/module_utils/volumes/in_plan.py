# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots as steps of a deployment: chooses the volumes and nodes, and carries out the steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import GOOD, HEAL, REMOVED, SHOT
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import LEFT
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.with_snapshots import (
    RESTORE,
    SNAPSHOT,
    changing,
    is_still,
    mounted,
    volumes_named,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.nodes import Nodes, ask
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.quiesce import NONE, POLL, STOP
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.restore import restore
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.shelf import RESTORING, Busy, Shelf, load
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.snapshot import take

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Place, Step
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Applying, Shot

Result = Dict[str, Any]
NOTHING = "Nothing was changed."
LOST = "everything written since then is lost"


def steps(
    client: EngineClient,
    stack: str,
    plan: Plan,
    observed: Observed,
    options: Options,
    revisions: Sequence[Revision],
) -> List[Operation]:
    """Returns the operations on volumes that ``plan`` needs: unfinished restores of an earlier run, the snapshots that
    the options request, and with ``back_to`` the restores to that revision.

    Raises PlanError (``no_volume``, ``volume_elsewhere``, ``no_snapshot``, ``invalid_options``), StackwrightError
    (``volume_not_local``), EngineError.
    """
    if not plan.work(CHANGE):
        return []
    nodes = Nodes(client, observed)
    open_ones = _unfinished(nodes, stack, observed, revisions)
    goes_back = options["restore_snapshot"] and options["back_to"] and options["operation"] != HEAL
    back = _of_revision(nodes, stack, observed, revisions, options) if goes_back else {}
    touched = changing(plan, observed)
    found = volumes_named(stack, list(options["snapshot"]), plan, observed) if options["snapshot"] else {}
    for name, meant in found.items():
        if not meant or any(LEFT in volume for volume in meant):
            raise PlanError(
                f"rollout.snapshot: no service of the stack {stack} mounts one volume {name}. {NOTHING}",
                "no_volume",
                "Give the name of a volume in the Compose file. A volume for each replica is not supported.",
            )
    chosen = sorted({volume for meant in found.values() for volume in meant if volume in touched} | set(back))
    where = {volume: _node_of(nodes, stack, volume, observed, revisions) for volume in chosen}
    exist = [
        volume
        for node in sorted(set(where.values()))
        for volume in nodes.inspect(node, [one for one in chosen if where[one] == node], [])["volumes"]
    ]
    made = [_restore(shot, nodes.place(shot["node"]), "completes an unfinished restore") for shot in open_ones.values()]
    for volume in chosen:
        if volume in exist:
            how = options["snapshot_quiesce"] if volume not in back else STOP
            made.append(_snapshot(nodes, stack, volume, how, where[volume], options))
        if volume in back:
            reason = f"as it was in revision {options['back_to']}; {LOST}"
            made.append(_restore(back[volume], nodes.place(back[volume]["node"]), reason))
    if not options["wait"] and not options["check"]:
        _refuse_other_nodes(made)
    return made


def _refuse_other_nodes(operations: Sequence[Operation]) -> None:
    for op in operations:
        if op.payload["place"]:
            raise PlanError(
                f"The volume {op.name} is on {op.payload['place']['name']}, which a run with wait: false can't reach. "
                f"{NOTHING}",
                "volume_elsewhere",
                "Set wait: true.",
            )


def _snapshot(nodes: Nodes, stack: str, volume: str, how: str, node: str, options: Options) -> Operation:
    place = nodes.place(node)
    reason = "while its services are stopped" if how == STOP else f"quiesce: {how}"
    payload = {
        "dest": options["snapshot_dest"],
        "node": node,
        "place": place,
        "quiesce": how,
        "command": list(options["snapshot_command"]),
        "keep": options["snapshot_keep"],
        "timeout": options["timeout"],
        "stack": stack,
    }
    return Operation(SNAPSHOT, "volume", volume, reason=_on(place) + reason, payload=payload)


def _on(place: Optional[Place]) -> str:
    return f"on {place['name']}, " if place else ""


def _restore(shot: Shot, place: Optional[Place], reason: str) -> Operation:
    reason = f"{_on(place)}from snapshot {shot['snapshot']} in {shot['dest']}; {reason}"
    payload: Result = {**{name: shot[name] for name in SHOT}, "place": place, "found": {}}
    return Operation(RESTORE, "volume", shot["volume"], reason=reason, payload=payload)


def with_ids(run: str, when: str, plan: Plan, left: Sequence[Operation]) -> Tuple[Plan, List[Shot]]:
    """Returns ``plan`` with the ids of its snapshots, and their records for the revision.

    It reuses and records the snapshots of dead runs (``left``), which show the volumes before these runs' changes.
    """
    earlier = {op.name: op.payload for op in left}
    operations: List[Operation] = []
    shots: List[Shot] = []
    for op in plan.operations:
        if op.action == SNAPSHOT:
            new = {"snapshot": f"{when}-{run[:6]}", "dest": str(op.payload["dest"])}
            old = earlier.get(op.name, {})
            old = old if old.get("node") == op.payload["node"] else new
            op = replace(op, payload={**op.payload, "snapshot": old["snapshot"], "dest": old["dest"]})
            shots.append({"volume": op.name, "node": op.payload["node"], **{k: old[k] for k in new}})
        operations.append(op)
    known = {shot["volume"] for shot in shots}
    return replace(plan, operations=tuple(operations)), [*shots, *(_shot(op) for op in left if op.name not in known)]


def owed(operations: Sequence[Operation]) -> List[Shot]:
    """Returns the records of planned restores for the revision."""
    return [_shot(op) for op in operations if op.action == RESTORE]


def _shot(op: Operation) -> Shot:
    return {**{name: op.payload[name] for name in SHOT if name != "volume"}, "volume": op.name}


def taken_by(client: EngineClient, observed: Observed, died: Sequence[Revision]) -> List[Operation]:
    """Returns the snapshots that runs which ``died`` have taken, as completed operations. Raises as Nodes.inspect."""
    nodes = Nodes(client, observed)
    return [
        Operation(SNAPSHOT, "volume", volume, payload={**shot, "place": nodes.place(shot["node"])})
        for volume, shot in _first_complete(nodes, _shots_of(died)).items()
    ]


def _shots_of(revisions: Sequence[Revision]) -> List[Shot]:
    """Returns the snapshots of ``revisions``, the oldest first."""
    return [shot for revision in sorted(revisions, key=lambda one: one.number) for shot in revision.volumes]


def _first_complete(nodes: Nodes, shots: Sequence[Shot]) -> Dict[str, Shot]:
    """Returns the first complete snapshot of each volume."""
    found: Dict[str, Shot] = {}
    for node in sorted({shot["node"] for shot in shots}):
        mine = [shot for shot in shots if shot["node"] == node]
        whole = nodes.inspect(node, [], mine)["whole"]
        for shot in mine:
            if [shot["volume"], shot["snapshot"]] in whole:
                found.setdefault(shot["volume"], shot)
    return found


def restores_for(completed: Sequence[Operation]) -> List[Operation]:
    """Returns the operations that restore the snapshots that ``completed`` has taken."""
    taken = {op.name: op.payload for op in completed if op.action == SNAPSHOT}
    return [_restore({**shot, "volume": name}, shot["place"], LOST) for name, shot in taken.items()]


def snapshot_volume(applying: Applying, operation: Operation) -> None:
    """Takes a snapshot on the node of the volume. Raises as volume_snapshot, and as nodes.ask."""
    _on_its_node(applying, operation)


def restore_volume(applying: Applying, operation: Operation) -> None:
    """Restores a snapshot on the node of the volume, and adds the id of the snapshot of its previous content to the
    payload. Raises as volume_restore, and as nodes.ask."""
    operation.payload["found"]["before"] = _on_its_node(applying, operation).get("before")
    applying.paid(operation.name)


def _on_its_node(applying: Applying, operation: Operation) -> Result:
    place = operation.payload["place"]
    if not place:
        return HERE[operation.action](applying, operation)
    given = {name: value for name, value in operation.payload.items() if name not in ("place", "found")}
    asked: Step = {"do": operation.action, "names": [operation.name], "payload": given, "patience": applying.patience}
    return ask(applying.client, place, asked, applying.keep)


class OneStep:
    """The Applying of a node that does one step for a run on another node."""

    def __init__(self, client: EngineClient, clock: Clock, patience: float) -> None:
        self.client, self.clock, self.patience = client, clock, patience
        self.keep: Callable[[], None] = lambda: None
        self.paid: Callable[[str], None] = lambda volume: None


def step_here(client: EngineClient, clock: Clock, asked: Step) -> Result:
    """Carries out a step for a run on another node; nodes.carry_out calls it."""
    operation = Operation(asked["do"], "volume", asked["names"][0], payload={**asked["payload"], "place": None})
    return HERE[operation.action](OneStep(client, clock, float(asked["patience"])), operation)


def _snapshot_here(applying: Applying, operation: Operation) -> Result:
    payload = operation.payload
    how = str(payload["quiesce"])
    if how == STOP:
        _until_unused(applying, operation)
    given: Any = {
        "name": None,
        "volumes": [operation.name],
        "dest": str(payload["dest"]),
        "snapshot": str(payload["snapshot"]),
        "quiesce": NONE if how == STOP else how,
        "command": list(payload["command"]),
        "keep": int(payload["keep"]),
        "labels": {"stack": str(payload["stack"])},
        "wait_timeout": int(payload["timeout"]),
    }
    _when_free(applying, lambda: take(applying.client, applying.clock, given, False, _scale))
    return {}


def _restore_here(applying: Applying, operation: Operation) -> Result:
    _until_unused(applying, operation)
    given: Any = {
        "name": None,
        "volume": operation.name,
        "src": str(operation.payload["dest"]),
        "snapshot": str(operation.payload["snapshot"]),
        "quiesce": NONE,
        "wait_timeout": int(applying.patience),
    }
    done = _when_free(applying, lambda: restore(applying.client, applying.clock, given, False, _scale))
    return {"before": done["before"]}


HERE: Mapping[str, Callable[[Applying, Operation], Result]] = {SNAPSHOT: _snapshot_here, RESTORE: _restore_here}


def _when_free(applying: Applying, call: Callable[[], Dict[str, object]]) -> Dict[str, object]:
    """Returns the result of ``call``. Waits while a step of a dead run still uses the folder."""
    deadline = applying.clock.now() + applying.patience
    while True:
        try:
            return call()
        except Busy:
            if applying.clock.now() >= deadline:
                raise
        applying.keep()
        applying.clock.sleep(POLL)


def _until_unused(applying: Applying, operation: Operation) -> None:
    """Waits until the containers of the services that the plan has stopped are gone.

    Raises StackwrightError (``volume_in_use``) if they don't end, or for other containers.
    """
    stopped = set((operation.payload.get("users") or {}).values())
    deadline = applying.clock.now() + applying.patience
    while True:
        using = [local.name_of(one) for one in local.running(applying.client, operation.name)]
        if not using:
            return
        others = sorted(set(using) - stopped)
        if others or applying.clock.now() >= deadline:
            raise StackwrightError(
                f"The volume {operation.name} on {applying.client.node} is still in use by "
                f"{', '.join(others or sorted(set(using)))}.",
                "volume_in_use",
                "Stop it first, or choose another snapshot_quiesce.",
            )
        applying.keep()
        applying.clock.sleep(POLL)


def _scale(service: Service, replicas: int) -> None:
    """Rejects the note of a dead volume_snapshot, as this run may not have the lock of the service's stack."""
    raise StackwrightError(
        f"A run that was killed stopped the service {name_of(service)} for its snapshots in the same folder.",
        "snapshot_busy",
        f"Run volume_snapshot again first: it scales it to {replicas}.",
    )


def _unfinished(nodes: Nodes, stack: str, observed: Observed, revisions: Sequence[Revision]) -> Dict[str, Shot]:
    """Returns the restores that have begun, and those that a failed run owes while its services are still stopped.

    A restore that was part of the change itself counts only if it has begun: the next run may make another change.
    """
    found: Dict[str, Shot] = {}
    for shot in (shot for revision in revisions for shot in revision.volumes if shot["node"] == nodes.here):
        note = load(Shelf(shot["dest"], shot["volume"]).path(RESTORING))
        if note:
            found.setdefault(shot["volume"], {**shot, "snapshot": str(note["snapshot"])})
    ended = max((one.number for one in revisions if one.status in (*GOOD, REMOVED)), default=0)
    for revision in sorted(revisions, key=lambda one: one.number):
        for shot in revision.owed if revision.number > ended else ():
            volume = shot["volume"]
            if volume not in found:
                begun = nodes.inspect(shot["node"], [], [shot])["restoring"]
                if volume in begun:
                    found[volume] = {**shot, **begun[volume]}
                elif revision.noticed and is_still(stack, volume, observed):
                    found[volume] = shot
    return found


def _of_revision(
    nodes: Nodes, stack: str, observed: Observed, revisions: Sequence[Revision], options: Options
) -> Dict[str, Shot]:
    """Returns the snapshots of the volumes at the end of the revision ``back_to``."""
    number = int(options["back_to"])
    later = _shots_of([revision for revision in revisions if revision.number > number])
    volumes = sorted({shot["volume"] for shot in later})
    where = {volume: _node_of(nodes, stack, volume, observed, revisions) for volume in volumes}
    found = _first_complete(nodes, [shot for shot in later if where[shot["volume"]] == shot["node"]])
    if not found:
        raise PlanError(
            f"There is no snapshot of volumes of the stack {stack} since revision {number}. {NOTHING}",
            "no_snapshot",
            "Roll back without restore_snapshot, or run the task on the manager that deployed.",
        )
    return found


def _node_of(nodes: Nodes, stack: str, volume: str, observed: Observed, revisions: Sequence[Revision]) -> str:
    """Returns the id of the node of a volume. Raises PlanError (``volume_elsewhere``) if it is unknown or several."""
    client = nodes.client
    users = [s for s in observed["services"] if stack_of(s) == stack and volume in mounted(s["Spec"])]
    tasks = client.list("/tasks", {"filters": {"service": [user["ID"] for user in users]}}) if users else []
    placed = sorted((task for task in tasks if task.get("NodeID")), key=lambda task: str(task.get("CreatedAt")))
    live = [task for task in placed if task.get("DesiredState") == "running"] or placed[-1:]
    found = sorted({str(task["NodeID"]) for task in live})
    if not found:
        # Swarm forgets the tasks of a stopped service, but the revisions of earlier runs have the node.
        newest = sorted(revisions, key=lambda one: -one.number)
        known = (shot["node"] for one in newest for shot in (*one.owed, *one.volumes) if shot["volume"] == volume)
        node = next(known, "")
        found = [node] if node else [nodes.here] if not users or local.find(client, volume) is not None else []
    if len(found) == 1:
        return found[0]
    names = [(nodes.place(node) or {"name": nodes.name})["name"] for node in found]
    where = f"on several nodes, {' and '.join(names)}" if names else f"not on {nodes.name}, and no task shows its node"
    raise PlanError(
        f"rollout.snapshot: the volume {volume} is {where}. {NOTHING}",
        "volume_elsewhere",
        "Take the snapshots there with volume_snapshot first."
        if names
        else "Start a service with it, or take the snapshot on its node with volume_snapshot first.",
    )
