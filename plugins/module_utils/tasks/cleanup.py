# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster-wide part of a cleanup, under the stack's lock; the next run completes an interrupted one."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import Run, so_far
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import check_manager
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait_gone import wait_until_gone
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import FAILED, REMOVED
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import holder_of, number
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lease import wanted_by, wanted_now
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import LEASE, TTL
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import node_count
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History, refuse_history
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.needs import needs_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    PART,
    RECORD,
    STACK,
    id_of,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import lock_name, values_name
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import labels_in, refuse_others
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node_cleanup import clean_node, containers_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions import cleanup as planning

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import CleanupOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Lists, Observed

Result = Dict[str, Any]
Entry = planning.Entry
IN_USE = 20.0  # seconds for objects that are still in use: ended tasks free their networks with a delay
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
LONGEST_LEASE = 600.0  # seconds: longer than any lease
LISTS: Tuple[Lists, ...] = ("services", "networks", "configs", "secrets")
OBJECTS = ("service", "network", "config", "secret")
_TASK = re.compile(r"in use by task ([a-z0-9]+)")


class Look:
    """One snapshot of the objects to clean up. Creating it raises EngineError."""

    def __init__(self, client: EngineClient, stack: str, options: CleanupOptions) -> None:
        self.stack, self.options = stack, options
        self.observed: Observed = observe(client, stack)
        refuse_others(options["identity"], stack, labels_in(self.observed, stack))
        self.observed["all_services"] = client.list("/services")
        self.tasks = tasks_of(client, stack)
        self.nodes = {str(node["ID"]): node for node in client.list("/nodes")}
        kept = client.list("/configs", {"filters": {"label": [f"{STACK}={stack}"]}})
        kept = [config for config in kept if labels_of(config).get(STACK) == stack]
        self.records = [c for c in kept if RECORD in labels_of(c) or PART in labels_of(c)]
        self.values = [config for config in kept if name_of(config).startswith(values_name(stack))]
        refuse_others(options["identity"], stack, map(labels_of, self.values))
        if self.records:
            refuse_history(options["identity"], stack, History(client, None, stack).read())
        self.residue: List[Entry] = []
        self.operations: List[Operation] = []
        self.needed_volumes: Set[str] = set()
        named: Mapping[str, object] = options
        kinds = {kind for kind in OBJECTS if named[f"{kind}s"]}
        if options["dangling"]:
            needed = needs_of(client, stack)
            self.operations = planning.dangling(stack, self.observed, kinds, needed)
            self.needed_volumes = needed["volume"] | set(planning.volume_users(self.observed["all_services"]))
        else:
            self.operations, self.residue = planning.removal(stack, self.observed, kinds, node_count(self.observed))

    @property
    def exists(self) -> bool:
        """Whether the Swarm has any object of the stack."""
        return bool(self.records or self.values or self.tasks) or any(
            stack_of(obj) == self.stack for kind in LISTS for obj in self.observed[kind]
        )

    @property
    def services(self) -> Set[str]:
        """The ids of the services to remove, including removed ones that still have tasks."""
        if self.options["dangling"] or not self.options["services"]:
            return set()
        own = {id_of(service) for service in self.observed["services"] if stack_of(service) == self.stack}
        return own | {str(task["ServiceID"]) for task in self.tasks if task.get("ServiceID")}

    def whole(self, option: str) -> bool:
        """Whether to remove all of ``option`` (history, values, services); never with ``dangling``."""
        named: Mapping[str, object] = self.options
        return bool(named[option]) and not self.options["dangling"]

    @property
    def bookkeeping(self) -> List[Any]:
        """The configs of history and kept values to remove; the record of a revision comes after its parts."""
        records = sorted(self.records, key=lambda c: (RECORD in labels_of(c), name_of(c)))
        return (records if self.whole("history") else []) + (self.values if self.whole("values") else [])

    @property
    def removed(self) -> List[Entry]:
        """All objects to remove."""
        found = [planning.entry(operation.kind, operation.name) for operation in self.operations]
        lock = self.observed["lock"]
        if lock is not None and self.options["break_lock"]:
            found.insert(0, planning.entry("lock", name_of(lock)))
        for config in self.bookkeeping:
            if PART not in labels_of(config):
                found.append(planning.entry("revision" if RECORD in labels_of(config) else "values", name_of(config)))
        return found

    @property
    def down(self) -> List[Entry]:
        """The volumes on nodes that are down or have left, according to the tasks."""
        found = []
        for node, names in self._volumes_at().items():
            if node not in self.ready:
                label = self.label(node)
                why = f"the node {label} {'is down' if node in self.nodes else 'has left the Swarm'}"
                found += [planning.entry("volume", name, label, why) for name in names]
        return found

    @property
    def ready(self) -> Set[str]:
        """The ids of the nodes that are up."""
        return {node for node, obj in self.nodes.items() if (obj.get("Status") or {}).get("State") == "ready"}

    def label(self, node: str) -> str:
        """Returns the name of a node."""
        return str((self.nodes.get(node, {}).get("Description") or {}).get("Hostname") or node)

    def facts(self, now: Mapping[str, object], gone: Set[str]) -> Dict[str, Any]:
        """Returns the facts for the nodes' parts. ``now``: what services use; ``gone``: the ids of removed services."""
        services = self.observed["all_services"]
        return {
            **now,
            "gone": sorted(gone),
            "images": planning.images_of(self.stack, services, self.tasks) if self.options["images"] else [],
            "needed": sorted(self.needed_volumes),
            "volumes_at": {n: [self.label(n), names] for n, names in self._volumes_at().items() if n in self.ready},
        }

    def _volumes_at(self) -> Dict[str, List[str]]:
        """Returns the volumes to remove by node id, according to the tasks."""
        if self.options["dangling"]:
            return {}
        chosen = None if self.options["volumes"] else self.options["volume_names"]
        return planning.volumes_at(self.stack, self.tasks, self.observed["all_services"], self.label, chosen)


