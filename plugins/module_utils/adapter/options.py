# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules, one group a constant, shared by the modules and the action plugin."""

from __future__ import annotations

from typing import Any, Dict

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
    "variables": {"type": "dict", "default": {}},
    "env_files": {"type": "list", "elements": "path", "default": []},
    "profiles": {"type": "list", "elements": "str", "default": []},
    "strict": {"type": "bool", "default": False},
    "apply_ignored_keys": {"type": "bool", "default": False},
}

PLATFORM: Spec = {
    "shared_networks": {"type": "list", "elements": "str", "default": []},
    "platform": {
        "type": "dict",
        "default": {},
        "options": {
            "tracking_labels": {"type": "bool"},
            "update_config": {"type": "str", "choices": ["keep", "safe"], "default": "keep"},
            "restart_policy": {"type": "dict"},
            "logging": {
                "type": "dict",
                "options": {"driver": {"type": "str", "required": True}, "options": {"type": "dict", "default": {}}},
            },
            "environment": {"type": "dict"},
            "generic_resources": {"type": "dict"},
        },
    },
}

CHANGES: Spec = {
    "state": {"type": "str", "choices": ["present", "stopped", "absent"], "default": "present"},
    "prune": {"type": "bool", "default": True},
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
            "timeout": {"type": "int", "default": 300},
        },
    },
}

#: What the action plugin hands over: JSON with the desired state, and whether to leave the work to another manager.
COMPILED: Spec = {"compiled": {"type": "str", "no_log": True}}
