# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes the kept values of a stack from results, if this host can read them."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import scrubbed
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.scrub import scrubber
from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import open_store


def without_values(
    client: EngineClient, stack: str, options: Dict[str, Any], work: Callable[[], Dict[str, object]]
) -> Dict[str, Any]:
    """Runs ``work``, and removes the stack's kept values from its log lines, progress lines and errors.

    It reads the values only if there is output of a container: log lines, or details of a failure.
    """
    known: List[Any] = []

    def scrub(data: object) -> Any:
        if not known:
            known.append(scrubber(_kept_texts(client, stack)))
        return known[0](data)

    progress = options.get("progress")
    if progress:
        options["progress"] = lambda line: progress(scrub(line))
    try:
        result = work()
    except StackwrightError as error:
        has_output = error.details.get("failures") or error.details.get("lines")
        raise scrubbed(error, scrub) if has_output else error from None
    return {**result, **{name: scrub(result[name]) for name in ("lines", "text", "matched") if result.get(name)}}


def _kept_texts(client: EngineClient, stack: str) -> List[str]:
    """Returns the stack's values that this host can read. Only the controller can read a vault."""
    try:
        kept = open_store(client, SystemClock(), stack, 1, {}).read()[0]
    except StackwrightError:
        return []
    versions = [version for entry in kept.entries.values() for version in entry.versions]
    return [version.value for version in versions if version.value is not None]
