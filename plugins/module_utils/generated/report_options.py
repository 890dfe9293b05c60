# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module swarm_report."""

from __future__ import annotations

from typing import Any, Dict

REPORT: Dict[str, Dict[str, Any]] = {
    "dest": {"type": "path", "required": True},
    "format": {"type": "str", "choices": ["html", "json", "markdown"], "default": "html"},
    "title": {"type": "str", "default": "Swarm report"},
    "time": {"type": "str"},
    "audit": {"type": "path"},
    "drift": {"type": "bool", "default": True},
    "usage": {"type": "bool", "default": True},
    "label_prefix": {"type": "str", "default": "stackwright"},
}
