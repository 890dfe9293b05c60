# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of action plugins that change a stack or wait for it: once per cluster, with visible progress."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence, Tuple, cast

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError, plain_text
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import masked_text
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown_line
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.who import who_asks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.defaults import connection_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome, task_key, turn
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.in_order import LOOKED, wait_for_earlier
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import DONE, Meeting
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.node_steps import NodeSteps
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import Sibling, answered
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.preflighted import stopped
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.progress import Follower, pace_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Question
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Result = Dict[str, Any]
#: The folder of this collection.
COLLECTION = Path(__file__).resolve().parents[3]
Run = Callable[[Mapping[str, object], Mapping[str, object], "Variables"], Result]


class ClusterAction(PipedAction):
    """Runs ``module`` on one manager of each cluster of the play and shows its progress.

    The module is run by adapter.run_change and gets adapter.option_specs.COMPILED beside its options.
    """

    _supports_check_mode = True
    _supports_async = False
    module = ""
    #: The options that the module needs even for the progress of a detached process.
    required: Tuple[str, ...] = ("name",)
    #: Whether the module's runs without changes are remembered (stack_glance).
    remembers = False
    #: The proxy of this host that stack_glance also checks, and the result of the last check.
    own_proxy: Mapping[str, str] = {}
    seen_proxy: Mapping[str, Any] = {}
    #: Whether a failed preflight in this run, on any host of the cluster, stops it.
    after_preflight = False
    #: Whether a run only shows its plan if there are changes.
    only_looks = False
    #: Whether another action of this host runs this one as a part of its work for the cluster.
    is_part = False

    def is_alone(self, hosts: Sequence[str]) -> bool:
        """Whether this host does its work without the other ``hosts``: they neither do it nor need its result."""
        return len(hosts) < 2 or bool(self._task.run_once) or self.is_part

    def say(self, line: str) -> None:
        """Shows a line for this host while the task runs, unless the task has ``no_log``."""
        if not self._task.no_log:
            # A callback that writes JSON owns stdout.
            machine = "json" in str(C.DEFAULT_STDOUT_CALLBACK)
            Display().display(shown_line(f"[{self._variables['inventory_hostname']}] {line}"), stderr=machine)

    def connection_arguments(self, options: Mapping[str, object]) -> Dict[str, Any]:
        """Returns the connection options that the user set; the others come from the target's environment."""
        given = self._task.args
        return {
            name: options[name]
            for name, option in CONNECTION.items()
            if any(key in given for key in (name, *option.get("aliases", ())))
        }

    def once_per_cluster(
        self, stack: str, arguments: Mapping[str, object], handed: Mapping[str, object], variables: Variables
    ) -> Result:
        """Returns the module's result from the manager that does the work for this host's cluster.

        :param stack: the stack's name in the Swarm.
        :param arguments: the module's options, including those of the connection.
        :param handed: additional data for the module, as ``COMPILED``.
        :raises StackwrightError: ``conflict``; the error of stack_preflight on another host of the cluster.
        """
        arguments = {name: given_only(value) for name, value in arguments.items()}
        handed = {**handed, "who": who_asks(variables)}
        if self.only_looks:
            return self._glanced(arguments, handed, variables, self._only_look)
        alone = self.is_alone(names_in(variables, "ansible_play_batch"))
        stops = self._preflights(stack, variables)
        if alone and not stops:
            return self._glanced(arguments, handed, variables, self._followed)
        with self.meet(variables) as meeting:
            # First a check, for the cluster's id and for whether there is any work.
            looked = self._glanced(arguments, {**handed, "defer": True}, variables, self._call)
            if looked.get("failed"):
                return looked
            changed = bool(looked.get("changed"))
            if changed and looked["cluster_id"] in stops:
                raise stops[looked["cluster_id"]]
            if alone:
                return self._followed(arguments, handed, variables)
            return self._in_turn(meeting, stack, looked, arguments, handed, variables)

    def _in_turn(
        self,
        meeting: Meeting,
        stack: str,
        looked: Result,
        arguments: Mapping[str, object],
        handed: Mapping[str, object],
        variables: Variables,
    ) -> Result:
        host, cluster, changed = meeting.host, str(looked["cluster_id"]), bool(looked.get("changed"))
        wanted = {name: value for name, value in arguments.items() if name not in CONNECTION}
        digest = digest_of([wanted, handed])
        meeting.say(LOOKED, cluster=cluster)
        if changed:
            self.wait_in_order(meeting, cluster, variables)
        with turn(C.DEFAULT_LOCAL_TMP, self.key(stack, cluster, variables), host) as mine:
            meeting.say(DONE, cluster=cluster)
            # Without changes, only the leader's failure matters: it may be the reason why nothing is left to do.
            if mine.outcome is not None and (changed or mine.outcome.failed):
                return served(mine.outcome, digest, looked)
            if not changed:
                return looked
            # If it raises, there is no outcome, and the next host leads.
            done = looked if self._task.check_mode else self._followed(arguments, handed, variables)
            failed, code = bool(done.get("failed")), str(done.get("error_code", ""))
            mine.settle(Outcome(host, digest, failed, code, str(done.get("plan_id", ""))))
            return done

    def began(self) -> None:
        """Called when the manager begins a change in a detached process."""

    def meet(self, variables: Variables) -> Meeting:
        """Returns the meeting of this task's hosts, for their order: a context manager."""
        return Meeting(
            C.DEFAULT_LOCAL_TMP, f"{task_key(self._task, variables)}/order", str(variables["inventory_hostname"])
        )

    def wait_in_order(self, meeting: Meeting, cluster: str, variables: Variables) -> None:
        """Waits for the hosts before this one, so that the first usable host of the inventory does the work."""
        earlier = self.earlier(variables)
        if earlier:
            wait_for_earlier(meeting, earlier, cluster, self.at_once(), time.monotonic, time.sleep)

    def at_once(self) -> int:
        """Returns how many hosts Ansible runs at the same time."""
        forks = int(context.CLIARGS.get("forks") or C.DEFAULT_FORKS)
        return min(forks, int(self._task.throttle)) if self._task.throttle else forks

    def earlier(self, variables: Variables, among: str = "ansible_play_batch") -> List[str]:
        """Returns the hosts before this one in the variable ``among``."""
        hosts, host = names_in(variables, among), str(variables["inventory_hostname"])
        return [] if self.is_alone(hosts) or host not in hosts else hosts[: hosts.index(host)]

    def _glanced(
        self, arguments: Mapping[str, object], handed: Mapping[str, object], variables: Variables, run: Run
    ) -> Result:
        """Returns the remembered result if the manager knows that nothing would change, else that of ``run``."""
        asked = self.memory_of(arguments, handed)
        if not asked:
            return run(arguments, handed, variables)
        given = {name: value for name, value in arguments.items() if name in CONNECTION}
        given.update(runs=[{"name": arguments["name"], **asked}], defer=bool(handed.get("defer")))
        if self.own_proxy:
            given["proxy"] = self.own_proxy
        seen = self._execute_module("stackwright.swarm.stack_glance", module_args=given, task_vars=variables)
        self.seen_proxy = seen.get("proxy") or {}
        for remembered in (seen.get("told") or {}).values():
            return {name: item for name, item in remembered.items() if name != "deferred"}
        return run(arguments, {**handed, **asked}, variables)

    def memory_of(self, arguments: Mapping[str, Any], handed: Mapping[str, object]) -> Dict[str, str]:
        """Returns the key of this run in the memory of runs without changes (stack_glance), or {} to run always."""
        if not self.remembers or not self.may_remember(arguments):
            return {}
        kind = " ".join((self.module.rpartition(".")[2], arguments.get("state") or "")).strip()
        return {"run": kind, "request": self._request(arguments, handed)}

    def _only_look(self, arguments: Mapping[str, object], handed: Mapping[str, object], variables: Variables) -> Result:
        """Compares, and changes nothing. If there is no difference, the manager remembers it as an ordinary run."""
        return self._call(arguments, {**handed, "defer": True, "only_looks": True}, variables)

    def may_remember(self, arguments: Mapping[str, object]) -> bool:
        """Whether a run depends only on these arguments and on the Engine of a manager."""
        del arguments
        return True

    def _request(self, arguments: Mapping[str, object], handed: Mapping[str, Any]) -> str:
        """Returns the digest of all input of the run, except data that only a run with changes uses."""
        wanted = {name: value for name, value in arguments.items() if name != "commit_message"}
        given = {name: value for name, value in handed.items() if name != "who"}
        if given.get("desired"):
            # The sources are recorded with a change. Other sources alone are no change.
            given["desired"] = {name: value for name, value in given["desired"].items() if name != "sources"}
        flags = [self.module, self._task.check_mode, self._task.diff, collection_state()]
        return digest_of([flags, wanted, given])

    def key(self, stack: str, cluster: str, variables: Variables) -> str:
        """Returns the key under which the hosts of one cluster meet for one stack at this task."""
        return "/".join((task_key(self._task, variables), stack, cluster))

    def _preflights(self, stack: str, variables: Variables) -> Dict[str, StackwrightError]:
        """Returns the errors that stop this stack, by the id of the cluster."""
        return stopped(C.DEFAULT_LOCAL_TMP, stack, variables) if self.after_preflight else {}

    def _followed(self, arguments: Mapping[str, object], handed: Mapping[str, object], variables: Variables) -> Result:
        """Returns the module's result. If a detached process does the work, shows its lines until it ends."""
        host = variables["inventory_hostname"]
        # A task with no_log shows no lines, so it needs no data from other hosts.
        others = (
            [] if self._task.no_log else [name for name in variables.get("ansible_play_hosts") or () if name != host]
        )
        if not self._task.check_mode:
            handed = {**handed, "follow": True, "asks": bool(others)}
        start = time.monotonic()
        begun = self._call(arguments, handed, variables)
        pace = pace_of(time.monotonic() - start)
        if begun.get("progress", {}).get("done") is False:
            self.began()
        named = {name: value for name, value in arguments.items() if name in self.required}

        def again(job: str, seen: int, answer: Result) -> Result:
            return self._call(named, {"job": job, "seen": seen, "answer": answer, "pace": pace}, variables)

        steps = self._node_steps(arguments, variables)

        def answer(question: Result) -> Result:
            if "node" in question:
                return steps.answer(cast("Question", question))

            def read(other: str, containers: Mapping[str, bool]) -> Result:
                return self._on_other(other, arguments, {"checks": containers}, variables)

            return {"checks": answered(question, others, variables["hostvars"], read, pace)}

        try:
            return Follower(again, self.say, time.monotonic, time.sleep, AnsibleConnectionFailure, answer).follow(begun)
        finally:
            steps.end()

    def _on_other(
        self, host: str, arguments: Mapping[str, object], handed: Mapping[str, object], variables: Variables
    ) -> Result:
        """Returns the module's result on another host, with the Engine of that host."""
        sibling = Sibling(self, host, variables)
        named = {name: value for name, value in arguments.items() if name in self.required}
        given = {**named, **connection_of(sibling.action, self.module)}
        found: Result = sibling.action._call(given, handed, sibling.variables)
        return found

    def _node_steps(self, arguments: Mapping[str, object], variables: Variables) -> NodeSteps:
        return NodeSteps(lambda host, handed: self._on_other(host, arguments, handed, variables), variables)

    def _call(self, arguments: Mapping[str, object], handed: Mapping[str, object], variables: Variables) -> Result:
        arguments = {name: _masked(item) if name == "commit_message" else item for name, item in arguments.items()}
        given = {**arguments, COMPILED: json.dumps(handed, sort_keys=True, separators=(",", ":"))}
        result: Result = self._execute_module(self.module, module_args=given, task_vars=variables)
        if "asking" in result:
            # The module can't wait for the answer, so it runs again with it.
            known: Any = handed.get("answers") or []
            answer = self._node_steps(arguments, variables).answer(result["asking"])
            return self._call(arguments, {**handed, "answers": [*known, [result["asking"], answer]]}, variables)
        # ``deferred`` is internal to this plugin and the module.
        for name in ("invocation", "deferred"):
            result.pop(name, None)
        return result


