# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules in groups, shared by the modules and the action plugins."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX

Spec = Dict[str, Dict[str, Any]]

STACK: Spec = {
    "name": {"type": "str"},
    "project": {"type": "str"},
    "environment": {"type": "str"},
    "label_prefix": {"type": "str", "default": DEFAULT_PREFIX},
}

FILES: Spec = {
    "src": {"type": "list", "elements": "path"},
    "definition": {"type": "raw"},
    "remote_src": {"type": "bool", "default": False},
    "project_directory": {"type": "path"},
    "confine": {"type": "str", "choices": ["project", "none"], "default": "none"},
    "variables": {"type": "dict", "default": {}},
    "env_files": {"type": "list", "elements": "path", "default": []},
    "profiles": {"type": "list", "elements": "str", "default": []},
    "strict": {"type": "bool", "default": False},
    "apply_ignored_keys": {"type": "bool", "default": False},
    "env_overrides": {
        "type": "dict",
        "default": {},
        "options": {"stack": {"type": "dict", "default": {}}, "services": {"type": "dict", "default": {}}},
    },
}

PLATFORM: Spec = {
    "shared_networks": {"type": "list", "elements": "str"},
    "platform": {
        "type": "dict",
        "default": {},
        "options": {
            "preset": {"type": "str", "choices": ["paas", "logs"]},
            "tracking_labels": {"type": "bool"},
            "update_config": {"type": "str", "choices": ["keep", "safe"]},
            "update_delay": {"type": "str"},
            "restart_policy": {"type": "dict"},
            "logging": {
                "type": "dict",
                "options": {"driver": {"type": "str"}, "options": {"type": "dict"}},
            },
            "environment": {"type": "dict"},
            "generic_resources": {"type": "dict"},
            "hash_aliases": {"type": "list", "elements": "str", "default": []},
        },
    },
}

#: Of compose_stack: options for parts of a stack.
PARTS: Spec = {
    "keep_files": {"type": "bool", "default": False},
    "on_changes": {"type": "str", "choices": ["deploy", "plan"], "default": "deploy"},
    "metadata": {"type": "dict", "default": {}},
    "services": {"type": "list", "elements": "str", "default": []},
    "restart_on": {"type": "raw"},
    "recreate_volumes": {"type": "list", "elements": "str", "default": []},
    "leave": {
        "type": "dict",
        "default": {},
        "options": {
            "all": {"type": "list", "elements": "str", "default": []},
            "services": {"type": "dict", "default": {}},
        },
    },
}

CHANGES: Spec = {
    "state": {"type": "str", "choices": ["present", "stopped", "absent"], "default": "present"},
    "prune": {"type": "bool", "default": True},
    "on_drift": {"type": "str", "choices": ["warn", "fail", "ignore"], "default": "warn"},
    "takes": {"type": "list", "elements": "str", "default": []},
    "restart": {"type": "list", "elements": "str", "default": []},
    "diff_configs": {"type": "bool", "default": False},
    "recreate": {"type": "bool", "default": False},
    "adopt_secrets": {"type": "bool", "default": False},
    "resolve_image": {"type": "str", "choices": ["always", "changed", "never"], "default": "changed"},
    "with_registry_auth": {"type": "bool", "default": False},
    "registry_auth": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "no_log": False,
        "options": {
            "registry": {"type": "str", "required": True},
            "username": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
        },
    },
    "rollout": {
        "type": "dict",
        "default": {},
        "options": {
            "wait": {"type": "bool", "default": True},
            "mode": {"type": "str", "choices": ["safe", "fast"], "default": "safe"},
            "parallel": {"type": "int", "default": 0},
            "timeout": {"type": "int", "default": 300},
            "deadline": {"type": "int"},
            "stable_for": {"type": "float", "default": 2.0},
            "max_restarts": {"type": "int", "default": 3},
            "poll_interval": {"type": "float", "default": 0.1},
            "pull": {"type": "str", "choices": ["on_start", "before"], "default": "on_start"},
            "pulls_at_once": {"type": "int", "default": 8},
            "runs_at_once": {"type": "int", "default": 0},
            "lock_timeout": {"type": "int", "default": 60},
            "on_failure": {"type": "str", "choices": ["rollback", "keep", "stop"]},
            "snapshot": {"type": "list", "elements": "str", "default": []},
            "snapshot_dest": {"type": "path", "default": "/var/lib/stackwright/volumes"},
            "snapshot_quiesce": {"type": "str", "choices": ["stop", "pause", "command", "none"], "default": "stop"},
            "snapshot_command": {"type": "list", "elements": "str", "default": []},
            "snapshot_keep": {"type": "int", "default": 7},
            "restore_snapshot": {"type": "bool", "default": False},
        },
    },
    "keep_revisions": {"type": "int", "default": 10},
    "commit_message": {"type": "str"},
    "plan_id": {"type": "str"},
}

#: Of compose_stack: many stacks in one task.
MANY: Spec = {
    "stacks": {"type": "list", "elements": "raw"},
    "at_once": {"type": "int", "default": 4},
}

