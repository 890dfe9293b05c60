# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes one node: labels, availability, role; drains it without a dip if its services allow that, and waits."""

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
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff, patiently
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
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 1.0  # seconds between two checks of a node
TELL_EVERY = 10.0  # seconds
MOST_NAMES = 8  # in a line


class _Seen(NamedTuple):
    """One snapshot: the nodes, and for a drain also the services and tasks of the Swarm."""

    info: Mapping[str, Any]
    nodes: List[Node]
    node: Node
    services: List[Service]
    tasks: List[Task]

    @property
    def name(self) -> str:
        return hostname(self.node)

    def moves(self) -> List[Move]:
        """Returns the tasks that must leave the node, as moves of services."""
        return moves(self.node, self.nodes, self.services, self.tasks)


def change_node(client: EngineClient, clock: Clock, name: str, given: Mapping[str, object]) -> Result:
    """Changes the node ``name`` (host name or id).

    ``given``: ``labels``, ``labels_mode``, ``availability``, ``role`` as in Wanted; ``move`` (``safe`` or ``swarm``),
    ``unmovable`` (``fail`` or ``stop``), ``wait_ready`` and ``engine_version`` (wait for the node first), ``wait``,
    ``timeout`` (seconds for the node to be ready, for the tasks to leave, and for the role to change), ``asked`` (the
    answer of the node's own Engine: nodes.change.check_role), and those of a run: ``check``, ...

    Raises EngineError (``no_node``, ``ambiguous_node``), PlanError (``cannot_move``, ``node_down``),
    StackwrightError (``quorum``, ``join_address_gone``),
    DeployError (``not_back``, ``timeout``, ``not_drained``, and as relocate.move_away).
    """
    options: NodeOptions = with_defaults(given)
    wanted = Wanted(
        label_texts(options.get("labels")), options["labels_mode"], options.get("availability"), options.get("role")
    )
    drains = wanted.availability == DRAIN
    # The Engine that answers may be that of the restarted node.
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
    """Returns warnings about services that can't move, or only with a dip. Raises PlanError (``cannot_move``)."""
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
                stops = (
                    "its task stops"
                    if move.dip == 1 == move.desired
                    else f"{move.dip} of its {move.desired} tasks stop"
                )
                lines.append(f"service {move.service}: {stops} before the replacement runs (update order stop-first)")
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
    now = {"role": str(spec.get("Role") or ""), "availability": str(spec.get("Availability") or ""), "labels": labels}
    return {**result, **now, "calls": client.calls}


class _Work:
    """The changes of one node, in their order."""

    def __init__(self, client: EngineClient, clock: Clock, seen: _Seen, wanted: Wanted, options: NodeOptions) -> None:
        self.client, self.clock, self.seen, self.wanted, self.options = client, clock, seen, wanted, options
        self.id, self.name = id_of(seen.node), seen.name
        self.tell: Callable[[str], None] = options["progress"] or (lambda line: None)
        self.notices: List[str] = []
        #: The services that leave, each with the number of tasks that must run on other nodes.
        self.goal: Dict[str, int] = {}

    def run(self, leaving: Sequence[Move]) -> None:
        """Carries out all changes. A demotion is last: until then, the answers may come from this node's Engine."""
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
                # If the drain fails, the node must accept tasks again.
                with suppress(StackwrightError):
                    self.send(Wanted(availability=before))
                raise
        self.send(first._replace(role=None))
        if first.role is not None:
            self.change_role(first.role)
        if drains and self.options["wait"]:
            self.wait_until_drained()
        if later:
            self.change_role(later)

    def change_role(self, role: str) -> None:
        """Changes the role under the lock of the Swarm's membership, and waits for it: one change at a time."""
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
        """Updates the node if it differs. Raises EngineError."""
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
        """Moves the services that can move without a dip, or with a smaller one than in a drain, stack after stack."""
        from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import relocate

        own: NodeOptions = {**self.options, "wait": True, "check": False, "defer": False, "detach": None}
        own["commit_message"] = f"moved from node {self.name}"
        relocate.settle(self.client, self.clock, self.seen.services, own)
        ways = {move.service: move for move in self.seen.moves() if move.way != SWARM and not move.stays}
        live = [service for service in self.seen.services if name_of(service) in ways]
        # Those without a dip first: they free resources for the others.
        first = [service for service in live if ways[name_of(service)].way == FIRST]
        rest = [service for service in live if ways[name_of(service)].way != FIRST]
        for group in relocate.by_stack(first) + relocate.by_stack(rest):
            names = [name_of(service) for service in group]
            now = patiently(self.clock, lambda: self.client.list("/services"))
            tasks = patiently(self.clock, self.own_tasks)
            still = {str(task.get("ServiceID")) for task in tasks_on(self.id, tasks)}
            fresh = [service for service in now if name_of(service) in names and id_of(service) in still]
            if fresh:
                self.tell(f"move {', '.join(name_of(service) for service in fresh)} from {self.name}")
                relocate.move_away(self.client, self.clock, fresh, self.id, own)

    def own_tasks(self) -> List[Task]:
        """Returns the tasks of the node."""
        return self.client.list("/tasks", {"filters": {"node": [self.id]}})

    def wait_until_back(self, availability: str) -> None:
        """Waits until the node is ready and runs the expected Engine. Raises DeployError (``not_back``)."""
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
        """Waits until the node has no task and its services run on others. Raises DeployError (``not_drained``)."""
        limit = float(self.options["timeout"])
        self.until(self.undrained, limit, f"{self.name} is not drained", "not_drained")

    def undrained(self) -> str:
        """Returns which tasks must still end on the node or start on others; empty text if it is drained."""
        node = self.client.get(f"/nodes/{self.id}")
        services = {id_of(service): service for service in self.client.list("/services")}
        tasks = self.client.list("/tasks")
        on = [task for task in tasks if task.get("NodeID") == self.id and state_of(task) in ALIVE]
        if is_down(node):
            # Tasks on a lost node can't end; Swarm has replaced them.
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
        """Waits until the node has its role. Raises DeployError (``timeout``)."""
        limit = float(self.options["timeout"])

        def missing() -> str:
            text = self.role_missing(role)
            if text:
                keep()
            return text

        self.until(missing, limit, f"{self.name} did not become a {role}", "timeout")

    def role_missing(self, role: str) -> str:
        """Returns why the node does not have its role yet; empty text if it has it."""
        try:
            node = self.client.get(f"/nodes/{self.id}")
        except EngineError as error:
            own = str((self.seen.info.get("Swarm") or {}).get("NodeID") or "") == self.id
            if role == "worker" and own and error.error_code in ("not_a_manager", "not_in_swarm"):
                return ""  # the demoted node is the one that answers
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
        """Waits until ``missing`` returns empty text, at most ``limit`` seconds. Raises DeployError (``code``)."""
        started = told_at = self.clock.now()
        pause, line, backoff = FIRST_PAUSE, "", Backoff(self.clock)
        while True:
            try:
                text = missing()
                backoff.calm()
            except EngineError as error:
                backoff.bear(error)
                continue
            if not text:
                return
            now = self.clock.now()
            if now - started >= limit:
                raise DeployError(f"{failed} after {limit:g} s: {text}.", code, hint)
            if text != line and now - told_at >= TELL_EVERY or not line:
                self.tell(f"waiting for {self.name}: {text}")
                line, told_at = text, now
            self.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)


def _few(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
