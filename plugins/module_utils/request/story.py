# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of compose_stack for a whole deployment, with its preflight and its routes."""

from __future__ import annotations

from typing import Any, Dict

#: Of compose_stack: what it does before and after the deployment of the services.
STORY: Dict[str, Dict[str, Any]] = {
    "preflight": {"type": "bool", "default": False},
    "preflight_fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
    "routes": {
        "type": "dict",
        "options": {
            "admin": {"type": "raw"},
            "proxies": {"type": "list", "elements": "str"},
            "server": {"type": "str"},
            "switch": {"type": "str", "choices": ["after_gate", "before"], "default": "after_gate"},
            "on_lost_proxy": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
            "on_unlisted_proxy": {"type": "str", "choices": ["warn", "fail", "ignore"], "default": "warn"},
            "take_over": {"type": "str", "choices": ["none", "gone"], "default": "none"},
            "manager": {"type": "str"},
            "maintenance": {"type": "str"},
        },
    },
    "show": {"type": "bool", "default": False},
}