#: Of stack_rollback: the revision, and the options that it shares with a deployment.
BACK: Spec = {
    "to": {"type": "int"},
    "rerun_jobs": {"type": "bool", "default": False},
    **{
        name: CHANGES[name]
        for name in (
            "recreate",
            "with_registry_auth",
            "registry_auth",
            "rollout",
            "keep_revisions",
            "commit_message",
            "plan_id",
        )
    },
}

#: Of stack_drift: what counts as drift, and the options that healing shares with a deployment.
DRIFT: Spec = {
    "heal": {"type": "bool", "default": False},
    "prune": {"type": "bool", "default": False},
    "images": {"type": "bool", "default": False},
    "fail_on_drift": {"type": "bool", "default": False},
    "ignore": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {name: {"type": "str"} for name in ("service", "name", "kind", "path")},
    },
    **{name: option for name, option in BACK.items() if name != "to"},
}

#: The range of each number; without a maximum, a timeout could be endless.
DAY = 86400
EVENTS = ["start", "success", "failure", "rollback", "drift"]
RANGES = {
    "rollout.timeout": (1, DAY),
    "rollout.deadline": (1, DAY),
    "rollout.stable_for": (0, DAY),
    "stable_for": (0, DAY),
    "rollout.max_restarts": (0, 1000),
    "rollout.parallel": (0, 1000),
    "rollout.pulls_at_once": (1, 1000),
    "rollout.runs_at_once": (0, 1000),
    "rollout.poll_interval": (0.05, 10),
    "rollout.lock_timeout": (0, DAY),
    "rollout.snapshot_keep": (0, 1000),
    "lock_timeout": (0, DAY),
    "replicas": (0, 100000),
    "at_once": (1, 100),
    "keep_revisions": (1, 1000),
    "keep": (0, 1000),
    "keep_versions": (1, 1000),
    "to": (1, 999999999),
    "wait_timeout": (1, DAY),
    "timeout": (1, DAY),
    "admin_timeout": (1, DAY),
    "part_size": (1, 64),
    "subnet_size": (1, 30),
    "data_path_port": (1024, 49151),
    "task_history_limit": (0, 1000),
    "snapshot_interval": (1, 1000000000),
    "prune_down_after": (0, 365 * DAY),
    "limit": (1, 1000000),
    "offset": (0, 1000000),
    "tail": (1, 5000),
    "min_free_mib": (0, 1000000000),
    "warn_free_mib": (0, 1000000000),
}

#: Where the values of a stack are kept; shared by compose_stack and stack_values.
STORE: Spec = {
    "store": {"type": "str", "choices": ["auto", "host_facts", "swarm", "vault"], "default": "auto"},
    "path": {"type": "path"},
    "encrypted": {"type": "str", "choices": ["vault"]},
    "vault_id": {"type": "str"},
}

KEPT: Spec = {
    "state": {"type": "str", "choices": ["present", "absent", "listed", "read", "regenerated", "moved"]},
    "values": {"type": "dict", "no_log": True},
    "names": {"type": "list", "elements": "str"},
    "to": {"type": "dict", "options": STORE},
}

VALUES: Spec = {
    "values": {
        "type": "dict",
        "default": {},
        "options": {
            **STORE,
            "regenerate": {"type": "list", "elements": "str", "default": []},
            "on_lost": {"type": "str", "choices": ["fail", "adopt", "regenerate"], "default": "fail"},
        },
    },
}

#: Of stack_rollback: where the values of the revision are.
PINNED: Spec = {"values": {"type": "dict", "default": {}, "options": STORE}}

#: Of compose_stack, stack_rollback and stack_drift; the action plugin keeps it.
NOTIFY: Spec = {
    "notify": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "url": {"type": "str", "required": True, "no_log": True},
            "format": {"type": "str", "choices": ["json", "slack", "teams", "discord", "apprise"], "default": "json"},
            "events": {"type": "list", "elements": "str", "choices": EVENTS, "default": EVENTS},
            "headers": {"type": "dict", "no_log": True},
        },
    },
}

NOTIFICATION: Spec = {
    **STACK,
    "name": {"type": "str", "required": True},
    **NOTIFY,
    "title": {"type": "str", "required": True},
    "lines": {"type": "list", "elements": "str", "default": []},
    "event": {"type": "str", "choices": EVENTS, "default": "failure"},
}

#: The options of file_fetch; ``part_size`` in MiB.
FETCH: Spec = {
    "src": {"type": "str", "required": True},
    "dest": {"type": "path", "required": True},
    "part_size": {"type": "int", "default": 4},
}

#: The data that the action plugin passes besides the options, as JSON, such as the desired state. Users can't set it,
#: so it is not documented.
COMPILED = "_stackwright_compiled"


