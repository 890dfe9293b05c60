# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of swarm_bundle, for its module and its action plugin."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX

SAVED, VERIFIED, READ = "saved", "verified", "read"
SWARM_BUNDLE: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "choices": [SAVED, VERIFIED, READ], "required": True},
    "path": {"type": "path", "required": True},
    "vault_id": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "encrypt_command": {"type": "str"},
    "decrypt_command": {"type": "str"},
    "keep": {"type": "int", "default": 7},
    "values": {"type": "dict", "default": {}, "no_log": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "snapshots": {"type": "list", "elements": "dict", "default": []},
    "platform": {"type": "list", "elements": "str", "default": ["proxy"]},
    "label_prefix": {"type": "str", "default": DEFAULT_PREFIX},
    "only": {"type": "str", "choices": ["all", "platform"], "default": "all"},
    "incomplete": {"type": "bool", "default": False},
    "nodes": {"type": "dict", "default": {}},
    "spread_nodes": {"type": "bool", "default": False},
    "domains": {"type": "dict", "default": {}},
    "networks": {"type": "dict", "default": {}},
}


class Options(NamedTuple):
    """The options of a task, checked."""

    state: str
    path: str
    vault_id: Optional[str]
    password: Optional[str]
    encrypt_command: Optional[str]
    decrypt_command: Optional[str]
    keep: int
    values: Mapping[str, Mapping[str, object]]
    secrets: Mapping[str, object]
    snapshots: List[Dict[str, Any]]
    platform: List[str]
    label_prefix: str
    only: str
    incomplete: bool
    nodes: Mapping[str, str]
    spread_nodes: bool
    domains: Mapping[str, str]
    networks: Mapping[str, str]