def look_at_node(client: EngineClient, clock: Clock, stack: str) -> Result:
    """Returns facts about this node: node_id, node, clock (its ``now`` and ``wall``), services (ids of the stack's
    services with containers on it); on a manager of a Swarm with a leader also cluster_id and nodes (ids)."""
    info: Any = client.get("/info") or {}
    swarm = info.get("Swarm") or {}
    found: Result = {"changed": False, "node_id": str(swarm.get("NodeID") or ""), "node": str(info.get("Name") or "")}
    found["services"] = sorted({service for service, _container in containers_of(client, clock, stack)})
    if swarm.get("ControlAvailable"):
        check_manager(info, client.where)
        found["cluster_id"] = str((swarm.get("Cluster") or {}).get("ID") or "")
        found["nodes"] = sorted(str(node["ID"]) for node in client.list("/nodes"))
    found["clock"] = [clock.now(), clock.wall()]
    return found


def clean_cluster(client: EngineClient, clock: Clock, stack: str, options: CleanupOptions) -> Result:
    """Removes the stack's objects from the cluster as ``options`` (those of the module) request, and this node's part.

    ``options["seen"]`` are the services whose containers the node had before. With ``options["others"]``, other nodes
    follow, which need the lock: they renew it with ``run`` of the result (lease.py).

    The result: changed, removed, residue, notices, warn, facts, own (this node's part), run, cluster_id, node, calls.
    Raises EngineError if nothing was changed, else DeployError with ``details["outcome"]``.
    """
    seen = Look(client, stack, options)
    lock = seen.observed["lock"]
    on_nodes = planning.touches_nodes(options)
    if options["check"] or (not seen.removed and lock is None and not _unfinished(seen) and not on_nodes):
        going = seen.services if options["check"] else set()
        staying = [service for service in seen.observed["all_services"] if id_of(service) not in going]
        result = _result(client, seen, seen.removed, seen.residue + seen.down, wanted_by(staying), going)
        return {**result, "own": _own_part(client, clock, stack, options, result["facts"], lambda: "")}
    given, broken = options, holder_of(lock) if lock is not None and options["break_lock"] else {}
    if broken.get("run"):
        # This run takes the lock over without removing it, so that no other run gets it first.
        given = {**options, "is_gone": lambda holder: holder.get("run") == broken["run"] or options["is_gone"](holder)}
    elif lock is not None and options["break_lock"]:
        client.delete(f"/configs/{id_of(lock)}")
    with Run(client, clock, stack, "remove", given) as run:
        if broken.get(LEASE):
            _wait_for_lease(run, broken)
        before, seen = seen, Look(client, stack, options)
        # The tasks before the wait for the lock show more images and volumes.
        seen.tasks = list({task["ID"]: task for task in (*before.tasks, *seen.tasks)}.values())
        cleaning = _Cleaning(run, seen)
        cleaning.run()
        removed = cleaning.removed
        if lock is not None and options["break_lock"]:
            removed.insert(0, planning.entry("lock", lock_name(stack)))
        now = wanted_now(client, clock)
        gone = (before.services | seen.services) - set(now["services"])
        result = _result(client, seen, removed, cleaning.residue + seen.down, now, gone)
        result["own"] = _own_part(client, clock, stack, options, result["facts"], partial(_kept, run))
        if options["others"] and on_nodes:
            result["run"] = run.hand_on()
    result["calls"] = client.calls
    return run.with_interrupted(result)


