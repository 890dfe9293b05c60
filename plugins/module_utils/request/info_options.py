# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules stack_info and swarm_info."""

from __future__ import annotations

from typing import Any, Dict

Spec = Dict[str, Dict[str, Any]]

_SECTIONS = ["cluster", "nodes", "stacks", "services", "tasks", "tasks_by_node", "networks", "configs", "secrets"]
#: Of stack_info, beside STACK.
STACK_INFO: Spec = {
    **{name: {"type": "bool", "default": False} for name in ("history", "files", "changes", "details")},
    "diff": {"type": "dict", "options": {"from": {"type": "int"}, "to": {"type": "str"}}},
}
#: Of swarm_info.
SWARM_INFO: Spec = {
    "gather": {
        "type": "list",
        "elements": "str",
        "choices": _SECTIONS,
        "default": [section for section in _SECTIONS if not section.startswith("tasks")],
    },
    "filters": {
        "type": "dict",
        "default": {},
        "options": {name: {"type": "str"} for name in ("name", "stack", "service", "node", "role", "state", "label")},
    },
    "limit": {"type": "int"},
    "offset": {"type": "int", "default": 0},
    "join_tokens": {"type": "bool", "default": False, "no_log": False},
    "what_if": {"type": "str"},
}
