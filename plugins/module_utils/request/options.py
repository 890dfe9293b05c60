# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a deployment and their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options

#: Values of ``on_drift``: what to do before overwriting changes that others have made since the last revision.
FAIL, IGNORE = "fail", "ignore"
#: Value of ``pull``: pull new images before the first service changes.
BEFORE = "before"
#: The operation of a run that repairs drift, as in history/revision.py.
HEAL = "heal"


def _mask(kind: str, key: str, path: str, value: object) -> Any:
    # Imported here: a run without changes has nothing to hide.
    from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import mask

    return mask(kind, key, path, value)


def _nameless(operation: str, message: str, since: float, who: str) -> Dict[str, Any]:
    return {"operation": operation, "message": message, "since": since, "who": who}


def _unknown(holder: Mapping[str, object]) -> bool:
    del holder
    return False


DEFAULTS: Dict[str, Any] = {
    "check": False,  # check mode
    "defer": False,  # only plan: the caller then chooses the manager that does the work
    "prune": True,
    "takes": (),  # domains that the stack takes from others
    "tell_routes": False,  # whether the result has the record of routes
    "recreate": False,
    "diff_configs": False,  # whether the diff shows the content of configs
    "restart": (),  # keys of services whose tasks are replaced even if nothing differs
    "adopt_secrets": False,
    "resolve_image": "changed",
    "with_registry_auth": False,
    "registry_auth": [],
    "wait": True,
    "mode": "safe",  # or "fast": no wait between waves, nor for stability
    "parallel": 0,  # services of a wave that change at once; 0 is all
    "timeout": 300.0,  # seconds without progress
    "deadline": 0.0,  # seconds with or without progress; 0 is none
    "stable_for": 2.0,  # seconds that a changed service must keep running
    "max_restarts": 3,  # per slot; one more is a crash loop
    "pending_for": 20.0,  # seconds that a task may wait for a node; not an option of the module
    "poll_interval": 0.1,  # longest pause between two reads of the tasks, in seconds
    "pull": "on_start",  # or "before": the new images are on the nodes before the first service changes
    "pulls_at_once": 8,  # over all nodes, with pull: before
    "runs_at_once": 0,  # runs that may change stacks of this Swarm at once; 0 is any number
    "lock_timeout": 60.0,  # seconds to wait for another run
    "on_failure": None,  # rollback, keep or stop; None is rollback in mode safe, keep in mode fast
    "snapshot": (),  # volumes that are copied before a service with them changes
    "snapshot_dest": "",  # the folder of the copies
    "snapshot_quiesce": "stop",  # or pause, command, none: what happens to the users of the volume during the copy
    "snapshot_command": (),
    "snapshot_keep": 7,  # snapshots to keep per volume; 0 is all
    "restore_snapshot": False,  # whether a rollback restores them
    "keep_revisions": 10,
    "commit_message": "",
    "who": "",  # who requested the deployment, for the history
    "rerun_jobs": False,  # whether a rollback runs changed jobs again
    "back_to": 0,  # the number of the revision to roll back to
    "operation": "",  # the operation in the history; empty: deploy, or rollback if back_to is set
    "on_drift": IGNORE,
    "unused_networks": (),  # networks that may be removed and created again if they differ
    "plan_id": "",  # the plan that was approved; empty for any
    "this_run": _nameless,  # this_run(operation, message, since, who) -> data for the lock: process_identity.py
    "is_gone": _unknown,  # is_gone(data) -> whether that run's process has certainly ended
    "identity": None,  # the owner of the stack: name, id, project, environment, given
    "prefix": DEFAULT_PREFIX,
    "values": {},  # the store of kept values: store, path, regenerate, on_lost, carried, made
    "scrub": lambda data: data,  # scrub(plain data) -> a copy without values of the stack, for the history
    "mask": _mask,  # mask(kind, key, path, value) -> the value as the plan shows it
    "progress": None,  # progress(line)
    "detach": None,  # detach(): called before changes or a long wait; may continue in another process
}


def with_defaults(options: Mapping[str, object]) -> Any:
    """Returns ``options`` with the defaults for missing ones and None.

    The result is untyped: the caller declares the type of its options (option_types.pyi).
    """
    return {**DEFAULTS, **{key: value for key, value in options.items() if value is not None}}


def detach(options: Options) -> None:
    """Calls ``options["detach"]`` before changes or a wait, which may continue in another process.

    Call it before anything is locked, changed or recorded.
    """
    if options["detach"] and options["wait"] and not options["check"] and not options["defer"]:
        options["detach"]()
