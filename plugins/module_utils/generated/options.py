# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules of a registry of services."""

from __future__ import annotations

from typing import Any, Dict

Spec = Dict[str, Dict[str, Any]]

#: The options of services_registry_import.
REGISTRY_IMPORT: Spec = {
    "src": {"type": "list", "elements": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "strict": {"type": "bool", "default": False},
    "overwrite": {"type": "bool", "default": False},
    "mode": {"type": "raw"},
}

#: The options of services_registry_info, besides STACK and the connection.
REGISTRY_INFO: Spec = {
    "src": {"type": "path", "required": True},
    "overlays": {"type": "list", "elements": "path", "default": []},
    "remote_src": {"type": "bool", "default": False},
    "variables": {"type": "dict", "default": {}},
    "stacks": {"type": "str", "choices": ["one", "per_category"], "default": "one"},
    "only": {"type": "list", "elements": "str", "default": []},
    "strict": {"type": "bool", "default": False},
    "accept": {"type": "list", "elements": "str", "default": []},
    "definition": {"type": "bool", "default": False},
    "compare": {"type": "bool", "default": True},
    "absent_networks": {"type": "list", "elements": "str", "default": []},
    "run": {"type": "str", "default": ""},
}

#: The options of services_registry_compose. Codes in ``accept`` are ACCEPTABLE of plugin_utils/registry.
REGISTRY_COMPOSE: Spec = {
    "src": {"type": "path", "required": True},
    "overlays": {"type": "list", "elements": "path", "default": []},
    "dest": {"type": "path", "required": True},
    "strict": {"type": "bool", "default": False},
    "accept": {
        "type": "list",
        "elements": "str",
        "default": [],
        "choices": ["dependency_later", "phase_order", "restart_unquoted"],
    },
    "overwrite_edited": {"type": "bool", "default": False},
    "verify": {"type": "bool", "default": False},
    "check_images": {"type": "bool", "default": False},
    "label_prefix": {"type": "str", "default": "stackwright"},
}
