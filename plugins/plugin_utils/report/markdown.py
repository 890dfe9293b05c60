# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a summary in Markdown. Escapes everything from the Swarm."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.page import duration, percent
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.status import moment

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import Cluster, Report


def markdown(report: Report) -> str:
    """Returns the text of the summary."""
    lines = [f"# {_plain(report['title'])}", "", f"As of {_plain(moment(report['time']))} UTC.", ""]
    for one in report["unanswered"]:
        lines += [f"* {_plain(one['host'])} did not answer: {_plain(one['msg'])}"]
    for cluster in report["clusters"]:
        lines += [f"## {_plain(cluster['name'])}", "", *_of_cluster(cluster)]
    return "\n".join(lines).rstrip() + "\n"


def _of_cluster(cluster: Cluster) -> Iterator[str]:
    counts, figures = cluster["counts"], cluster["figures"]
    yield (
        f"{counts['good']} of {len(cluster['services'])} services healthy, {counts['running']} of {counts['desired']} "
        f"tasks running, {counts['ready']} of {len(cluster['nodes'])} nodes ready, drift: {counts['drift'] or 'none'}."
    )
    yield ""
    if cluster["problems"]:
        yield from ("### Needs attention", "")
        for problem in cluster["problems"]:
            why = f": {problem['evidence']}" if problem["evidence"] else ""
            yield f"* {problem['kind']} **{_plain(problem['name'])}** {_plain(problem['text'] + why)}"
            yield from (f"    * {_plain(line)}" for line in problem["log"])
        yield ""
    yield from ("### Stacks", "")
    rows = []
    for stack in cluster["stacks"]:
        last = stack["revisions"][0] if stack["revisions"] else None
        revision = f"{last['number']} {last['status']} {moment(last['finished'] or last['started'])}" if last else ""
        drift = str(len(stack["drift"]["lines"]) or "none") if stack["drift"]["known"] else "unknown"
        bad = sum(service["running"] < service["desired"] for service in stack["services"])
        status = "removed" if stack["gone"] else stack["status"]
        rows.append((stack["name"], status, str(len(stack["services"])), str(bad), revision, drift))
    yield from _table(("stack", "status", "services", "short of tasks", "last revision", "drift"), rows)
    yield from ("### Nodes", "")
    yield from _table(
        ("node", "state", "availability", "CPUs reserved", "memory reserved"),
        [
            (n["name"], n["state"], n["availability"], percent(n["cpus_share"]), percent(n["memory_share"]))
            for n in cluster["nodes"]
        ],
    )
    yield from ("### Deployments", "")
    names = ("per week", "failure rate", "rollbacks that succeeded", "time to recover", "median duration")
    yield from _table(
        names,
        [
            (
                str(figures["per_week"]),
                percent(figures["failure_rate"]),
                percent(figures["rollback_success"]),
                duration(figures["time_to_recover"]),
                duration(figures["duration"]),
            )
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _title in head)} |"
    for row in rows:
        yield f"| {' | '.join(map(_plain, row))} |"
    yield ""


def _plain(text: str) -> str:
    """Returns the text on one line, with Markdown's special characters escaped."""
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", " ".join(text.split()))
