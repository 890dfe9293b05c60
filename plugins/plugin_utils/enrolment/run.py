# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run over all hosts of a Swarm: read, decide the next step, let a host carry it out, read again.

One host's process does this for all hosts, because the others may have no process yet (Ansible's forks). It reaches the
hosts by ``ask``; ``membership.steps`` decides.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.forecast import forecast
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import (
    MANAGER,
    World,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.quorum import even_warning
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.settings import (
    PORT,
    Addresses,
    refuse_addresses,
    refuse_fixed,
    with_settings,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import (
    DEMOTE,
    FORGET,
    INIT,
    JOIN,
    KEEP_KEY,
    LEAVE,
    PROMOTE,
    ROTATE,
    UNLOCK,
    Goal,
    Step,
    next_step,
    phantoms,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import (
    SETTINGS as SETTINGS_STEP,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import (
    CREATE,
    SETTINGS,
    TOKENS,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import JOIN as JOIN_PART
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import LEAVE as LEAVE_PART
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import (
    ROTATE as ROTATE_PART,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import (
    UNLOCK as UNLOCK_PART,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.known import Known

Result = Dict[str, Any]
#: Seconds of a clock's difference: that makes a join fail, since swarmkit's certificates begin an hour in the past; and
#: that gives a warning.
SKEW, WARN_SKEW = 3600.0, 60.0


class Enrolment(Known):
    """One run; ``go`` carries it out."""

    # -- the run

    def go(self, check: bool) -> None:
        """Carries out the steps, or plans them in check mode; both are in ``steps``. Raises StackwrightError."""
        self._look_at(list(self.wanted))
        if not self._managers() and self.helpers:
            self._look_at(self.helpers)
        self._settle(check)
        goal, world = self._goal(), self._world()
        self.before = world
        self._refuse_unchangeable()
        planned, self.end = forecast(world, goal)
        self._warn(goal)
        last = self._last_steps()
        if check:
            self.steps = [*planned, *last]
            return
        try:
            if planned:
                self._carry_out(goal, 4 * len(planned) + 20)
            for step in last:
                self._rotate(step)
            self._keep_key()
        finally:
            self._release()

    def _last_steps(self) -> List[Step]:
        if self.end is None or not self.end.cluster_id:
            return []
        rotate = next(iter(self.options.values())).rotate
        if "unlock_key" in rotate and not self._locks(self.end):
            raise StackwrightError(
                "rotate names unlock_key, but the Swarm is not autolocked, so it has none.",
                "invalid_options",
                "Set autolock: true first. Nothing was changed.",
            )
        return [Step(ROTATE, "the task asks for a new one", name=what) for what in dict.fromkeys(rotate)]

    def _rotate(self, step: Step) -> None:
        self._hold()
        self._show(step)
        if step.name == "unlock_key":
            self._keep_key()
            self.keys.check()  # fails before there is a new key if the vault can't be written
        self._of_manager({"part": ROTATE_PART, "run": self._run, "what": step.name})
        self.steps.append(step)
        if step.name == "unlock_key":
            self._keep_key()

    def _locks(self, world: World) -> bool:
        return bool(((world.settings or {}).get("EncryptionConfig") or {}).get("AutoLockManagers"))

    def _keep_key(self) -> None:
        """Stores the unlock key of an autolocked Swarm if the vault doesn't have it, even that of a killed run."""
        world = self._world()
        if self.keys is None or not world.cluster_id or not self._locks(world):
            return
        key = self.secrets("unlock_key")["unlock_key"]
        if key and not self.keys.has(world.cluster_id, key):
            self.keys.put(world.cluster_id, key)
            self.steps.append(
                Step(KEEP_KEY, "the vault did not have the unlock key of the Swarm", name=world.cluster_id)
            )

    def _unlock(self, host: str) -> None:
        given = self.options[host].unlock_key if host in self.options else None
        found = [given] if given else []
        if self._managers():
            found.append(self.secrets("unlock_key")["unlock_key"])
        if self.keys is not None:
            found += self.keys.of(str(self.facts[host].get("cluster_id") or ""))
        self._ask(host, {"part": UNLOCK_PART, "keys": list(dict.fromkeys(found))})

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
                continue  # another run may have changed the Swarm while this one waited
            self._show(step)
            self._do(step)
            self.steps.append(step)
        raise StackwrightError(
            f"The Swarm did not reach the state that the task requests; the last step: {self.steps[-1].text}."
        )

    def _do(self, step: Step) -> None:
        host = step.host
        if step.kind == INIT:
            self._ask(host, {"part": CREATE, "body": self._creation(host)})
            self._hold()
        elif step.kind == JOIN:
            self._join(step)
        elif step.kind == UNLOCK:
            self._unlock(host)
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
        """Returns the body of SwarmInitRequest."""
        fixed = self.options[host].fixed
        addresses = _address_fields(self.options[host].addresses)
        body: Dict[str, Any] = {**addresses, "Spec": with_settings({}, self.goal.settings)}
        if fixed.data_path_port is not None:
            body["DataPathPort"] = fixed.data_path_port
        if fixed.default_addr_pool:
            body["DefaultAddrPool"] = fixed.default_addr_pool
        if fixed.subnet_size is not None:
            body["SubnetSize"] = fixed.subnet_size
        return body

    def _join(self, step: Step) -> None:
        host, options = step.host, self.options[step.host]
        elsewhere = bool(options.join_addrs) and not self._managers()
        if not elsewhere:
            self._refuse_skew(host)
        remote = list(options.join_addrs) if elsewhere else self._addresses()
        body = {**_address_fields(options.addresses), "RemoteAddrs": remote}
        token = options.join_token if elsewhere else self.secrets("tokens")[step.role]
        self._ask(host, {"part": JOIN_PART, "body": {**body, "JoinToken": token}})
        node = str(self.facts[host].get("node_id") or "")
        if not elsewhere:
            self._change(JOIN, node, host, but=host)

    def secrets(self, *wanted: str) -> Dict[str, str]:
        """Returns the join tokens, or the unlock key. They never leave this process. Raises StackwrightError."""
        key = token_hex(32)
        done = self._of_manager({"part": TOKENS, "key": key, "wanted": list(wanted)})
        try:
            found: Dict[str, str] = unseal(key, str(done.get("sealed_values") or ""))
        except ValueError:
            raise StackwrightError(
                "The manager's answer does not contain the tokens of the Swarm.", "bad_answer"
            ) from None
        return found

    def _addresses(self) -> List[str]:
        """Returns the addresses of the reachable managers. Those that stay managers are first, because an Engine keeps
        the first address, and is promoted through it."""
        leaving = [
            self.facts[name]["node_id"] for name, role in self.wanted.items() if role != MANAGER and name in self.facts
        ]
        nodes = sorted(self._seen()["nodes"], key=lambda node: node["ID"] in leaving)
        raft = [node.get("ManagerStatus") or {} for node in nodes]
        found = [str(item["Addr"]) for item in raft if item.get("Reachability") == "reachable" and item.get("Addr")]
        return [address for address in found if not address.startswith("0.0.0.0")]

    def _refuse_unchangeable(self) -> None:
        for host, role in self.wanted.items():
            facts = self.facts.get(host)
            if facts is None or role == "absent" or facts["state"] != "active":
                continue
            self.warnings += refuse_addresses(host, self.options[host].addresses, facts)
        seen = self._seen()
        if seen.get("cluster_id"):
            refuse_fixed(seen["fixed"], next(iter(self.options.values())).fixed)

    def _refuse_skew(self, host: str) -> None:
        """Raises StackwrightError (``clock_skew``) if the host's new certificate would not be valid by its clock."""
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
        if abs(behind) >= WARN_SKEW:
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

    def _show(self, step: Step) -> None:
        self.asked.show(step.host or self._by or next(iter(self.wanted)), step.text)


def _address_fields(addresses: Addresses) -> Dict[str, str]:
    """Returns the part of SwarmInitRequest and SwarmJoinRequest with the addresses of the node."""
    return {
        "ListenAddr": addresses.listen_addr or f"0.0.0.0:{PORT}",
        "AdvertiseAddr": addresses.advertise_addr or "",
        "DataPathAddr": addresses.data_path_addr or "",
    }
