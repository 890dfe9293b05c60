# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a deployment and their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options

#: What a run does that would overwrite changes which others have made since the last revision.
FAIL, IGNORE = "fail", "ignore"
#: When the new images of a deployment are pulled, if not when their tasks start.
BEFORE = "before"
#: The operation of a run that puts back what drifted; as in history/revision.py.
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
    "check": False,  # announce, write nothing
    "defer": False,  # if there is work, leave it: the caller chooses which manager does it
    "prune": True,
    "takes": (),  # domains that the stack takes from others
    "tell_routes": False,  # whether the result has what the record of routes says
    "recreate": False,
    "diff_configs": False,  # whether the diff shows what is in configs
    "restart": (),  # keys of services whose tasks are replaced also if nothing differs
    "adopt_secrets": False,
    "resolve_image": "changed",
    "with_registry_auth": False,
    "registry_auth": [],
    "wait": True,
    "mode": "safe",  # or "fast": no waiting between waves, and none for stability
    "parallel": 0,  # services of a wave that change at once; 0 is all
    "timeout": 300.0,  # seconds without progress
    "deadline": 0.0,  # seconds with or without progress; 0 is none
    "stable_for": 2.0,  # seconds that a changed service has to stay running
    "max_restarts": 3,  # of one slot; one more is a crash loop
    "pending_for": 20.0,  # seconds that a task may wait for a node; no option of the module
    "poll_interval": 0.1,  # seconds between two looks at the tasks, at most
    "pull": "on_start",  # or "before": the new images are on the nodes before the first service changes
    "pulls_at_once": 8,  # over all nodes, with pull: before
    "runs_at_once": 0,  # runs that may change stacks of this Swarm at once; 0 is any number
    "lock_timeout": 60.0,  # seconds to wait for another run
    "on_failure": None,  # rollback, keep or stop; None is rollback in mode safe, keep in mode fast
    "snapshot": (),  # volumes that are copied before a service with them changes
    "snapshot_dest": "",  # the folder of the copies
    "snapshot_quiesce": "stop",  # or pause, command, none: what is done about the users of the volume meanwhile
    "snapshot_command": (),
    "snapshot_keep": 7,  # snapshots of a volume that stay; 0 is all
    "restore_snapshot": False,  # whether a rollback restores them
    "keep_revisions": 10,
    "commit_message": "",
    "who": "",  # who asked for the deployment, for the history
    "rerun_jobs": False,  # whether what goes back runs the jobs that differ
    "back_to": 0,  # the number of the revision whose snapshot is deployed
    "operation": "",  # what the history calls the run; empty: deploy, or rollback where there is back_to
    "on_drift": IGNORE,
    "unused_networks": (),  # networks that may be removed and created again if they differ
    "plan_id": "",  # the plan that was approved; empty for any
    "this_run": _nameless,  # this_run(operation, message, since, who) -> data for the lock: process_identity.py
    "is_gone": _unknown,  # is_gone(data) -> whether that run's process is known to have ended
    "identity": None,  # which of the stacks that can have this name is meant: name, id, project, environment, given
    "prefix": DEFAULT_PREFIX,
    "values": {},  # where kept values are: store, path, regenerate, on_lost, carried, made
    "scrub": lambda data: data,  # scrub(plain data) -> the same without values of the stack, for what is recorded
    "mask": _mask,  # mask(kind, key, path, value) -> what the plan shows instead
    "progress": None,  # progress(line)
    "detach": None,  # detach(): from here on there are changes or a long wait; the caller may go on in another process
}


def with_defaults(options: Mapping[str, object]) -> Any:
    """``options`` over the defaults; what is None counts as not given.

    Here plain data becomes options: the caller names their type (option_types.pyi).
    """
    return {**DEFAULTS, **{key: value for key, value in options.items() if value is not None}}


def detach(options: Options) -> None:
    """Tells the caller that there will be a wait, with changes before it or without.

    Called while nothing is locked, changed or recorded yet: it may return in another process than it was called in.
    """
    if options["detach"] and options["wait"] and not options["check"] and not options["defer"]:
        options["detach"]()
