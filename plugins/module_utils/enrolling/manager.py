# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes the membership of other nodes from a manager, under the Swarm's lock, and waits for the effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Collection, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling.look import busy_nodes
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lease import end_lease
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import (
    LEAVING,
    MANAGER,
    WORKER,
    Node,
    node_from,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.settings import with_settings
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import (
    DEMOTE,
    DRAIN,
    JOIN,
    LEAVE,
    PROMOTE,
    READMIT,
    REMOVE,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node as EngineNode
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import NodeSpec

#: The name of the lock. No stack has it, because a stack's name has no dot.
LOCK = "stackwright.cluster"
ROTATIONS = {
    "worker_token": "rotateWorkerToken",
    "manager_token": "rotateManagerToken",
    "unlock_key": "rotateManagerUnlockKey",
}
#: Seconds: how long the lock lasts without a renewal; how long to wait for an effect; between two reads.
#: An agent tries the managers that it knows one by one, with pauses of 8 s, even those that have left.
TTL, SETTLE, PAUSE = 45.0, 180.0, 0.3


def hold(client: EngineClient, clock: Clock, holder: Mapping[str, object], is_gone: Any, timeout: float) -> str:
    """Takes the Swarm's lock and leaves it as a lease; returns its run. Raises StackwrightError (``locked``)."""
    lock = Lock(client, clock, LOCK, holder, TTL, is_gone)
    try:
        lock.acquire(timeout)
    except DeployError as error:
        message = error.message.replace(f"The stack {LOCK} is", "The membership of this Swarm is")
        raise StackwrightError(message, error.error_code, error.hint, error.details) from error
    return lock.hand_on()


def let_go(client: EngineClient, clock: Clock, run: str) -> None:
    """Releases the lock."""
    end_lease(client, clock, LOCK, run)


class Manager:
    """Makes changes through one manager, under the lock of ``run``. ``wait`` is in seconds, for drains and new CAs."""

    def __init__(self, client: EngineClient, clock: Clock, run: str, wait: float) -> None:
        self.client, self.clock, self.wait = client, clock, wait
        self._lock = Lock(client, clock, LOCK, {"run": run}, TTL)
        try:
            patiently(clock, self._lock.take_up)
            self._lock.renew()
        except DeployError as error:
            message = error.message.replace(f"The lock of the stack {LOCK}", "The lock of the Swarm's membership")
            hint = "This run changed nothing more. Run again: it continues from the current state."
            raise StackwrightError(message, error.error_code, hint) from error

    def change(self, kind: str, node: str, host: str) -> None:
        """Carries out one step for a node and waits for its effect. Raises EngineError, StackwrightError."""
        # A demotion ends sessions of nodes. The wait is for the nodes that were up before.
        up = [raw["ID"] for raw in patiently(self.clock, self._nodes) if _may_return(raw)] if kind == DEMOTE else []
        if kind == REMOVE:
            self._remove(node)
        elif kind in (PROMOTE, DEMOTE):
            role = MANAGER if kind == PROMOTE else WORKER
            self._update(node, lambda spec: spec.update({"Role": role}))
        elif kind == DRAIN:
            self._update(node, lambda spec: _drained(spec, host))
        elif kind == READMIT:
            self._update(node, _readmitted)
        self.await_effect(kind, node, up)

    def settings(self, wanted: Mapping[str, object]) -> None:
        """Updates the Swarm's specification; repeats this if another client was faster."""
        self._again(lambda: self._with_settings(wanted))

    def rotate(self, what: str) -> None:
        """Replaces the ``worker_token``, ``manager_token``, ``unlock_key`` or ``ca``, and waits for a new CA.

        Raises EngineError, and StackwrightError (``unfinished``).
        """

        def once() -> None:
            found = self.client.get("/swarm")
            spec = dict(found.get("Spec") or {})
            query: Dict[str, Any] = {"version": (found.get("Version") or {}).get("Index")}
            if what == "ca":
                old = spec.get("CAConfig") or {}
                spec["CAConfig"] = {**old, "ForceRotate": int(old.get("ForceRotate") or 0) + 1}
            else:
                query[ROTATIONS[what]] = True
            self.client.post("/swarm/update", query, spec)

        self._again(once)
        deadline = self.clock.now() + self.wait
        while what == "ca":
            cluster = (patiently(self.clock, lambda: self.client.get("/info")).get("Swarm") or {}).get("Cluster") or {}
            if not cluster.get("RootRotationInProgress"):
                return
            if self.clock.now() >= deadline:
                raise StackwrightError(
                    f"Not all nodes have a certificate of the new CA after {self.wait:.0f} s.",
                    "unfinished",
                    "The Swarm continues by itself, but can't finish while nodes are down: bring them back, or "
                    "remove them.",
                )
            self._lock.keep()
            self.clock.sleep(PAUSE)

    def await_effect(self, kind: str, node: str, up: Collection[str] = ()) -> None:
        """Waits until a step has had its effect. Raises StackwrightError (``unfinished``).

        :param up: the ids of the nodes that must be ready after a demotion.
        """
        deadline = self.clock.now() + (self.wait if kind == DRAIN else SETTLE)
        while True:
            nodes = patiently(self.clock, self._nodes, self._lock.keep)
            busy = busy_nodes(self.client, [raw for raw in nodes if raw["ID"] == node]) if kind == DRAIN else {}
            left = unfinished(kind, node, [node_from(raw, 0.0, busy) for raw in nodes], up)
            if not left:
                return
            if self.clock.now() >= deadline:
                seconds = self.wait if kind == DRAIN else SETTLE
                raise StackwrightError(
                    f"{left} after {seconds:.0f} s.", "unfinished", "Run again: it continues from the current state."
                )
            self._lock.keep()
            self.clock.sleep(PAUSE)

    def _nodes(self) -> List[EngineNode]:
        return self.client.list("/nodes")

    def _update(self, node: str, change: Callable[[NodeSpec], None]) -> None:
        def once() -> None:
            found = self.client.get(f"/nodes/{node}")
            spec: Any = dict(found.get("Spec") or {})
            change(spec)
            if spec != found.get("Spec"):
                version = (found.get("Version") or {}).get("Index")
                self.client.post(f"/nodes/{node}/update", {"version": version}, spec)

        self._again(once)

    def _with_settings(self, wanted: Mapping[str, object]) -> None:
        found = self.client.get("/swarm")
        spec = with_settings(found.get("Spec") or {}, wanted)
        if spec != found.get("Spec"):
            self.client.post("/swarm/update", {"version": (found.get("Version") or {}).get("Index")}, spec)

    def _remove(self, node: str) -> None:
        self._again(lambda: self.client.delete(f"/nodes/{node}"), ("not down", "is a cluster manager"))

    def _again(self, once: Callable[[], object], temporary: Sequence[str] = ()) -> None:
        """Calls ``once``; repeats it if another client was faster, there is no leader, or an error is ``temporary``.

        ``temporary`` are parts of messages in lower case.
        """
        backoff = Backoff(self.clock, self._lock.keep, also=("out_of_sequence", "not_yet"))
        while True:
            try:
                once()
                return
            except EngineError as error:
                if any(part in error.message.lower() for part in temporary):
                    error = EngineError(error.message, "not_yet", error.hint, error.status)
                backoff.bear(error)


def _drained(spec: NodeSpec, host: str) -> None:
    spec["Availability"] = "drain"
    spec["Labels"] = {**(spec.get("Labels") or {}), LEAVING: host}


def _readmitted(spec: NodeSpec) -> None:
    spec["Availability"] = "active"
    spec["Labels"] = {name: text for name, text in (spec.get("Labels") or {}).items() if name != LEAVING}


def _may_return(node: EngineNode) -> bool:
    return (node.get("Status") or {}).get("State") in ("ready", "unknown")


def unfinished(kind: str, node: str, nodes: Sequence[Node], up: Collection[str] = ()) -> str:
    """Returns what a step still waits for; empty if it has had its effect.

    :param up: the ids of the nodes that must be ready after a demotion.
    """
    found: Optional[Node] = next((item for item in nodes if item.id == node), None)
    led = any(item.leader and item.reachable for item in nodes)
    if kind == REMOVE:
        return f"{found.name} is still a node" if found else ""
    if found is None:
        return f"The node {node} is not known to the managers" if kind == JOIN else ""
    if kind == DEMOTE:
        if found.listed or not led:
            return f"{found.name} is still a manager" if found.listed else "The Swarm has no leader"
        # A new leader does not know the state of a node until it reports. A demoted leader stops its manager before its
        # agent finds another one, so for a moment it is down.
        silent = next((item for item in nodes if item.id in up and item.state != "ready"), None)
        return f"{silent.name} has not reported to the new leader (it is {silent.state})" if silent else ""
    if kind in (PROMOTE, JOIN) and found.is_manager and not found.reachable:
        return f"{found.name} is not reachable as a manager"
    if kind == JOIN and found.state != "ready":
        return f"{found.name} is {found.state}, not ready"
    if kind == DRAIN and found.busy:
        return f"{found.busy} task{'s' if found.busy > 1 else ''} still on {found.name}"
    if kind == LEAVE and not found.is_down:
        return f"{found.name} is {found.state}, not down"
    return ""


def secrets_of(client: EngineClient, wanted: Sequence[str]) -> Dict[str, str]:
    """Returns ``worker`` and ``manager`` if ``tokens`` is wanted, and ``unlock_key`` if that is."""
    found: Dict[str, str] = {}
    if "tokens" in wanted:
        tokens = client.get("/swarm").get("JoinTokens") or {}
        found.update(worker=str(tokens.get("Worker") or ""), manager=str(tokens.get("Manager") or ""))
    if "unlock_key" in wanted:
        found["unlock_key"] = str((client.get("/swarm/unlockkey") or {}).get("UnlockKey") or "")
    return found
