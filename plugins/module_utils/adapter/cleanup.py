# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of stack_cleanup on a manager and on each node."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import CLEANUP, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import through_an_election
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import tells_its_own

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import CleanupPart
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import CleanupOptions

#: The parts of the work in order: each host identifies its node; a manager cleans the cluster; each other host cleans
#: its node, while the manager renews the lease; the manager releases the lock.
LOOK, CLUSTER, NODE, RENEW, END = "look", "cluster", "node", "renew", "end"
_VOLUME = re.compile(r"[^/*?\x00-\x1f\x7f][^*?\x00-\x1f\x7f]*\Z")


def check_cleanup(options: Mapping[str, Any]) -> None:
    """Raises StackwrightError (``invalid_options``, ``invalid_name``)."""
    check_ranges(options)
    for name in options["volume_names"]:
        if not tells_its_own(name):
            raise StackwrightError(
                f"Can't determine which volumes match {name!r}.",
                "invalid_name",
                "In volume names, only Swarm's templates .Task.Slot, .Task.ID, .Service.ID, .Node.ID and "
                ".Node.Hostname can be resolved. Give the full names of the volumes.",
            )
        if not _VOLUME.match(name):
            raise StackwrightError(
                f"{name!r} is not a valid volume name.",
                "invalid_name",
                "Give each volume by its name in the Compose file or by its full name; wildcards are not supported.",
            )


def clean_up(client: EngineClient, params: Dict[str, Any], run: CleanupPart) -> Dict[str, Any]:
    """Does one part of a cleanup.

    :raises StackwrightError: see ``tasks.cleanup``; ``usage`` if the module is run without its action plugin.
    """
    check_cleanup(params)
    part = run.get("part")
    clock, stack = SystemClock(), params["name"]
    if part == LOOK:
        from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.cleanup import look_at_node

        return look_at_node(client, clock, stack)
    if part in (RENEW, END):
        from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lease import (
            end_later,
            end_lease,
            renew_lease,
        )

        if part == END and run["seconds"]:
            return end_later(client, clock, stack, run["run"], run["seconds"], run["detach"])
        if part == END:
            return end_lease(client, clock, stack, run["run"])
        return renew_lease(client, clock, stack, run["run"], float(run["seconds"]))
    if part not in (CLUSTER, NODE):
        raise StackwrightError(
            "stack_cleanup was run without its action plugin, which assigns the work to the hosts.",
            error_code="usage",
            hint="Run it as the task stackwright.swarm.stack_cleanup, not by the path of the module file.",
        )

    options: CleanupOptions = with_defaults(
        {
            **{name: params[name] for name in CLEANUP},
            "timeout": float(params["wait_timeout"]),
            "prefix": params["label_prefix"],
            "identity": run.get("identity"),
            "who": run.get("who"),
            "this_run": this_run,
            "is_gone": is_gone,
            "seen": run.get("seen") or (),
            "others": bool(run.get("others")),
            **{name: run[name] for name in ("check", "detach", "progress")},
        }
    )
    if part == NODE:
        from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node_cleanup import clean_node

        options["timeout"] = min(options["timeout"], float(run["wait"]))
        return clean_node(client, clock, stack, options, run["facts"], until(clock, run["until"], run["why"]))
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.cleanup import clean_cluster

    return through_an_election(clock, lambda: clean_cluster(client, clock, stack, options))


def until(clock: Clock, moments: Sequence[float], why: str) -> Callable[[], str]:
    """Returns a function that returns ``why`` after one of ``moments`` (``now``, ``wall``) of this machine, else "".

    Without ``moments``, it always returns ``why``. It uses both clocks, because one restarts with the machine and the
    other can be set back.
    """

    def may() -> str:
        return "" if moments and clock.now() < moments[0] and clock.wall() < moments[1] else why

    return may
