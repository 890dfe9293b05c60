# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules for nodes, and for objects that belong to no stack."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

Spec = Dict[str, Dict[str, Any]]

NODE: Spec = {
    "name": {"type": "str", "required": True},
    "labels": {"type": "dict"},
    "labels_mode": {"type": "str", "choices": ["merge", "exact"], "default": "merge"},
    "availability": {"type": "str", "choices": ["active", "pause", "drain"]},
    "role": {"type": "str", "choices": ["manager", "worker"]},
    "move": {"type": "str", "choices": ["safe", "swarm"], "default": "safe"},
    "unmovable": {"type": "str", "choices": ["fail", "stop"], "default": "fail"},
    "wait_ready": {"type": "bool", "default": False},
    "engine_version": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
}


def check_labels(options: Mapping[str, Any]) -> None:
    """Raises StackwrightError (``invalid_options``) for labels that no node can have."""
    wrong = []
    for name, value in (options["labels"] or {}).items():
        if not str(name).strip() or "=" in str(name):
            wrong.append(f"{str(name)!r} is not a valid label name.")
        elif isinstance(value, (dict, list)):
            wrong.append(f"The value of the label {name} must be a text.")
    if options["labels_mode"] == "exact" and options["labels"] is None:
        wrong.append("labels is required with labels_mode exact.")
    if options["engine_version"] and not options["wait_ready"]:
        wrong.append("engine_version needs wait_ready.")
    if wrong:
        raise StackwrightError(" ".join(wrong), "invalid_options")


REBALANCE: Spec = {
    "services": {"type": "list", "elements": "str", "default": []},
    "stacks": {"type": "list", "elements": "str", "default": []},
    "dip": {"type": "str", "choices": ["forbid", "allow"], "default": "forbid"},
    "wait_timeout": {"type": "int", "default": 300},
}

_PRESENCE = {"type": "str", "choices": ["present", "absent"], "default": "present"}
_OBJECT: Spec = {
    "name": {"type": "str", "required": True},
    "state": _PRESENCE,
    "data_is_b64": {"type": "bool", "default": False},
    "labels": {"type": "dict"},
    "template_driver": {"type": "str", "choices": ["golang"]},
    "hashed_name": {"type": "bool", "default": True},
    "keep_versions": {"type": "int", "default": 2},
}
SECRET: Spec = {**_OBJECT, "data": {"type": "str", "no_log": True}}
CONFIG: Spec = {**_OBJECT, "data": {"type": "str", "no_log": True}}
NETWORK: Spec = {
    "name": {"type": "str", "required": True},
    "state": _PRESENCE,
    "driver": {"type": "str", "default": "overlay"},
    "driver_options": {"type": "dict"},
    "attachable": {"type": "bool", "default": False},
    "internal": {"type": "bool", "default": False},
    "encrypted": {"type": "bool", "default": False},
    "ipv6": {"type": "bool", "default": False},
    "ipam": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "subnet": {"type": "str", "required": True},
            "gateway": {"type": "str"},
            "ip_range": {"type": "str"},
        },
    },
    "labels": {"type": "dict"},
    "recreate": {"type": "bool", "default": False},
}
