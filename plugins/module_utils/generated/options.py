# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of services_registry_compose."""

from __future__ import annotations

from typing import Any, Dict

#: The codes in ``accept`` are ACCEPTABLE of plugin_utils/registry.
REGISTRY_COMPOSE: Dict[str, Dict[str, Any]] = {
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
    "check_images": {"type": "bool", "default": False},
    "label_prefix": {"type": "str", "default": "stackwright"},
}
