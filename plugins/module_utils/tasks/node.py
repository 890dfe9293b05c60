# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes one node: labels, availability, role; drains it without a dip where its services allow that, and waits."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    PlanError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff, is_transient, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling.manager import LOCK
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname, is_down
from ansible_collections.stackwright.swarm.plugins.module_utils.health.quorum import is_manager, is_reachable
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import replicas_of
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import error_of, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.change import (
    DRAIN,
    PAUSE,
    Difference,
    Wanted,
    absence,
    changed_spec,
    check_role,
    differences,
    find_node,
    label_texts,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.moving import (
    ALIVE,
    FIRST,
    SWARM,
    Move,
    moves,
    tasks_on,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import detach, with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import NodeOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, NodeSpec, Service, Task

Result = Dict[str, Any]
SAFE = "safe"
LOOK = 0.2, 1.0  # seconds between two looks at a node: the first pause, the longest
TELL_EVERY = 10.0  # seconds
TRAIL = 8  # names in a line


class _Seen(NamedTuple):
    """One look: the nodes, and if the node is to be drained also the services and tasks of the Swarm."""

    info: Mapping[str, Any]
    nodes: List[Node]
    node: Node
    services: List[Service]
    tasks: List[Task]

    @property
    def name(self) -> str:
        return hostname(self.node)

    def moves(self) -> List[Move]:
        """What is on the node and has to leave it."""
        return moves(self.node, self.nodes, self.services, self.tasks)


def change_node(client: EngineClient, clock: Clock, name: str, given: Mapping[str, object]) -> Result:
    """Changes the node ``name`` (host name or id).

    ``given``: ``labels``, ``labels_mode``, ``availability``, ``role`` as Wanted has them; ``move`` (``safe`` or
    ``swarm``), ``unmovable`` (``fail`` or ``stop``), ``wait_ready`` and ``engine_version`` (the node is waited for
    first), ``wait``, ``timeout`` (seconds for the node to be ready, for the tasks to leave, and for the role to
    settle), ``asked`` (what the node's own Engine says: nodes.change.check_role), and those of a run: ``check``, ...

    Raises EngineError (``no_node``, ``ambiguous_node``), PlanError (``cannot_move``, ``node_down``),
    StackwrightError (``quorum``, ``join_address_gone``),
    DeployError (``not_back``, ``timeout``, and what moving a service raises).
    """
    options: NodeOptions = with_defaults(given)
    wanted = Wanted(
        label_texts(options.get("labels")), options["labels_mode"], options.get("availability"), options.get("role")
    )
    drains = wanted.availability == DRAIN
    # The Engine that answers may be that of the node which was restarted.
    limit = float(options["timeout"]) if options.get("wait_ready") else 0
    seen = patiently(clock, lambda: _look(client, name, drains), limit=limit)
    absent = options.get("wait_ready") and absence(seen.node, options.get("engine_version"))
    spec = changed_spec(seen.node, wanted)
    changes = differences(seen.node, spec)
    warnings = check_role(seen.nodes, seen.node, wanted.role, options.get("asked"))
    leaving = seen.moves() if drains and (seen.node.get("Spec") or {}).get("Availability") != DRAIN else []
    warnings += _check_moves(seen, leaving, options)
    undone = leaving or (drains and options["wait"] and tasks_on(id_of(seen.node), seen.tasks))
    result = _result(seen, changes, leaving, options)
    result["notices"] = warnings
    if options["check"] or options["defer"] or not (changes or undone or absent):
        return _ended(client, result, spec)
    detach(options)
    work = _Work(client, clock, seen, wanted, options)
    try:
        work.run(leaving)
    except StackwrightError as error:
        error.details.setdefault("changes", result["changes"])
        raise
    result["notices"] += work.notices
    return _ended(client, result, spec)


def _look(client: EngineClient, name: str, whole: bool) -> _Seen:
    info = manager_info(client)
    nodes = client.list("/nodes")
    node = find_node(nodes, name)
    services = client.list("/services") if whole else []
    return _Seen(info, nodes, node, services, client.list("/tasks") if whole else [])


def _check_moves(seen: _Seen, leaving: Sequence[Move], options: NodeOptions) -> List[str]:
    """Lines about what does not move, or not without a dip. Raises PlanError (``cannot_move``)."""
    stuck = [move for move in leaving if move.stays]
    lines = [f"service {move.service} can't move from {seen.name}: {move.stays}" for move in stuck]
    if stuck and options["unmovable"] != "stop":
        raise PlanError(
            "\n".join(
                [f"{len(stuck)} service{'' if len(stuck) == 1 else 's'} can't move from {seen.name}:"]
                + [f"  {move.service}: {move.stays}" for move in stuck]
            ),
            "cannot_move",
            "Nothing was changed. Give them another node (a constraint, a port, a volume that all nodes share), or set "
            "unmovable: stop to drain the node anyway.",
            {"moves": [move.as_dict() for move in leaving], "changed": False},
        )
    if options["move"] == SAFE:
        for move in leaving:
            if move.dip and not move.stays:
                these = (
                    "its task stops"
                    if move.dip == 1 == move.desired
                    else f"{move.dip} of its {move.desired} tasks stop"
                )
                lines.append(f"service {move.service}: {these} before the replacement runs (update order stop-first)")
    return lines


def _result(seen: _Seen, changes: Sequence[Difference], leaving: Sequence[Move], options: NodeOptions) -> Result:
    cluster = (seen.info.get("Swarm") or {}).get("Cluster") or {}
    texts = [str(change) for change in changes]
    safe = options["move"] == SAFE
    lines = [f"update node {seen.name}: {', '.join(texts)}"] if texts else []
    for move in leaving:
        way = move.way if safe and not move.left else SWARM
        tasks = f"{move.count} task{'' if move.count == 1 else 's'}"
        lines.append(f"move service {move.service}: {tasks} leave{'s' if move.count == 1 else ''} {seen.name} ({way})")
    return {
        "changed": bool(changes),
        "plan_lines": lines,
        "changes": [change._asdict() for change in changes],
        "moves": [move.as_dict() for move in leaving],
        "diff": _diff(seen.name, changes),
        "cluster_id": str(cluster.get("ID") or ""),
        "node": str(seen.info.get("Name") or ""),
        "name": seen.name,
        "id": id_of(seen.node),
        "state": str((seen.node.get("Status") or {}).get("State") or ""),
    }


def _diff(name: str, changes: Sequence[Difference]) -> Dict[str, str]:
    sides = []
    for part in ("before", "after"):
        found = [(change.what, getattr(change, part)) for change in changes]
        sides.append("".join(f"{what}: {text}\n" for what, text in found if text is not None))
    return {"before_header": f"node {name}", "after_header": f"node {name}", "before": sides[0], "after": sides[1]}


def _ended(client: EngineClient, result: Result, spec: NodeSpec) -> Result:
    labels = dict(spec.get("Labels") or {})
    told = {"role": str(spec.get("Role") or ""), "availability": str(spec.get("Availability") or ""), "labels": labels}
    return {**result, **told, "calls": client.calls}


class _Work:
    """The changes of one node, in their order."""

    def __init__(self, client: EngineClient, clock: Clock, seen: _Seen, wanted: Wanted, options: NodeOptions) -> None:
        self.client, self.clock, self.seen, self.wanted, self.options = client, clock, seen, wanted, options
        self.id, self.name = id_of(seen.node), seen.name
        self.tell: Callable[[str], None] = options["progress"] or (lambda line: None)
        self.notices: List[str] = []
        #: The services that leave, with what each is to have running elsewhere.
        self.goal: Dict[str, int] = {}

    def run(self, leaving: Sequence[Move]) -> None:
        """All of it. A demotion is last: until then the node may be the one that answers."""
        wanted, later = self.wanted, self.wanted.role if self.wanted.role == "worker" else None
        first = wanted._replace(role=None if later else wanted.role)
        drains = wanted.availability == DRAIN
        before = (self.seen.node.get("Spec") or {}).get("Availability")
        movable = [move for move in leaving if not move.stays]
        self.goal = {move.service: move.desired for move in movable if move.mode == "replicated"}
        if self.options.get("wait_ready"):
            self.wait_until_back(str(before or ""))
        if drains and self.options["move"] == SAFE and any(move.way != SWARM for move in movable):
            self.send(first._replace(availability=PAUSE))
            try:
                self.move()
            except BaseException:
                # A node that is not drained is not to stay without tasks either.
                with suppress(StackwrightError):
                    self.send(Wanted(availability=before))
                raise
        self.send(first._replace(role=None))
        if first.role is not None:
            self.take_role(first.role)
        if drains and self.options["wait"]:
            self.wait_until_drained()
        if later:
            self.take_role(later)

    def take_role(self, role: str) -> None:
        """Changes the role and waits for it, under the lock of the Swarm's membership: one change at a time."""
        if is_manager(self.client.get(f"/nodes/{self.id}")) == (role == "manager"):
            return
        options = self.options
        holder = options["this_run"](f"{self.name} becomes a {role}", "", self.clock.wall(), options["who"])
        lock = Lock(self.client, self.clock, LOCK, holder, is_gone=options["is_gone"])
        lock.acquire(float(options["lock_timeout"]), self.tell)
        try:
            nodes = self.client.list("/nodes")
            check_role(nodes, find_node(nodes, self.id), role, options.get("asked"))
            self.send(Wanted(role=role))
            if options["wait"]:
                self.wait_for_role(role, lock.keep)
        finally:
            lock.release()

    def send(self, wanted: Wanted) -> None:
        """Updates the node, unless it is so already. Raises EngineError."""
        backoff = Backoff(self.clock, also=("out_of_sequence",))
        while True:
            try:
                node = self.client.get(f"/nodes/{self.id}")
                spec = changed_spec(node, wanted)
                changes = differences(node, spec)
                if not changes:
                    return
                self.tell(f"update node {self.name}: {', '.join(map(str, changes))}")
                self.client.post(f"/nodes/{self.id}/update", {"version": node["Version"]["Index"]}, spec)
                return
            except EngineError as error:
                backoff.bear(error)

    def move(self) -> None:
        """Moves all that can move without a dip, or with a smaller one than a drain has; stack after stack."""
        from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import relocate

        own: NodeOptions = {**self.options, "wait": True, "check": False, "defer": False, "detach": None}
        own["commit_message"] = f"moved from node {self.name}"
        relocate.settle(self.client, self.clock, self.seen.services, own)
        ways = {move.service: move for move in self.seen.moves() if move.way != SWARM and not move.stays}
        live = [service for service in self.seen.services if name_of(service) in ways]
        # Those without a dip first: what they leave free helps the others.
        first = [service for service in live if ways[name_of(service)].way == FIRST]
        rest = [service for service in live if ways[name_of(service)].way != FIRST]
        for group in relocate.by_stack(first) + relocate.by_stack(rest):
            names = [name_of(service) for service in group]
            now = patiently(self.clock, lambda: self.client.list("/services"))
            tasks = patiently(self.clock, self.here)
            still = {str(task.get("ServiceID")) for task in tasks_on(self.id, tasks)}
            fresh = [service for service in now if name_of(service) in names and id_of(service) in still]
            if fresh:
                self.tell(f"move {', '.join(name_of(service) for service in fresh)} from {self.name}")
                relocate.move_away(self.client, self.clock, fresh, self.id, own)

    def here(self) -> List[Task]:
        """The tasks of the node."""
        return self.client.list("/tasks", {"filters": {"node": [self.id]}})

    def wait_until_back(self, availability: str) -> None:
        """Until the node is ready and runs the expected Engine. Raises DeployError (``not_back``)."""
        version = self.options.get("engine_version")
        kept = {DRAIN: "it stays drained", PAUSE: "it stays paused"}.get(availability, "it stays active")
        self.until(
            lambda: absence(self.client.get(f"/nodes/{self.id}"), version),
            float(self.options["timeout"]),
            f"{self.name} did not come back",
            "not_back",
            f"Nothing was changed: {kept}. Repair the node, then run again.",
        )

    def wait_until_drained(self) -> None:
        """Until no task is on the node and each service that left runs elsewhere. Raises DeployError (``timeout``)."""
        limit = float(self.options["timeout"])
        self.until(self.left, limit, f"{self.name} is not drained", "not_drained")

    def left(self) -> str:
        """What is still to end on the node, or to run elsewhere; empty text if it is drained."""
        node = self.client.get(f"/nodes/{self.id}")
        services = {id_of(service): service for service in self.client.list("/services")}
        tasks = self.client.list("/tasks")
        on = [task for task in tasks if task.get("NodeID") == self.id and state_of(task) in ALIVE]
        if is_down(node):
            # What is on a lost node can't end; the Swarm has replaced it.
            on = tasks_on(self.id, on)
        names = sorted(
            {name_of(services[str(task.get("ServiceID"))]) for task in on if task.get("ServiceID") in services}
        )
        parts = [f"{len(on)} task{'' if len(on) == 1 else 's'} of {_few(names)} still on it"] if names else []
        for identity, service in services.items():
            wanted = min(self.goal.get(name_of(service), 0), replicas_of(service["Spec"]))
            if not wanted:
                continue
            own = [task for task in tasks if task.get("ServiceID") == identity and task.get("NodeID") != self.id]
            running = sum(1 for t in own if state_of(t) == "running" and t.get("DesiredState") == "running")
            if running < wanted:
                why = next((error_of(t) for t in own if t.get("DesiredState") == "running" and error_of(t)), "")
                parts.append(f"service {name_of(service)} runs {running} of {wanted}{f' ({why})' if why else ''}")
        return "; ".join(parts)

    def wait_for_role(self, role: str, keep: Callable[[], None]) -> None:
        """Until the node has taken its role. Raises DeployError (``timeout``)."""
        limit = float(self.options["timeout"])

        def missing() -> str:
            what = self.unsettled(role)
            if what:
                keep()
            return what

        self.until(missing, limit, f"{self.name} did not become a {role}", "timeout")

    def unsettled(self, role: str) -> str:
        """What a node lacks of its role; empty text if it has settled."""
        try:
            node = self.client.get(f"/nodes/{self.id}")
        except EngineError as error:
            own = str((self.seen.info.get("Swarm") or {}).get("NodeID") or "") == self.id
            if role == "worker" and own and error.error_code in ("not_a_manager", "not_in_swarm"):
                return ""  # it is the very node that answered until now
            raise
        if role == "manager":
            return "" if is_reachable(node) else "the other managers do not reach it yet"
        if node.get("ManagerStatus") or is_manager(node):
            return "it is still in the managers' list"
        # A demoted leader stops its manager before its agent finds another one: for a moment it is down.
        state = str((node.get("Status") or {}).get("State") or "")
        return "" if state == "ready" or is_down(self.seen.node) else f"it is {state} until it has reported as a worker"

    def until(
        self,
        missing: Callable[[], str],
        limit: float,
        failed: str,
        code: str,
        hint: str = "Run again to keep waiting, or raise wait_timeout.",
    ) -> None:
        """Looks again and again until nothing is ``missing``."""
        started = told = self.clock.now()
        pause, said, backoff = LOOK[0], "", Backoff(self.clock)
        while True:
            try:
                what = missing()
                backoff.calm()
            except EngineError as error:
                if not is_transient(error):
                    raise
                backoff.bear(error)
                continue
            if not what:
                return
            now = self.clock.now()
            if now - started >= limit:
                raise DeployError(f"{failed} after {limit:g} s: {what}.", code, hint)
            if what != said and now - told >= TELL_EVERY or not said:
                self.tell(f"waiting for {self.name}: {what}")
                said, told = what, now
            self.clock.sleep(pause)
            pause = min(pause * 1.5, LOOK[1])


def _few(names: Sequence[str]) -> str:
    more = len(names) - TRAIL
    return ", ".join(names[:TRAIL]) + (f" and {more} more" if more > 0 else "")
