# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the modules that only read, and of swarm_init."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack


def full_name(params: Dict[str, Any]) -> Optional[str]:
    """The Swarm name of the stack in the options; None if they have none."""
    return Stack.of(params).full_name if params["name"] else None


def look_at_health(client: EngineClient, params: Dict[str, Any], run: Dict[str, Any]) -> Dict[str, Any]:
    """The health of the stack's services, after waiting for them if ``wait`` is on.

    In check mode nothing has changed, so it does not wait.
    """
    from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import stack_status

    stack = full_name(params) or ""
    options = {"wait": params["wait"] and not run["check"], "timeout": params["wait_timeout"]}
    options.update({name: run[name] for name in ("defer", "detach", "progress")}, stable_for=params["stable_for"])
    return _without_kept(client, stack, options, lambda: stack_status(client, SystemClock(), stack, options))


def show_stacks(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """The named stack, or all."""
    del check  # nothing is changed either way
    from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info

    return stack_info(client, full_name(params), params["history"], params["label_prefix"], params["files"])


def show_swarm(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """The requested sections of the whole Swarm."""
    del check  # nothing is changed either way
    from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_info import Page, swarm_info

    page = Page(params["limit"], params["offset"])
    return swarm_info(client, params["gather"], params["filters"], page, params["join_tokens"])


def show_logs(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """The last lines of the named stack, or of some of its services or one of its tasks."""
    del check  # nothing is changed either way
    from ansible_collections.stackwright.swarm.plugins.module_utils.info.logs import Wanted, stack_logs

    wanted = Wanted(
        params["services"], params["task"] or "", params["tail"], params["since"] or "", params["contains"] or ""
    )
    stack = full_name(params) or ""
    return _without_kept(client, stack, {}, lambda: stack_logs(client, SystemClock(), stack, wanted))


def _without_kept(
    client: EngineClient, stack: str, options: Dict[str, Any], work: Callable[[], Dict[str, Any]]
) -> Dict[str, Any]:
    """The result, error or messages of ``work``, without the kept values of the stack that this host has.

    They are read only if there are words of a container: in lines of a log, or in what is told of a failure.
    """
    known: List[Any] = []

    def scrub(data: Any) -> Any:
        if not known:
            from ansible_collections.stackwright.swarm.plugins.module_utils.masking.scrub import scrubber

            known.append(scrubber(_kept_texts(client, stack)))
        return known[0](data)

    progress = options.get("progress")
    if progress:
        options["progress"] = lambda line: progress(scrub(line))
    try:
        result = work()
    except StackwrightError as error:
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import scrubbed

        raise scrubbed(error, scrub) if error.details.get("failures") else error from None
    return {**result, **{name: scrub(result[name]) for name in ("lines", "text") if result.get(name)}}


def _kept_texts(client: EngineClient, stack: str) -> List[str]:
    """The values of the stack that can be read from here. A vault is the controller's."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import open_store

    try:
        kept = open_store(client, SystemClock(), stack, 1, {}).read()[0]
    except StackwrightError:
        return []
    versions = [version for entry in kept.entries.values() for version in entry.versions]
    return [version.value for version in versions if version.value is not None]


def make_swarm(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """Creates a Swarm if there is none."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.swarm_init import init_swarm

    return init_swarm(client, params, check)
