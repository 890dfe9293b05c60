# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module that changes a stack or waits for one. It may continue in a detached process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import Module, end, failure, outcome
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.target import folder_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import HANDED, shown

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Question
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient

Change = Callable[["EngineClient", Any, Any], Dict[str, Any]]
#: Creates the Memory of a module. It is an argument, so that Ansible sends memory.py only with modules that use it;
#: Ansible also follows imports for types.
Remember = Callable[[Module, Dict[str, Any]], Any]


def run_change(
    options: Dict[str, Dict[str, object]],
    work: Change,
    remember: Optional[Remember] = None,
    looks: Optional[Callable[..., Dict[str, object]]] = None,
    **rules: object,
) -> None:
    """Runs ``work(client, params, run)`` for a module that changes a stack and whose action plugin is a ClusterAction.

    ``work`` and ``remember`` import what they need when they are called, because the same module also polls a detached
    process.
    ``run`` has the options of the transaction: ``check``, ``defer``, ``desired`` and other data of the plugin,
    ``detach``, ``progress``. When the transaction calls ``detach``, a detached process takes over. With ``asks``, the
    plugin answers questions of the process, and runs the module on other nodes for that (``checks``).
    ``looks`` (parts/looks.py) compares many stacks without changes.
    """
    module = Module(argument_spec={**options, **CONNECTION}, supports_check_mode=True, **rules)
    handed = module.compiled
    if "job" in handed:
        end(module, _followed(module, handed))
    if "checks" in handed:
        end(module, outcome(module, lambda client: _checked(client, handed["checks"])))
    if "looks" in handed and looks is not None:
        end(module, looks(module, handed["looks"], work, remember))
    aside = DetachedWorker(module)
    run = {"check": module.check_mode, "defer": False, "detach": None, "progress": None, **handed}
    if handed.get("follow"):
        run.update(detach=aside.detach, progress=aside.progress)
        aside.asks = bool(handed.get("asks"))
    memory = remember(module, handed) if remember is not None else None

    def change(client: EngineClient) -> Dict[str, Any]:
        aside.client = client
        client.trace = memory.trace if memory is not None else None
        client.run_on_node = _Answers(handed.get("answers") or [])
        return work(client, module.params, run)

    try:
        result = outcome(module, change)
    except BaseException as error:
        aside.fail(error)
        raise
    aside.finish(result)
    if memory is not None:
        memory.keep(result)
    end(module, result)


class DetachedWorker:
    """Moves work into a detached process. In it, ``finish`` and ``fail`` don't return; otherwise they do nothing."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._process: Any = None
        self.client: Optional[EngineClient] = None
        self.asks = False  # whether the follower answers questions about containers

    def detach(self) -> None:
        """Continues in a detached process, or here if that is not possible."""
        if self._process is not None or self.client is None:
            return
        from ansible_collections.stackwright.swarm.plugins.module_utils.detached.process import Foreground, start

        # Two processes can't share a connection; the next call opens a new one.
        self.client.close()
        try:
            self._process = start(folder_of(self._module), self._module.no_log_values)
        except Foreground as foreground:
            end(self._module, foreground.result)
        if self._process is not None and self.asks:
            self.client.ask_nodes = self._process.ask
        self.client.run_on_node = self._process.ask_patiently if self._process is not None else None

    def progress(self, line: str) -> None:
        if self._process is not None:
            self._process.say(line)

    def finish(self, result: Dict[str, object]) -> None:
        if self._process is not None:
            self._process.finish(shown(result, HANDED))

    def fail(self, error: BaseException) -> None:
        if self._process is not None:
            self._process.fail(error)


class _Answers:
    """The answers of other nodes that the plugin has sent. Without a detached process, a new question is an error, and
    the plugin runs the module again with the answer."""

    def __init__(self, known: Sequence[Sequence[Mapping[str, object]]]) -> None:
        self._known = known

    def __call__(self, question: Question, keep: Callable[[], None]) -> Dict[str, Any]:
        for asked, answer in self._known:
            if asked == question:
                return dict(answer)
        raise StackwrightError("Another node must be asked.", "unanswered", details={"asking": question})


def _followed(module: AnsibleModule, handed: Dict[str, Any]) -> Dict[str, Any]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.detached.follow import follow
    from ansible_collections.stackwright.swarm.plugins.module_utils.detached.job_folder import find

    try:
        job = find(folder_of(module), str(handed["job"]))
        if handed.get("pace"):
            job.pace(float(handed["pace"]))
        if handed.get("answer") and not handed["answer"].get("working"):
            job.tell(handed["answer"])
        return follow(job, int(handed["seen"]), time)
    except StackwrightError as error:
        return failure(error)


def _checked(client: EngineClient, wanted: Dict[str, bool]) -> Dict[str, Any]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.evidence import checks_here

    return {"changed": False, "checks": checks_here(client, wanted)}
