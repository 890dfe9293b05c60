# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of one host: the options of volume_snapshot, volume_restore and volume_copy, and their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.copying import copy, forget
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.quiesce import Scale
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.restore import restore
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.snapshot import take

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Copying, Options

Spec = Dict[str, Dict[str, Any]]
STILL: Spec = {
    "quiesce": {"type": "str", "choices": ["stop", "pause", "command", "none"], "default": "stop"},
    "command": {"type": "list", "elements": "str", "default": []},
}
WAIT: Spec = {"wait_timeout": {"type": "int", "default": 300}}
SNAPSHOT: Spec = {
    "name": {"type": "str"},
    "volumes": {"type": "list", "elements": "str", "default": []},
    "dest": {"type": "path", "required": True},
    "snapshot": {"type": "str"},
    **STILL,
    "keep": {"type": "int", "default": 7},
    "labels": {"type": "dict", "default": {}},
    **WAIT,
}
RESTORE: Spec = {
    "name": {"type": "str"},
    "volume": {"type": "str", "required": True},
    "src": {"type": "path", "required": True},
    "snapshot": {"type": "str", "default": "latest"},
    "quiesce": {"type": "str", "choices": ["stop", "none"], "default": "none"},
    **WAIT,
}
COPY: Spec = {
    "volume": {"type": "str"},
    "to": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "dest": {"type": "path", "default": "/var/lib/stackwright/copies"},
    "refresh": {"type": "bool", "default": False},
    "labels": {"type": "dict", "default": {}},
    **STILL,
    **WAIT,
}


def snapshot_volumes(client: EngineClient, params: Mapping[str, object], check: bool) -> Dict[str, Any]:
    """Does the work of volume_snapshot."""
    options = cast("Options", params)
    if options["keep"] < 0:
        raise StackwrightError(f"keep must be 0 or more, not {options['keep']}.", "invalid_options")
    options["labels"] = {str(key): str(value) for key, value in options["labels"].items()}
    return take(client, SystemClock(), options, check, _scale(client, options["wait_timeout"]))


def restore_volume(client: EngineClient, params: Mapping[str, object], check: bool) -> Dict[str, Any]:
    """Does the work of volume_restore."""
    options = cast("Options", params)
    return restore(client, SystemClock(), options, check, _scale(client, options["wait_timeout"]))


def copy_volume(client: EngineClient, params: Mapping[str, object], check: bool) -> Dict[str, Any]:
    """Does the work of volume_copy."""
    options = cast("Copying", params)
    if options["state"] == "present" and not options["volume"]:
        raise StackwrightError("volume is required: set it to the volume to copy.", "invalid_options")
    options["labels"] = {str(key): str(value) for key, value in options["labels"].items()}
    work = copy if options["state"] == "present" else forget
    return work(client, SystemClock(), options, check, _scale(client, options["wait_timeout"]))


def _scale(client: EngineClient, limit: int) -> Scale:
    """Returns a function that scales a service, under the lock of its stack, and waits for it; ``limit`` in seconds."""

    def scale(service: Service, replicas: int) -> None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.relocate import scaled

        options = {"this_run": this_run, "is_gone": is_gone, "timeout": limit}
        scaled(client, SystemClock(), service, replicas, {**options, "commit_message": "volumes"})

    return scale
