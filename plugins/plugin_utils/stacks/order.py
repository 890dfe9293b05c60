# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. The order of many stacks: which ones may begin now, and the results of those after a failed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Dict, List, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.waves import cycle_in

Result = Dict[str, Any]
#: The results of a stack.
UNCHANGED, CHANGED, FAILED, SKIPPED, UNPLANNED = "unchanged", "changed", "failed", "skipped", "unplanned"


def resolved(after: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> Dict[str, List[str]]:
    """Returns the stacks that each stack waits for, by full names.

    :param after: by the full name of a stack, the full or given names of others.
    :param names: the given name of each stack by its full one.
    :raises StackwrightError: ``unknown_stack``, ``stack_cycle``.
    """
    found: Dict[str, List[str]] = {}
    mistakes = []
    for stack, others in after.items():
        found[stack] = []
        for other in others:
            meant = [other] if other in names else [full for full, name in names.items() if name == other]
            if len(meant) == 1:
                found[stack] += [full for full in meant if full not in found[stack]]
            elif meant:
                mistakes.append(f"{stack}: after names {other}, which may be {' or '.join(meant)}: use the full name.")
            else:
                mistakes.append(f"{stack}: after names {other}, which is not in the list.")
    if mistakes:
        raise StackwrightError("\n".join([*mistakes, "Nothing was changed."]), "unknown_stack")
    left: Dict[str, Set[str]] = {stack: set(others) for stack, others in found.items()}
    while left:
        ready = [stack for stack, others in left.items() if not others & left.keys()]
        if not ready:
            shown = " -> ".join(cycle_in(left))
            raise StackwrightError(
                f"Stacks wait for each other in a cycle: {shown}. Nothing was changed.",
                "stack_cycle",
                "Remove one of these names from after.",
            )
        for stack in ready:
            del left[stack]
    return found


class Order:
    """The stacks of one run. ``results`` has the results of the ended ones, with ``result``: UNCHANGED, CHANGED, ….

    :param after: the stacks that each stack waits for.
    :param settled: the results of stacks that need no run, unless one before them changes something.
    :param at_once: how many run at the same time.
    :param check: check mode, in which a stack after one with changes may be impossible to plan.
    """

    def __init__(
        self, after: Mapping[str, Sequence[str]], settled: Mapping[str, Result], at_once: int, check: bool = False
    ) -> None:
        self._after, self._settled, self._at_once, self._check = after, settled, at_once, check
        self._running: Set[str] = set()
        self.results: Dict[str, Result] = {}

    def begin(self) -> List[str]:
        """Returns the stacks to start now. Those that need no run get their results."""
        started: List[str] = []
        moved = True
        while moved:
            moved = False
            for stack, before in self._after.items():
                if stack in self.results or stack in self._running:
                    continue
                ended = [self.results[other] for other in before if other in self.results]
                bad = [other for other in before if self.results.get(other, {}).get("result") in (FAILED, SKIPPED)]
                if bad:
                    self.results[stack] = self._skipped(stack, bad)
                elif len(ended) < len(before):
                    continue
                elif stack in self._settled and not any(one.get("changed") for one in ended):
                    self.results[stack] = {**self._settled[stack], "result": UNCHANGED}
                elif len(self._running) < self._at_once:
                    self._running.add(stack)
                    started.append(stack)
                    continue
                else:
                    continue
                moved = True
        return started

    def end(self, stack: str, result: Result) -> None:
        """Records the result of a run that has ended."""
        self._running.discard(stack)
        state = FAILED if result.get("failed") or result.get("unreachable") else CHANGED
        if state == CHANGED and not result.get("changed"):
            state = UNCHANGED
        before = [other for other in self._after[stack] if self.results[other].get("result") in (CHANGED, UNPLANNED)]
        if self._check and state == FAILED and before:
            # The stacks before it may create the objects that it needs.
            state, result = UNPLANNED, {**result, "failed": False}
        self.results[stack] = {**result, "result": state}

    def _skipped(self, stack: str, bad: Sequence[str]) -> Result:
        failed = [other for other in bad if self.results[other]["result"] == FAILED] or bad
        verb = "were" if len(failed) > 1 else "was"
        msg = f"Not deployed: it comes after {', '.join(failed)}, which {verb} not deployed."
        return {"stack": stack, "changed": False, "result": SKIPPED, "error_code": "skipped", "msg": msg}