def _own_part(
    client: EngineClient,
    clock: Clock,
    stack: str,
    options: CleanupOptions,
    facts: Mapping[str, object],
    may: Callable[[], str],
) -> Result:
    """Cleans this node up; returns an error as data, since the cluster-wide part is already done."""
    try:
        return clean_node(client, clock, stack, {**options, "detach": None}, facts, may)
    except StackwrightError as error:
        return {**error.details, "failed": True, "msg": str(error), "error_code": error.error_code}


def _kept(run: Run) -> str:
    """Renews the lock; returns why it is no longer held, or empty text."""
    try:
        run.keep()
    except (DeployError, EngineError) as error:
        return error.message
    return ""


def _wait_for_lease(run: Run, broken: Mapping[str, object]) -> None:
    """Waits until the lease of a broken lock has expired: only then do its nodes stop."""
    until = run.clock.now() + min(max(number(broken.get("ttl"), TTL), 0.0), LONGEST_LEASE)
    run.progress("waiting for the nodes that still work under the broken lock")
    while run.clock.now() < until:
        run.clock.sleep(LONGEST_PAUSE)
        run.keep()


def _unfinished(seen: Look) -> bool:
    return bool(seen.options["services"] and seen.tasks and not seen.options["dangling"])


class _Cleaning:
    """Carries out the plan of a ``Look``. ``removed`` and ``residue`` have the results."""

    def __init__(self, run: Run, seen: Look) -> None:
        self.run_, self.seen = run, seen
        self.applying = Apply(run.client, run.clock, seen.observed, progress=run.progress, keep=run.keep)
        self.removed: List[Entry] = []
        self.residue: List[Entry] = list(seen.residue)

    def run(self) -> None:
        """Removes everything in order. Raises DeployError."""
        run, options = self.run_, self.seen.options
        services = [operation for operation in self.seen.operations if operation.kind == "service"]
        rest = [operation for operation in self.seen.operations if operation.kind != "service"]
        recorded = bool(services) and not self.seen.whole("history")
        try:
            if recorded:
                run.begin()
            for operation in services:
                self._remove(operation)
            if self.seen.whole("services"):
                wait_until_gone(run.client, run.clock, run.stack, options["timeout"], run.keep, tell=run.progress)
            deadline = run.clock.now() + IN_USE
            for operation in rest:
                self.applying.patience = max(deadline - run.clock.now(), 0.0)
                self._remove(operation)
            self._wait_until_unlisted(deadline)
            if recorded:
                run.end(REMOVED)
            self._bookkeeping()
            if self.seen.whole("services"):
                run.history.revisions = []  # so that no open revision keeps the lock's config
        except StackwrightError as error:
            if error.error_code == "lock_lost":
                raise
            raise self._aborted(error, recorded) from error

    def _remove(self, operation: Operation) -> None:
        try:
            self.applying.run([operation])
        except DeployError as error:
            if "in use" not in error.message.lower() and "active endpoints" not in error.message.lower():
                raise
            self.residue.append(planning.entry(operation.kind, operation.name, reason=self._why(error.message)))
            return
        self.removed.append(planning.entry(operation.kind, operation.name))

    def _why(self, message: str) -> str:
        """Returns the user of an object. The Engine names at most a task; it may be that of a container that was
        attached by hand."""
        found = _TASK.search(message)
        if found:
            try:
                task = self.run_.client.get(f"/tasks/{found.group(1)}")
            except EngineError:
                task = {}
            attached = ((task.get("Spec") or {}).get("NetworkAttachmentSpec") or {}).get("ContainerID")
            node = self.seen.label(str(task.get("NodeID") or ""))
            if attached:
                return f"in use by container {attached[:12]} on the node {node}"
            return f"in use by task {found.group(1)}" + (f" on the node {node}" if node else "")
        return message.rpartition(" failed: ")[2]

    def _wait_until_unlisted(self, deadline: float) -> None:
        """Waits until the Engine no longer lists the removed objects."""
        run, pause = self.run_, FIRST_PAUSE
        ids = {op.payload["id"]: op for op in self.applying.completed}
        while ids:
            run.keep()
            observed = patiently(run.clock, lambda: observe(run.client, run.stack), run.keep)
            listed = {id_of(obj) for kind in LISTS for obj in observed[kind]}
            ids = {identity: op for identity, op in ids.items() if identity in listed}
            if not ids or run.clock.now() >= deadline:
                break
            run.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
        for operation in ids.values():
            self.removed.remove(planning.entry(operation.kind, operation.name))
            self.residue.append(planning.entry(operation.kind, operation.name, reason="the Engine still lists it"))

    def _bookkeeping(self) -> None:
        run = self.run_
        fresh = Look(run.client, run.stack, self.seen.options)  # waiting runs may have added records
        configs = fresh.bookkeeping
        if configs:
            run.progress(f"remove the history and kept values (configs: {len(configs)})")
        for config in configs:
            run.keep()
            patiently(run.clock, partial(run.client.delete, f"/configs/{id_of(config)}"), run.keep)
            if PART not in labels_of(config):
                kind = "revision" if RECORD in labels_of(config) else "values"
                self.removed.append(planning.entry(kind, name_of(config)))
        if self.seen.whole("history"):
            run.revision = None

    def _aborted(self, error: StackwrightError, recorded: bool) -> DeployError:
        if recorded:
            self.run_.end_if_possible(FAILED, error.message, restored="none")
        removed = {(op.kind, op.name) for op in self.applying.completed}
        outcome = {
            "done": list(self.applying.done),
            "failed": (error.details.get("outcome") or {}).get("failed") or "wait until the tasks have ended",
            "not_done": [str(op) for op in self.seen.operations if (op.kind, op.name) not in removed],
        }
        hint = f"{error.hint} {so_far(self.applying.done)}".strip()
        return DeployError(error.message, error.error_code, hint, {**error.details, "outcome": outcome})


def _result(
    client: EngineClient,
    seen: Look,
    removed: List[Entry],
    residue: List[Entry],
    now: Mapping[str, object],
    gone: Set[str],
) -> Result:
    info = seen.observed["info"]
    notices = [] if seen.exists else [f"This Swarm has no resources of a stack {seen.stack}."]
    similar = [] if seen.exists else planning.similar(seen.stack, seen.observed)
    warnings = [f"This Swarm has no stack {seen.stack}, but {name}: names are case-sensitive." for name in similar]
    return {
        "changed": bool(removed),
        "stack": seen.stack,
        "removed": removed,
        "residue": residue,
        "notices": notices,
        "warn": warnings,
        "facts": seen.facts(now, gone),
        "run": "",
        "cluster_id": str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or ""),
        "node": str(info.get("Name") or ""),
        "calls": client.calls,
    }