def names_in(variables: Mapping[str, Any], among: str) -> List[str]:
    """Returns the hosts that the variable ``among`` of the play lists."""
    return [str(host) for host in variables.get(among) or ()]


def digest_of(data: object) -> str:
    """Returns the SHA-256 digest of plain data. The order of keys doesn't matter."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def collection_state(root: Path = COLLECTION) -> List[Any]:
    """Returns the identity of the collection's code: its file list if it is installed, file times in a checkout."""
    listed = root / "FILES.json"
    if listed.exists():
        return [hashlib.sha256(listed.read_bytes()).hexdigest()]
    return sorted([str(path), path.stat().st_mtime_ns] for path in (root / "plugins" / "module_utils").rglob("*.py"))


def _masked(message: object) -> Any:
    """Returns the user's message about a change without secrets: the target's log and the history show it."""
    return masked_text(plain_text(message)) if isinstance(message, str) else message


def given_only(value: object) -> Any:
    """Returns an option without unset suboptions: None is not a valid choice for a suboption with choices."""
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value


def served(outcome: Outcome, digest: str, looked: Mapping[str, object]) -> Result:
    """Returns a manager's result if another one did the work of its cluster. Raises StackwrightError (``conflict``)."""
    if outcome.digest != digest:
        raise StackwrightError(
            f"The hosts of this play request different versions of one stack: {outcome.host} has deployed another "
            "version.",
            error_code="conflict",
            hint="Use the same files and variables for all managers of a cluster.",
        )
    shared = {name: looked[name] for name in ("stack", "cluster_id") if name in looked}
    result = {"changed": False, "done_by": outcome.host, **shared}
    if outcome.plan_id:
        # Any manager may carry out a plan that was approved in check mode.
        result["plan_id"] = outcome.plan_id
    if "routing" in looked:
        result["routing"] = looked["routing"]
    if outcome.failed:
        result.update(
            failed=True,
            error_code=outcome.error_code,
            msg=f"This failed on {outcome.host}, which ran the task for the cluster; the result of that host has the "
            "details.",
        )
    return result
