# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings: the results of a preflight, as plain data."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence

Finding = Dict[str, str]
ERROR, WARNING = "error", "warning"
#: The most names of a list in a sentence, which counts the rest.
NAMED = 8


def finding(
    level: str, code: str, message: str, hint: str = "", *, service: str = "", node: str = "", where: str = ""
) -> Finding:
    """Returns a finding. ``code`` is stable; ``where`` is FILE:LINE of the service."""
    return {
        "level": level,
        "code": code,
        "message": message,
        "hint": hint,
        "service": service,
        "node": node,
        "where": where,
    }


def of_service(service: Mapping[str, object], level: str, code: str, message: str, hint: str = "") -> Finding:
    """Returns a finding about a service of a DesiredState."""
    return finding(level, code, message, hint, service=str(service["key"]), where=str(service.get("where") or ""))


def in_order(findings: Sequence[Finding]) -> List[Finding]:
    """Sorts findings, without duplicates: errors first, then by service and node."""
    once = {tuple(sorted(item.items())): item for item in findings}.values()
    return sorted(once, key=lambda f: (f["level"] != ERROR, f["service"], f["node"], f["code"], f["message"]))


def sentence(item: Mapping[str, str]) -> str:
    """Returns a finding in one line: where, what, what to do."""
    service = f"service {item['service']}" + (f" ({item['where']})" if item["where"] else "") if item["service"] else ""
    node = f"node {item['node']}" if item["node"] else ""
    place = " on ".join(part for part in (service, node) if part)
    text = f"{place}: {item['message']}" if place else item["message"]
    return f"{text} {item['hint']}" if item["hint"] else text


def named(names: Sequence[str]) -> str:
    """Returns names as a part of a sentence."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
