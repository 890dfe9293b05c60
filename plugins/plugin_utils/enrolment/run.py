# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run over all hosts of a Swarm: look, ask for the next step, have a host carry it out, look again.

One host's process does this for all of them, since the others may have no process yet (Ansible's forks). What a host
does is asked of it by ``ask``; the decisions are membership.steps'.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any, Callable, Collection, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.forecast import forecast
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import (
    PENDING,
    Node,
    World,
    host_of,
    node_from,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.quorum import even_warning
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.settings import (
    PORT,
    refuse_addresses,
    refuse_fixed,
    with_settings,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import (
    DEMOTE,
    FORGET,
    INIT,
    JOIN,
    LEAVE,
    PROMOTE,
    Goal,
    Step,
    next_step,
    phantoms,
    unsettled,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import (
    SETTINGS as SETTINGS_STEP,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import (
    CHANGE,
    CREATE,
    END,
    HOLD,
    SETTINGS,
    TOKENS,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import JOIN as JOIN_PART
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import LEAVE as LEAVE_PART
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal

Result = Dict[str, Any]
Facts = Dict[str, Any]
#: After these another manager is asked.
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
#: Seconds: how long a join in progress, or a role that was asked for, is awaited; between two looks.
SETTLE, PAUSE = 60.0, 1.0
#: Seconds by which clocks may differ: swarmkit's certificates begin an hour in the past; and from when it is told.
SKEW, TOLD_SKEW = 3600.0, 60.0


class Asked(NamedTuple):
    """The world outside, for a run and its tests."""

    ask: Callable[[str, Dict[str, Any]], Result]  # (host, part) -> the module's result there
    look: Callable[[Sequence[str]], Dict[str, Result]]  # at many hosts at once; ``received`` is by ``now``
    show: Callable[[str, str], None]  # (host, line)
    now: Callable[[], float]
    sleep: Callable[[float], None]
    who: str


class Enrolment:
    """One run.

    :param wanted: the role of each host of the play, or absent.
    :param options: the options of each of them.
    :param helpers: managers of the inventory that are not in the play: only asked, and never changed.
    :param goal: without what is missing.
    """

    def __init__(
        self,
        asked: Asked,
        wanted: Mapping[str, str],
        options: Mapping[str, Mapping[str, Any]],
        helpers: Collection[str],
        absent: Mapping[str, str],
        goal: Goal,
    ) -> None:
        self.asked, self.wanted, self.options, self.helpers = asked, wanted, options, list(helpers)
        self.absent, self.goal = dict(absent), goal
        self.facts: Dict[str, Facts] = {}
        self.failed: Dict[str, Result] = {}
        self.calls: Dict[str, int] = {}
        self.steps: List[Step] = []
        self.warnings: List[str] = []
        self.before: Optional[World] = None
        self.end: Optional[World] = None
        self._run = ""
        self._by = ""  # the manager that was asked last

    # -- the run

    def go(self, check: bool) -> None:
        """Does what is to be done. ``steps`` has what was done, or would be. Raises StackwrightError."""
        self._look_at(list(self.wanted))
        if not self._managers() and self.helpers:
            self._look_at(self.helpers)
        self._settle(check)
        goal, world = self._goal(), self._world()
        self.before = world
        self._refuse_unchangeable()
        planned, self.end = forecast(world, goal)
        self._warn(goal)
        if check or not planned:
            self.steps = planned
            return
        try:
            self._carry_out(goal, 4 * len(planned) + 20)
        finally:
            self._let_go()

    def _carry_out(self, goal: Goal, most: int) -> None:
        for _number in range(most):
            self._settle(False)
            world = self._world()
            step = next_step(world, goal)
            if step is None:
                self.end = world
                return
            if world.cluster_id and not self._run:
                self._hold()
                continue  # another run may have changed it while this one waited
            self._tell(step)
            self._do(step)
            self.steps.append(step)
        raise StackwrightError(
            f"The Swarm does not become what the task asks for; the last step: {self.steps[-1].text}."
        )

    def _do(self, step: Step) -> None:
        host = step.host
        if step.kind == INIT:
            self._ask(host, {"part": CREATE, "body": self._creation(host)})
            self._hold()
        elif step.kind == JOIN:
            self._join(step)
        elif step.kind == FORGET:
            self._ask(host, {"part": LEAVE_PART, "force": True})
        elif step.kind == LEAVE:
            self._ask(host, {"part": LEAVE_PART, "force": step.force})
            if not step.force:
                self._change(LEAVE, step.node, host)
        elif step.kind == SETTINGS_STEP:
            self._of_manager({"part": SETTINGS, "run": self._run, "settings": dict(self.goal.settings)})
        else:
            self._change(step.kind, step.node, host, but=host)
            if step.kind in (PROMOTE, DEMOTE) and host:
                self._look_at([host])

    def _creation(self, host: str) -> Dict[str, Any]:
        """The body of SwarmInitRequest."""
        options = self.options[host]
        body: Dict[str, Any] = {
            "ListenAddr": options["listen_addr"] or f"0.0.0.0:{PORT}",
            "AdvertiseAddr": options["advertise_addr"] or "",
            "DataPathAddr": options["data_path_addr"] or "",
            "Spec": with_settings({}, self.goal.settings),
        }
        if options["data_path_port"] is not None:
            body["DataPathPort"] = options["data_path_port"]
        if options["default_addr_pool"]:
            body["DefaultAddrPool"] = options["default_addr_pool"]
        if options["subnet_size"] is not None:
            body["SubnetSize"] = options["subnet_size"]
        return body

    def _join(self, step: Step) -> None:
        host, options = step.host, self.options[step.host]
        elsewhere = bool(options["join_addrs"]) and not self._managers()
        if not elsewhere:
            self._refuse_skew(host)
        body: Dict[str, Any] = {
            "ListenAddr": options["listen_addr"] or f"0.0.0.0:{PORT}",
            "AdvertiseAddr": options["advertise_addr"] or "",
            "DataPathAddr": options["data_path_addr"] or "",
            "RemoteAddrs": list(options["join_addrs"]) if elsewhere else self._addresses(host),
        }
        token = options["join_token"] if elsewhere else self.secrets("tokens")[step.role]
        self._ask(host, {"part": JOIN_PART, "body": {**body, "JoinToken": token}})
        node = str(self.facts[host].get("node_id") or "")
        if not elsewhere:
            self._change(JOIN, node, host, but=host)

    def secrets(self, *wanted: str) -> Dict[str, str]:
        """The join tokens, or the unlock key: only here, in this process."""
        key = token_hex(32)
        done = self._of_manager({"part": TOKENS, "key": key, "wanted": list(wanted)})
        try:
            found: Dict[str, str] = unseal(key, str(done.get("sealed_values") or ""))
        except ValueError:
            raise StackwrightError(
                "The manager's answer does not have the tokens of the Swarm.", "bad_answer"
            ) from None
        return found

    def _addresses(self, but: str) -> List[str]:
        """Where the live managers listen; those of the managers in the play first."""
        nodes = self._seen()["nodes"]
        raft = [node.get("ManagerStatus") or {} for node in nodes]
        found = [str(item["Addr"]) for item in raft if item.get("Reachability") == "reachable" and item.get("Addr")]
        return [address for address in found if not address.startswith("0.0.0.0")]

    # -- asking

    def _change(self, kind: str, node: str, host: str, but: str = "") -> None:
        self._of_manager({"part": CHANGE, "run": self._run, "kind": kind, "node": node, "host": host}, but)

    def _hold(self) -> None:
        if not self._run:
            done = self._of_manager({"part": HOLD, "who": self.asked.who})
            self._run = str(done["run"])

    def _let_go(self) -> None:
        if not self._run:
            return
        try:
            self._of_manager({"part": END, "run": self._run})
        except StackwrightError:
            return  # it expires

    def _of_manager(self, part: Dict[str, Any], but: str = "") -> Result:
        """The answer of the first manager that gives one. Raises StackwrightError."""
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

    def _ask(self, host: str, part: Dict[str, Any]) -> Result:
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
        """Waits for joins and changes of roles that an earlier run has begun."""
        deadline = self.asked.now() + SETTLE
        while not check and self.asked.now() < deadline:
            pending = [host for host, facts in self.facts.items() if facts["state"] == PENDING]
            waiting, managers = unsettled(self._world()), self._managers()
            if not pending and not waiting:
                return
            self.asked.sleep(PAUSE)
            self._look_at(list(dict.fromkeys([*pending, *(managers[:1] if waiting else [])])))

    # -- what is known

    def _managers(self) -> List[str]:
        """The hosts that answer for the Swarm; the leader last, since it may be demoted."""
        return [host for host in (*self.wanted, *self.helpers) if (self.facts.get(host) or {}).get("control")]

    def _seen(self) -> Facts:
        """What the manager that was asked last has told."""
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
        told = {host: _why(done) for host, done in self.failed.items()}
        missing = {**self.absent, **told}
        return Goal(
            settings=self.goal.settings,
            remove=self.goal.remove,
            prune_down_after=self.goal.prune_down_after,
            dissolve=self.goal.dissolve,
            can_unlock=self.goal.can_unlock,
            elsewhere=self.goal.elsewhere,
            missing=missing,
        )

    def _refuse_unchangeable(self) -> None:
        for host, role in self.wanted.items():
            facts = self.facts.get(host)
            if facts is None or role == "absent" or facts["state"] != "active":
                continue
            self.warnings += refuse_addresses(host, self.options[host], facts)
        seen = self._seen()
        if seen.get("cluster_id"):
            refuse_fixed(seen["fixed"], next(iter(self.options.values())))

    def _refuse_skew(self, host: str) -> None:
        """Raises StackwrightError if the certificate that a host gets would not be valid there."""
        managers = self._managers()
        if not managers:
            return
        theirs = self.facts[self._by if self._by in managers else managers[0]]
        own = self.facts[host]
        behind = (theirs["wall"] - theirs["received"]) - (own["wall"] - own["received"])
        expiry = float(((theirs.get("settings") or {}).get("CAConfig") or {}).get("NodeCertExpiry") or 0) / 1e9
        if behind >= SKEW or (expiry and -behind >= expiry):
            way = "behind" if behind > 0 else "ahead of"
            raise StackwrightError(
                f"The clock of {host} is {abs(behind):.0f} s {way} that of the managers: its certificate would not be "
                "valid there.",
                "clock_skew",
                "Set the clock (NTP), then run again. The host was not changed.",
            )
        if abs(behind) >= TOLD_SKEW:
            self.warnings.append(f"The clock of {host} differs from that of the managers by {abs(behind):.0f} s.")

    def _warn(self, goal: Goal) -> None:
        world = self.end
        if world is None or not world.cluster_id:
            return
        managers = sum(node.is_manager for node in world.nodes)
        if managers and not managers % 2:
            self.warnings.append(even_warning(managers))
        for node in phantoms(world, goal):
            self.warnings.append(
                f"{node.name} ({node.id}) is down, and looks replaced by a node of the same name. It is removed once "
                "it has been down for prune_down_after seconds, or by remove."
            )
        for host, why in goal.missing.items():
            if host in self.wanted:
                self.warnings.append(f"{host} was left as it is: {why}")

    def _tell(self, step: Step) -> None:
        self.asked.show(step.host or self._by or next(iter(self.wanted)), step.text)


def _as_error(host: str, done: Mapping[str, Any]) -> StackwrightError:
    code = str(done.get("error_code") or ("host_unreachable" if done.get("unreachable") else ""))
    details = {name: done[name] for name in ("holder",) if name in done}
    return StackwrightError(f"{host}: {done.get('msg') or 'no answer'}", code, details=details)


def _why(done: Mapping[str, Any]) -> str:
    return str(done.get("msg") or "it can't be reached")
