# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of deployments from the histories of stacks, and recent events. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from statistics import median
from typing import TYPE_CHECKING, Any, Dict, List, Optional

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import (
        Node,
        Run,
        Stack,
        Week,
    )

WEEKS = 12
MOST_EVENTS = 60
ENDED = ("HEALTHY", "UNHEALTHY", "FAILED")
BADLY = ("failed", "rejected")


def when(text: object) -> Optional[datetime]:
    """Parses a time of the Engine or of ours; None if it is not valid."""
    try:
        return datetime.strptime(str(text or "")[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def figures(stacks: Sequence[Stack], time: str) -> Dict[str, Any]:
    """Returns totals over all stacks, ``weeks`` (the last twelve), ``runs`` (of these weeks), and each of ``stacks``.

    Rates are from 0 to 1, durations in seconds; None if there is nothing to count.
    """
    known = [(stack["name"], its) for stack in stacks for its in [stack.get("deployments")] if its]
    count = {
        name: sum(its[name] for _stack, its in known)
        for name in ("deployments", "failed", "cancelled", "restored", "not_restored", "recoveries")
    }
    recovered = sum(its["time_to_recover"] * its["recoveries"] for _stack, its in known if its["recoveries"])
    runs = [run for stack in stacks for run in _runs(stack)]
    weeks = _weeks(runs, time)
    recent = [run for run in runs if weeks and run["week"] >= weeks[0]["week"]]
    tried = count["restored"] + count["not_restored"]
    return {
        **count,
        "failure_rate": _rate(count["failed"], count["deployments"]),
        "rollback_success": _rate(count["restored"], tried),
        "time_to_recover": round(recovered / count["recoveries"], 1) if count["recoveries"] else None,
        # Failed without a successful rollback: the stack was left between two revisions.
        "torn": sum(run["torn"] for run in runs),
        "per_week": round(sum(week["done"] for week in weeks) / WEEKS, 1),
        "duration": round(median(run["seconds"] for run in runs), 1) if runs else None,
        "weeks": weeks,
        "runs": sorted(recent, key=lambda run: (run["at"], run["stack"])),
        "stacks": [{"name": name, **its} for name, its in known if its["deployments"]],
    }


def _runs(stack: Stack) -> Iterator[Run]:
    for revision in stack["revisions"]:
        began, ended = when(revision["started"]), when(revision["finished"])
        if revision["status"] in ENDED and revision["operation"] != "remove" and began and ended:
            yield {
                "stack": stack["name"],
                "number": revision["number"],
                "status": revision["status"],
                "at": str(revision["finished"]),
                "week": _monday(ended),
                "seconds": max((ended - began).total_seconds(), 0.0),
                "torn": revision["status"] == "FAILED" and revision["restored"] in ("failed", "none"),
            }


def _monday(moment: datetime) -> str:
    return (moment - timedelta(days=moment.weekday())).strftime("%Y-%m-%d")


def _weeks(runs: Sequence[Run], time: str) -> List[Week]:
    now = when(time)
    if now is None:
        return []
    mondays = [_monday(now - timedelta(weeks=back)) for back in reversed(range(WEEKS))]
    return [
        {
            "week": monday,
            "done": len(own),
            "failed": sum(run["status"] == "FAILED" for run in own),
            "rate": _rate(sum(run["status"] == "FAILED" for run in own), len(own)),
        }
        for monday in mondays
        for own in [[run for run in runs if run["week"] == monday]]
    ]


def _rate(part: int, whole: int) -> Optional[float]:
    return round(part / whole, 3) if whole else None


def refusals(text: str, time: str) -> Dict[str, Any]:
    """Returns the tasks of the last twelve weeks, from an audit's text, that were refused or failed without a change.

    ``total`` and ``codes`` (``code``, ``count`` and the ``last`` one, the most frequent first). Ignores invalid lines:
    audit_verify reports them.
    """
    weeks = _weeks([], time)
    found: Dict[str, List[Dict[str, str]]] = {}
    for line in text.splitlines():
        one = _refusal(line)
        if one and weeks and _monday_of(one["time"]) >= weeks[0]["week"]:
            found.setdefault(one["code"], []).append(one)
    codes = [{"code": code, "count": len(its), "last": its[-1]} for code, its in found.items()]
    return {
        "total": sum(map(len, found.values())),
        "codes": sorted(codes, key=lambda one: (-len(found[str(one["code"])]), str(one["code"]))),
    }


def _refusal(line: str) -> Dict[str, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(entry, dict) or entry.get("event") != "refused" or entry.get("check"):
        return {}
    names = {"code": "error_code", "stack": "stack", "time": "time", "who": "who", "reason": "reason"}
    found = {name: str(entry.get(key) or "") for name, key in names.items()}
    return {**found, "code": found["code"] or "unknown", "stack": found["stack"] or str(entry.get("name") or "")}


def _monday_of(time: str) -> str:
    at = when(time)
    return _monday(at) if at else ""


def events(stacks: Sequence[Stack], nodes: Sequence[Node]) -> List[Dict[str, str]]:
    """Returns the latest events in the Swarm's data, newest first: ``at``, ``level``, ``kind``, ``name``, ``text``."""
    found = [*_node_events(nodes), *(event for stack in stacks for event in _stack_events(stack))]
    return sorted(found, key=lambda event: (event["at"], event["name"], event["text"]), reverse=True)[:MOST_EVENTS]


def _node_events(nodes: Sequence[Node]) -> Iterator[Dict[str, str]]:
    for node in nodes:
        if node["state"] != "ready" and node.get("updated"):
            text = f"{node['state']}: {node['message']}" if node["message"] else node["state"]
            yield _event(node["updated"], "bad", "node", node["name"], text)


def _stack_events(stack: Stack) -> Iterator[Dict[str, str]]:
    name = stack["name"]
    for revision in stack["revisions"]:
        at = revision["finished"] or revision["started"] or revision["queued"]
        level = "bad" if revision["status"] == "FAILED" else "good" if revision["status"] == "HEALTHY" else "note"
        by = f" by {revision['who']}" if revision["who"] else ""
        message = f": {revision['message']}" if revision["message"] else ""
        text = f"{revision['operation']} {revision['number']}{by} {revision['status']}{message}"
        yield _event(at, level, "stack", name, text)
        for note in revision["own"]:
            by = f" by {note['who']}" if note["who"] else ""
            yield _event(note["at"], "note", "stack", name, f"{note['kind']} {note['name']} {note['did']}{by}")
    for service in stack["services"]:
        failed = sorted((task for task in service["tasks"] if task["state"] in BADLY), key=lambda task: task["since"])
        if failed:
            last = failed[-1]
            times = f" {len(failed)} times" if len(failed) > 1 else ""
            text = f"task {last['state']}{times}, last on {last['node'] or 'no node'}: {last['error']}"
            yield _event(last["since"], "bad", "service", service["name"], text)


def _event(at: object, level: str, kind: str, name: str, text: str) -> Dict[str, str]:
    return {"at": str(at or "")[:19] + "Z" * bool(at), "level": level, "kind": kind, "name": name, "text": text}
