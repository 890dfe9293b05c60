# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes the kept values of a stack from results, as far as this host has them."""

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
    """The result, error or messages of ``work``, without the kept values of the stack that this host has.

    They are read only if there are words of a container: in lines of a log, or in what is told of a failure.
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
        words = error.details.get("failures") or error.details.get("lines")
        raise scrubbed(error, scrub) if words else error from None
    return {**result, **{name: scrub(result[name]) for name in ("lines", "text") if result.get(name)}}


def _kept_texts(client: EngineClient, stack: str) -> List[str]:
    """The values of the stack that can be read from here. A vault is the controller's."""
    try:
        kept = open_store(client, SystemClock(), stack, 1, {}).read()[0]
    except StackwrightError:
        return []
    versions = [version for entry in kept.entries.values() for version in entry.versions]
    return [version.value for version in versions if version.value is not None]
