# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots as steps of a deployment: which volumes of this node a plan copies or restores, and how a step is done."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import HEAL
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import LEFT
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.with_snapshots import (
    RESTORE,
    SNAPSHOT,
    changing,
    mounted,
    volumes_named,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.quiesce import LOOK, NONE, STOP
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.restore import restore
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.shelf import RESTORING, Shelf, load
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.snapshot import take

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Applying

Shot = Mapping[str, str]
NOTHING = "Nothing was changed."
LOST = "what was written since is lost"


def steps(
    client: EngineClient,
    stack: str,
    plan: Plan,
    observed: Observed,
    options: Options,
    revisions: Sequence[Revision],
) -> List[Operation]:
    """The operations on volumes that ``plan`` needs: restores that a dead run has not ended, the snapshots that the
    options ask for, and with ``back_to`` the restore of those that belong to that revision.

    Raises PlanError (``no_volume``, ``volume_elsewhere``, ``no_snapshot``, ``invalid_options``), StackwrightError
    (``volume_not_local``), EngineError.
    """
    if not plan.work(CHANGE):
        return []
    here = str((observed["info"].get("Swarm") or {}).get("NodeID") or "")
    open_ones = _unfinished(revisions, here)
    goes_back = options["restore_snapshot"] and options["back_to"] and options["operation"] != HEAL
    back = _of_revision(stack, revisions, here, options) if goes_back else {}
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
    _refuse_elsewhere(client, stack, chosen, observed, here)
    made = [_restored(volume, shot, "completes a restore that was interrupted") for volume, shot in open_ones.items()]
    for volume in chosen:
        if local.find(client, volume) is not None:
            how = options["snapshot_quiesce"] if volume not in back else STOP
            made.append(_snapshot(volume, how, here, options))
        if volume in back:
            made.append(_restored(volume, back[volume], f"as it was in revision {options['back_to']}; {LOST}"))
    return made


def _snapshot(volume: str, how: str, here: str, options: Options) -> Operation:
    reason = "while its services are stopped" if how == STOP else f"quiesce: {how}"
    payload = {
        "dest": options["snapshot_dest"],
        "node": here,
        "quiesce": how,
        "command": list(options["snapshot_command"]),
        "keep": options["snapshot_keep"],
        "timeout": options["timeout"],
    }
    return Operation(SNAPSHOT, "volume", volume, reason=reason, payload=payload)


def _restored(volume: str, shot: Shot, reason: str) -> Operation:
    said = f"from snapshot {shot['snapshot']} in {shot['dest']}; {reason}"
    return Operation(RESTORE, "volume", volume, reason=said, payload={**shot, "found": {}})


def named(stack: str, run: str, when: str, plan: Plan, died: Sequence[Revision]) -> Tuple[Plan, List[Shot]]:
    """``plan`` with the ids of its snapshots, and what the revision records of them.

    The snapshot of a run that ``died`` is of the time before its changes: it is used again, and recorded again.
    """
    earlier = _taken_by(died)
    operations: List[Operation] = []
    shots: List[Shot] = []
    for op in plan.operations:
        if op.action == SNAPSHOT:
            new = {"snapshot": f"{when}-{run[:6]}", "dest": str(op.payload["dest"])}
            old = earlier.get(op.name, new)
            op = replace(op, payload={**op.payload, "snapshot": old["snapshot"], "dest": old["dest"], "stack": stack})
            shots.append({"volume": op.name, "node": op.payload["node"], **{k: old[k] for k in new}})
        operations.append(op)
    known = {shot["volume"] for shot in shots}
    return replace(plan, operations=tuple(operations)), [*shots, *(s for v, s in earlier.items() if v not in known)]


def left_by(died: Sequence[Revision]) -> List[Operation]:
    """The snapshots that runs that ``died`` have taken, as operations that are done."""
    return [Operation(SNAPSHOT, "volume", volume, payload=shot) for volume, shot in _taken_by(died).items()]


def _taken_by(died: Sequence[Revision]) -> Dict[str, Shot]:
    found: Dict[str, Shot] = {}
    for revision in sorted(died, key=lambda revision: revision.number):
        for shot in filter(_is_whole, revision.volumes):
            found.setdefault(shot["volume"], shot)
    return found


def undoing(completed: Sequence[Operation]) -> List[Operation]:
    """What restores the volumes of the snapshots that were taken."""
    taken = {op.name: op.payload for op in completed if op.action == SNAPSHOT}
    return [_restored(name, {key: shot[key] for key in ("snapshot", "dest")}, LOST) for name, shot in taken.items()]


def snapshot_volume(applying: Applying, operation: Operation) -> None:
    """Carries out a snapshot. Raises as volume_snapshot."""
    payload = operation.payload
    how = str(payload["quiesce"])
    if how == STOP:
        _until_unused(applying, operation)
    take(
        applying.client,
        applying.clock,
        {
            "name": None,
            "volumes": [operation.name],
            "dest": str(payload["dest"]),
            "snapshot": str(payload["snapshot"]),
            "quiesce": NONE if how == STOP else how,
            "command": list(payload["command"]),
            "keep": int(payload["keep"]),
            "labels": {"stack": str(payload["stack"])},
            "wait_timeout": int(payload["timeout"]),
        },
        False,
        _scale,
    )


def restore_volume(applying: Applying, operation: Operation) -> None:
    """Carries out a restore; the id of the snapshot with what the volume had is left in the payload. Raises as
    volume_restore."""
    _until_unused(applying, operation)
    result = restore(
        applying.client,
        applying.clock,
        {
            "name": None,
            "volume": operation.name,
            "src": str(operation.payload["dest"]),
            "snapshot": str(operation.payload["snapshot"]),
            "quiesce": NONE,
            "wait_timeout": int(applying.patience),
        },
        False,
        _scale,
    )
    operation.payload["found"]["before"] = result["before"]


def _until_unused(applying: Applying, operation: Operation) -> None:
    """Waits for the containers of the services that the plan has stopped. Raises StackwrightError (``volume_in_use``)
    for others, and where these don't end."""
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
        applying.clock.sleep(LOOK)


def _scale(service: Service, replicas: int) -> None:
    """For the note of a volume_snapshot that died: this run has the lock of another stack."""
    raise StackwrightError(
        f"A run that died has stopped the service {name_of(service)} for its snapshots in the same folder.",
        "snapshot_busy",
        f"Run volume_snapshot again first: it scales it to {replicas}.",
    )


def _unfinished(revisions: Sequence[Revision], here: str) -> Dict[str, Shot]:
    found: Dict[str, Shot] = {}
    for revision in revisions:
        for shot in revision.volumes:
            note = load(Shelf(shot["dest"], shot["volume"]).path(RESTORING)) if shot["node"] == here else None
            if note:
                found.setdefault(shot["volume"], {"snapshot": str(note["snapshot"]), "dest": shot["dest"]})
    return found


def _of_revision(stack: str, revisions: Sequence[Revision], here: str, options: Options) -> Dict[str, Shot]:
    """The snapshots of the volumes as they were when the revision ``back_to`` was followed by another one."""
    found: Dict[str, Shot] = {}
    number = int(options["back_to"])
    for revision in sorted(revisions, key=lambda revision: revision.number):
        for shot in revision.volumes if revision.number > number else ():
            if shot["node"] == here and _is_whole(shot):
                found.setdefault(shot["volume"], shot)
    if not found:
        raise PlanError(
            f"This node has no snapshot of volumes of the stack {stack} since revision {number}. {NOTHING}",
            "no_snapshot",
            "Roll back without restore_snapshot, or run the task on the manager that deployed.",
        )
    return found


def _is_whole(shot: Shot) -> bool:
    return os.path.exists(Shelf(shot["dest"], shot["volume"]).path(shot["snapshot"], ".json"))


def _refuse_elsewhere(client: EngineClient, stack: str, volumes: Sequence[str], observed: Observed, here: str) -> None:
    """Raises PlanError (``volume_elsewhere``) for volumes that other nodes have too, or alone."""
    for volume in volumes:
        users = [s for s in observed["services"] if stack_of(s) == stack and volume in mounted(s["Spec"])]
        if not users:
            continue
        tasks = client.list("/tasks", {"filters": {"service": [user["ID"] for user in users]}})
        placed = sorted((task for task in tasks if task.get("NodeID")), key=lambda task: str(task.get("CreatedAt")))
        live = [task for task in placed if task.get("DesiredState") == "running"] or placed[-1:]
        others = {str(task["NodeID"]) for task in live} - {here}
        if not others and (live or local.find(client, volume) is not None):
            continue
        nodes = {str(node["ID"]): node for node in client.list("/nodes")} if others else {}
        described = [(nodes.get(other, {}).get("Description") or {}).get("Hostname") or other for other in others]
        where = f"on {', '.join(sorted(map(str, described)))}" if others else "not on this node"
        raise PlanError(
            f"rollout.snapshot: the volume {volume} is {where}, and {observed['info'].get('Name')} deploys the stack. "
            f"{NOTHING}",
            "volume_elsewhere",
            "Run the task on that node if it is a manager, or take the snapshot there with volume_snapshot first.",
        )
