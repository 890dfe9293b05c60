# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of swarm_raft."""

from __future__ import annotations

from typing import Any, Dict

SAVED, RESTORED = "saved", "restored"
SWARM_RAFT: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "choices": [SAVED, RESTORED], "required": True},
    "path": {"type": "path", "required": True},
    "vault_id": {"type": "str"},
    "encrypt_command": {"type": "str"},
    "decrypt_command": {"type": "str"},
    "keep": {"type": "int", "default": 7},
    "downtime": {"type": "bool", "default": False},
    "unlock_key": {"type": "str", "no_log": True},
    "stop_command": {"type": "str", "default": "systemctl stop docker.socket docker.service"},
    "start_command": {"type": "str", "default": "systemctl start docker.service"},
    "wait_timeout": {"type": "int", "default": 300},
}