def check_ranges(options: Mapping[str, Any]) -> None:
    """Raises StackwrightError (``invalid_options``) with every number that is out of its range."""
    flat = {**options, **{f"rollout.{name}": value for name, value in (options.get("rollout") or {}).items()}}
    wrong = [
        f"{name} must be from {_shown(least)} to {_shown(most)}, not {_shown(flat[name])}."
        for name, (least, most) in RANGES.items()
        # ``to`` is a store in stack_values.
        if isinstance(flat.get(name), (int, float)) and not least <= flat[name] <= most
    ]
    if wrong:
        raise StackwrightError(" ".join(wrong), "invalid_options")


def _shown(number: object) -> str:
    """Returns a short text of a number. Formatting a huge integer as a float fails."""
    return str(number)[:20] + "..." if isinstance(number, int) and abs(number) > DAY**2 else f"{number:.15g}"


def kept_state(options: Mapping[str, object]) -> str:
    """Returns the requested state of stack_values. Raises StackwrightError (``invalid_options``)."""
    if options["state"] is not None:
        return str(options["state"])
    if options["names"] is not None or options["to"] is not None:
        needed = "read, absent or regenerated" if options["names"] is not None else "moved"
        raise StackwrightError(f"The action is missing: set state ({needed}).", "invalid_options")
    return "listed" if options["values"] is None else "present"


#: Options of ``rollout`` for volumes; and those for several services, for new images, or for volumes.
OF_VOLUMES = (
    "snapshot",
    "snapshot_dest",
    "snapshot_quiesce",
    "snapshot_command",
    "snapshot_keep",
    "restore_snapshot",
)
OF_MANY = ("parallel", "pull", "pulls_at_once", *OF_VOLUMES)
STATES = ["scaled", "stopped", "started", "restarted", "rolled_back", "paused", "resumed", "run"]
#: Of stack_service.
SERVICE: Spec = {
    "service": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": STATES, "default": "scaled"},
    "replicas": {"type": "int"},
    "started_before": {"type": "str"},
    "slot": {"type": "str"},
    **{name: CHANGES[name] for name in ("with_registry_auth", "registry_auth", "commit_message")},
    # Without the options for several services, images and volumes.
    "rollout": {
        **CHANGES["rollout"],
        "options": {name: option for name, option in CHANGES["rollout"]["options"].items() if name not in OF_MANY},
    },
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


def check_service(options: Mapping[str, Any]) -> None:
    """Raises StackwrightError (``invalid_options``) if the options of stack_service do not fit together."""
    check_ranges(options)
    state, replicas, moment, slot = (options[name] for name in ("state", "replicas", "started_before", "slot"))
    wrong = ""
    if (state == "scaled") != (replicas is not None):
        how = "is required" if state == "scaled" else "can't be used"
        wrong = f"replicas {how} with state {state}."
    elif moment is not None and state != "restarted":
        wrong = f"started_before can't be used with state {state}."
    elif moment is not None and not _MOMENT.match(moment):
        wrong = f"started_before must be a time such as 2026-11-21T12:00:00Z, not {moment!r}."
    elif slot is not None and (state != "run" or not _MOMENT.match(slot)):
        wrong = f"slot needs state run, and must be a time such as 2026-11-21T12:00:00Z, not {slot!r}."
    if wrong:
        raise StackwrightError(wrong, "invalid_options")


#: Of stack_health.
HEALTH: Spec = {
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 300},
    "stable_for": {"type": "float", "default": 2.0},
}
#: Of stack_logs.
LOGS: Spec = {
    **STACK,
    "name": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "str", "default": []},
    "task": {"type": "str"},
    "tail": {"type": "int", "default": 100},
    "since": {"type": "str"},
    "contains": {"type": "str"},
    "until": {"type": "str"},
    "wait_timeout": {"type": "int"},
}

_REMOVED = {"type": "bool", "default": True}
_ONLY_IF_ASKED = {"type": "bool", "default": False}
#: Of stack_cleanup: by default it removes only objects that a deployment can create again.
CLEANUP: Spec = {
    "services": _REMOVED,
    "networks": _REMOVED,
    "configs": _REMOVED,
    "secrets": _REMOVED,
    "history": _REMOVED,
    "values": _ONLY_IF_ASKED,
    "values_path": {"type": "path"},
    "volumes": _ONLY_IF_ASKED,
    "volume_names": {"type": "list", "elements": "str", "default": []},
    "images": _ONLY_IF_ASKED,
    "dangling": _ONLY_IF_ASKED,
    "break_lock": _ONLY_IF_ASKED,
    "ignore_residue": _ONLY_IF_ASKED,
    "wait_timeout": {"type": "int", "default": 300},
    "lock_timeout": {"type": "int", "default": 60},
    "commit_message": {"type": "str"},
}

#: Of stack_preflight, beside the files and the platform.
PREFLIGHT: Spec = {
    **{name: CHANGES[name] for name in ("resolve_image", "with_registry_auth", "registry_auth")},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
    "min_free_mib": {"type": "int", "default": 1024},
    "warn_free_mib": {"type": "int", "default": 5120},
}
