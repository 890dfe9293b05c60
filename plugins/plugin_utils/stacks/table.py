# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. The table at the end of a run of many stacks, and the message about failed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, List

from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.order import (
    CHANGED,
    FAILED,
    SKIPPED,
    UNPLANNED,
)

Result = Mapping[str, Any]


def rows(results: Sequence[Result], check: bool) -> List[str]:
    """Returns the lines of the table, the head first."""
    cells = [("stack", "result", "seconds", "details")]
    cells += [(str(one["stack"]), _word(one, check), _seconds(one), _details(one)) for one in results]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]).rstrip() for row in cells]


def message(results: Sequence[Result]) -> str:
    """Returns the message about the stacks that were not deployed; empty if there are none."""
    bad = [one for one in results if one["result"] in (FAILED, SKIPPED)]
    lines = [f"{len(bad)} of {len(results)} stacks {'was' if len(bad) == 1 else 'were'} not deployed:"]
    for one in bad:
        code = f" ({one['error_code']})" if one["result"] == FAILED and one.get("error_code") else ""
        first, *more = str(one.get("msg") or "").splitlines() or [""]
        lines += [f"  {one['stack']}{code}: {first}", *(f"    {line}" for line in more)]
    return "\n".join(lines) if bad else ""


def _word(one: Result, check: bool) -> str:
    if one["result"] == CHANGED and check:
        return "would change"
    return "not planned" if one["result"] == UNPLANNED else str(one["result"])


def _seconds(one: Result) -> str:
    return f"{one['seconds']:.1f}" if "seconds" in one else "-"


def _details(one: Result) -> str:
    if one["result"] == CHANGED:
        count = len(one.get("plan") or ())
        routes = sum(
            len(proxy.get("changes") or ()) for proxy in one.get("routes_result") or () if proxy.get("changed")
        )
        found = [_counted(count, "operation")] * bool(count) + [_counted(routes, "route")] * bool(routes)
        return ", ".join([*found, *(f"revision {number}" for number in [one.get("revision")] if number)])
    if one["result"] in (FAILED, UNPLANNED):
        first = (str(one.get("msg") or "").splitlines() or [""])[0].rstrip(":")
        return f"{one['error_code']}: {first}" if one.get("error_code") else first
    return str(one.get("msg") or "") if one["result"] == SKIPPED else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
