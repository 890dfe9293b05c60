# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a run about all hosts of a Swarm, and how it reads it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Callable, Collection, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import (
    ACTIVE,
    LOCKED,
    MANAGER,
    PENDING,
    Node,
    World,
    host_of,
    node_from,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.settings import Addresses, Fixed
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import (
    UNLOCK,
    Goal,
    Step,
    unsettled,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import (
    CHANGE,
    END,
    HOLD,
)

Result = Dict[str, Any]
Facts = Dict[str, Any]
#: Error codes after which another manager is asked.
ELSEWHERE = (
    "",
    "daemon_unreachable",
    "host_unreachable",
    "no_quorum",
    "not_a_manager",
    "not_in_swarm",
    "swarm_locked",
    "timeout",
)
#: Seconds: to wait for a join or a change of role; to wait for an election; between two checks.
SETTLE, ELECTION, PAUSE = 180.0, 40.0, 1.0
AWAY = (
    "{name} is down according to the managers, although its Engine is a member of the Swarm. Check that it "
    "reaches the managers "
    "at TCP port 2377."
)


class Asked(NamedTuple):
    """The functions by which a run reaches hosts, the clock and the user."""

    ask: Callable[[str, Dict[str, Any]], Result]  # (host, part) -> the module's result there
    look: Callable[
        [Sequence[str]], Dict[str, Result]
    ]  # reads many hosts in parallel; ``received`` is a time of ``now``
    show: Callable[[str, str], None]  # (host, line)
    now: Callable[[], float]
    sleep: Callable[[float], None]
    who: str


@dataclass(frozen=True)
class HostOptions:
    """The options of the task for a host."""

    addresses: Addresses
    fixed: Fixed
    rotate: Sequence[str]
    join_addrs: Sequence[str]
    join_token: Optional[str]
    unlock_key: Optional[str]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> HostOptions:
        """Returns the options of swarm_cluster that concern a host."""
        names = ("rotate", "join_addrs", "join_token", "unlock_key")
        own = Addresses(*(options[name] for name in Addresses._fields))
        return cls(own, Fixed(*(options[name] for name in Fixed._fields)), *(options[name] for name in names))


class Known:
    """The state of a run. The subclass decides what to do.

    :param wanted: the role of each host of the play, or absent.
    :param options: the options of the task for each host.
    :param helpers: managers of the inventory outside of the play, which are asked but never changed.
    :param absent: the managers that failed earlier in the play, each with the reason.
    :param goal: the goal, without the missing hosts.
    :param keys: the store of unlock keys (``of``, ``has``, ``put``, ``check``), or None.
    """

    def __init__(
        self,
        asked: Asked,
        wanted: Mapping[str, str],
        options: Mapping[str, HostOptions],
        helpers: Collection[str],
        absent: Mapping[str, str],
        goal: Goal,
        keys: Any = None,
    ) -> None:
        self.keys = keys  # vault.unlock_keys, or None
        self.asked, self.wanted, self.options, self.helpers = asked, wanted, options, list(helpers)
        self.absent, self.goal = dict(absent), goal
        self.facts: Dict[str, Facts] = {}
        self.failed: Dict[str, Result] = {}
        self.calls: Dict[str, int] = {}
        self.steps: List[Step] = []
        self.warnings: List[str] = []
        self.before: Optional[World] = None
        self.end: Optional[World] = None
        self._away: Dict[str, str] = {}  # the nodes for which the run waited without success, by host
        self._run = ""
        self._by = ""  # the manager that was asked last

    def _has_unlocked(self) -> bool:
        """Whether this run has unlocked managers, whose Swarm may have no leader yet."""
        return any(step.kind == UNLOCK for step in self.steps)

    # -- asking

    def _change(self, kind: str, node: str, host: str, but: str = "") -> None:
        self._of_manager({"part": CHANGE, "run": self._run, "kind": kind, "node": node, "host": host}, but)

    def _hold(self) -> None:
        if not self._run:
            done = self._of_manager({"part": HOLD, "who": self.asked.who})
            self._run = str(done["run"])

    def _release(self) -> None:
        if self._run:
            with suppress(StackwrightError):  # otherwise it expires
                self._of_manager({"part": END, "run": self._run})

    def _of_manager(self, part: Dict[str, object], but: str = "") -> Result:
        """Returns the answer of the first manager that gives one; ``but`` is asked last. Raises StackwrightError."""
        last: Optional[StackwrightError] = None
        for host in sorted(self._managers(), key=lambda name: (name == but, name != self._by)):
            try:
                done = self._ask(host, part)
                self._by = host
                return done
            except StackwrightError as error:
                if error.error_code not in ELSEWHERE:
                    raise
                last = error
        raise last or StackwrightError("No manager of the Swarm answers any more.", "no_manager")

    def _ask(self, host: str, part: Dict[str, object]) -> Result:
        done = self.asked.ask(host, part)
        self._note(host, done)
        if done.get("failed") or done.get("unreachable"):
            raise _as_error(host, done)
        return done

    def _look_at(self, hosts: Sequence[str]) -> None:
        found = self.asked.look(hosts)
        for host in hosts:
            done = found.get(host) or {"unreachable": True, "msg": "no answer in time"}
            self._note(host, done)
            if done.get("failed") or done.get("unreachable"):
                self.failed[host] = done
                self.facts.pop(host, None)

    def _note(self, host: str, done: Result) -> None:
        facts = done.get("facts")
        if facts:
            facts["received"] = done.get("received", self.asked.now())
            self.facts[host] = facts
            self.failed.pop(host, None)
            self.calls[host] = self.calls.get(host, 0) + int(facts.get("calls") or 0)

    def _settle(self, check: bool) -> None:
        """Waits for joins, changes of roles and elections that have begun."""
        start = self.asked.now()
        while not check:
            states = {host: facts["state"] for host, facts in self.facts.items()}
            world = self._world()
            managers, waiting = self._managers(), unsettled(world)
            away = {host: name for host, name in _returning(world).items() if host not in self._away}
            joining = [host for host in states if states[host] == PENDING and not self.facts[host]["node_id"]]
            lost = [host for host in states if states[host] == PENDING and host not in joining]
            joining += _preparing(world)
            if not managers and (lost or self._has_unlocked()):
                lost = list(states)  # they elect a leader
            longest = SETTLE if joining or waiting else ELECTION
            over = self.asked.now() - start >= longest
            if over and away:
                self._away.update(away)
                self.warnings += [AWAY.format(name=name) for name in away.values()]
            if over or LOCKED in states.values() or not (joining or lost or waiting or away):
                return
            self.asked.sleep(PAUSE)
            asked = managers[:1] if waiting or away else []
            self._look_at(list(dict.fromkeys([*joining, *lost, *asked, *away])))

    # -- the known state

    def _managers(self) -> List[str]:
        """Returns the hosts that answer as managers."""
        return [host for host in (*self.wanted, *self.helpers) if (self.facts.get(host) or {}).get("control")]

    def _seen(self) -> Facts:
        """Returns the latest facts of a manager."""
        hosts = self._managers()
        latest = max(hosts, key=lambda host: self.facts[host]["received"], default="")
        return self.facts.get(latest) or {"nodes": [], "busy": {}, "settings": None, "fixed": {}, "wall": 0.0}

    def _nodes(self) -> List[Node]:
        seen = self._seen()
        return [node_from(data, float(seen["wall"]), seen["busy"]) for data in seen["nodes"]]

    def _world(self) -> World:
        hosts = [
            host_of(host, self.wanted.get(host, ""), self.facts[host])
            for host in (*self.wanted, *self.helpers)
            if host in self.facts
        ]
        seen = self._seen()
        return World(tuple(hosts), tuple(self._nodes()), str(seen.get("cluster_id") or ""), seen.get("settings"))

    def _goal(self) -> Goal:
        missing = {**self.absent, **{host: _why(done) for host, done in self.failed.items()}}
        unsure = {host: why for host, why in missing.items() if self.wanted.get(host, MANAGER) == MANAGER}
        can_unlock = self.goal.can_unlock or bool(self._managers())
        return replace(self.goal, can_unlock=can_unlock, missing=missing, unsure=unsure)


def _preparing(world: World) -> List[str]:
    """Returns the hosts that other managers already reach as managers, but whose Engine doesn't yet answer as one."""
    nodes = ((host, world.node_of(host)) for host in world.hosts if host.state == ACTIVE and not host.control)
    return [host.host for host, node in nodes if node is not None and node.reachable and not host.error]


def _returning(world: World) -> Dict[str, str]:
    """Returns the nodes, by host, that the managers report as down although their Engines are members: after the leader
    was demoted, an agent must find another manager."""
    pairs = ((host.host, world.node_of(host)) for host in world.hosts if host.state == ACTIVE and not host.error)
    return {host: node.name for host, node in pairs if node is not None and node.state in ("down", "unknown")}


def _as_error(host: str, done: Mapping[str, object]) -> StackwrightError:
    code = str(done.get("error_code") or ("host_unreachable" if done.get("unreachable") else ""))
    details = {name: done[name] for name in ("holder",) if name in done}
    return StackwrightError(f"{host}: {done.get('msg') or 'no answer'}", code, details=details)


def _why(done: Mapping[str, object]) -> str:
    return str(done.get("msg") or "it can't be reached")
