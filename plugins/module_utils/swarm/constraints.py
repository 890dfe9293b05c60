# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement constraints, with the rules of swarmkit's constraint package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, Optional

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node

EXPRESSION = re.compile(r"\s*([a-zA-Z0-9_.\-]+)\s*(==|!=)\s*(.*?)\s*\Z")


def meets(node: Node, text: str) -> bool:
    """Whether a node meets the constraint ``text``, ignoring case."""
    parsed = EXPRESSION.match(text)
    if not parsed:
        return True  # the Engine refuses a constraint that it can't parse
    key, operator, wanted = parsed.groups()
    value = value_of(node, key)
    if value is None:
        return False
    if key.lower() == "node.ip":
        return _has_address(value, wanted) == (operator == "==") if _is_address(wanted) else False
    return (value.lower() == wanted.lower()) == (operator == "==")


def _is_address(wanted: str) -> bool:
    import ipaddress  # imported late: constraints by address are rare

    try:
        return ipaddress.ip_network(wanted, strict=False) is not None
    except ValueError:
        return False  # in swarmkit no node meets it


def _has_address(address: str, wanted: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def value_of(node: Node, key: str) -> Optional[str]:
    """Returns a node's value for the key of a constraint, empty if it has none; None for an unknown key."""
    description, spec = node.get("Description") or {}, node.get("Spec") or {}
    platform = description.get("Platform") or {}
    simple: Dict[str, Any] = {
        "node.id": node.get("ID"),
        "node.hostname": description.get("Hostname"),
        "node.ip": (node.get("Status") or {}).get("Addr"),
        "node.role": spec.get("Role"),
        "node.platform.os": platform.get("OS"),
        "node.platform.arch": platform.get("Architecture"),
    }
    lower = key.lower()
    if lower in simple:
        return str(simple[lower] or "")
    if lower.startswith("node.labels."):
        return str((spec.get("Labels") or {}).get(key[len("node.labels.") :], ""))
    if lower.startswith("engine.labels."):
        labels = (description.get("Engine") or {}).get("Labels") or {}
        return str(labels.get(key[len("engine.labels.") :], ""))
    return None
