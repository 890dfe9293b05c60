# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of stack_export, for its module and its action plugin."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX

STACK_EXPORT: Dict[str, Dict[str, Any]] = {
    "name": {"type": "list", "elements": "str", "default": []},
    "all": {"type": "bool", "default": False},
    "dest": {"type": "path", "required": True},
    "playbook": {"type": "bool", "default": False},
    "overwrite": {"type": "bool", "default": False},
    "strict": {"type": "bool", "default": False},
    "label_prefix": {"type": "str", "default": DEFAULT_PREFIX},
}


class Options(NamedTuple):
    """The options of a task, checked."""

    name: List[str]
    all: bool
    dest: str
    playbook: bool
    overwrite: bool
    strict: bool
    label_prefix: str
