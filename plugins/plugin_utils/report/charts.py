# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The positions of shapes in the report's charts, in units of their view boxes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.figures import when

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import (
        NodeTasks,
        Run,
        ServiceTasks,
        Week,
    )

#: How many stacks have their own color; the others share the last one.
COLORS = 7
WIDTH, HEIGHT = 560, 190
LEFT, BOTTOM, TOP = 44, 24, 12

Shape = Dict[str, Any]


def shares(parts: Sequence[Tuple[str, int]], width: float) -> List[Shape]:
    """Divides a bar of ``width`` into ``parts`` (name, number): returns ``x``, ``width``, ``name``, ``number``."""
    total, at, found = sum(number for _name, number in parts), 0.0, []
    for name, number in parts:
        if number:
            size = width * number / total
            found.append({"x": round(at, 2), "width": round(size, 2), "name": name, "number": number})
            at += size
    return found


def distribution(tasks_by_node: Sequence[NodeTasks]) -> Dict[str, Any]:
    """Returns the tasks of each node by stack: ``rows``, ``legend`` (name, color), ``columns`` (the stacks' names)."""
    counts = {node["node"]: _by_stack(node["services"]) for node in tasks_by_node}
    totals: Dict[str, int] = {}
    for own in counts.values():
        for stack, number in own.items():
            totals[stack] = totals.get(stack, 0) + number
    order = sorted(totals, key=lambda stack: (-totals[stack], stack))
    color = {stack: min(index, COLORS) for index, stack in enumerate(order)}
    most = max((sum(own.values()) for own in counts.values()), default=0) or 1
    peak = max((number for own in counts.values() for number in own.values()), default=0) or 1
    rows = []
    for node, own in sorted(counts.items()):
        total = sum(own.values())
        parts = shares([(stack, own[stack]) for stack in order if stack in own], 100 * total / most)
        cells = [{"number": own.get(stack, 0), "heat": -(-4 * own.get(stack, 0) // peak)} for stack in order]
        bars = [{**part, "color": color[part["name"]]} for part in parts]
        rows.append({"node": node, "total": total, "bars": bars, "cells": cells})
    legend = [{"name": stack or "no stack", "color": color[stack]} for stack in order[:COLORS]]
    others = len(order) - COLORS
    legend += [{"name": f"{others} more stacks", "color": COLORS}] if others > 0 else []
    return {"rows": rows, "legend": legend, "columns": [stack or "no stack" for stack in order]}


def _by_stack(services: Sequence[ServiceTasks]) -> Dict[str, int]:
    found: Dict[str, int] = {}
    for service in services:
        found[service["stack"]] = found.get(service["stack"], 0) + service["tasks"]
    return found


def columns(weeks: Sequence[Week]) -> Dict[str, Any]:
    """Returns the deployments per week: ``bars``, each with its failed part, and the ``ticks`` of the axis."""
    most = _round_up(max((week["done"] for week in weeks), default=0))
    room, step = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT) / max(len(weeks), 1)
    bars = []
    for index, week in enumerate(weeks):
        failed, good = (room * number / most for number in (week["failed"], week["done"] - week["failed"]))
        bars.append(
            {
                **week,
                "x": round(LEFT + step * index + step * 0.18, 2),
                "middle": round(LEFT + step * (index + 0.5), 2),
                "width": round(step * 0.64, 2),
                "good": round(good, 2),
                "good_y": round(TOP + room - good, 2),
                "bad": round(failed, 2),
                "bad_y": round(TOP + room - good - failed, 2),
                "labelled": index % 2 == 1,
            }
        )
    return {"bars": bars, "ticks": _ticks(most, "{:g}")}


def durations(runs: Sequence[Run], weeks: Sequence[Week]) -> Dict[str, Any]:
    """Returns the durations of the runs of these weeks: ``dots``, and the ``ticks`` of the axis in seconds."""
    begin, end = (when(f"{weeks[index]['week']}T00:00:00") if weeks else None for index in (0, -1))
    most = _round_up(max((run["seconds"] for run in runs), default=0))
    dots = []
    for run in runs:
        at = when(run["at"])
        if begin and end and at:
            share = (at - begin).total_seconds() / ((end - begin).total_seconds() + 7 * 86400)
            y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - run["seconds"] / most)
            dots.append({**run, "x": round(LEFT + (WIDTH - LEFT) * share, 2), "y": round(y, 2)})
    return {"dots": dots, "ticks": _ticks(most, "{:g} s")}


def _round_up(number: float) -> float:
    """Rounds up to 1, 2, 4, 10, 20, 40, 100 and so on, so that the ticks are round numbers."""
    size = 1.0
    while True:
        for factor in (1, 2, 4):
            if number <= size * factor:
                return size * factor
        size *= 10


def _ticks(most: float, form: str) -> List[Shape]:
    parts = 2 if most < 4 else 4
    room = HEIGHT - TOP - BOTTOM
    marks = [most * part / parts for part in range(parts + 1)]
    return [
        {"y": round(TOP + room * (1 - mark / most), 2), "text": form.format(mark)} for mark in marks if mark % 1 == 0
    ]
