# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a job's messages for its follower."""

from __future__ import annotations

from typing import Any, Dict, Protocol

from ansible_collections.stackwright.swarm.plugins.module_utils.detached.job_folder import LOST, Job

LONGEST = 5.0  # seconds for one call
GATHER = 1.0  # seconds to collect lines before they are passed on
LULL = 0.3  # seconds after a line: the result often follows at once, and should not need another call
PAUSE = 0.03


def look(job: Job, seen: int) -> Dict[str, Any]:
    """Returns the job's lines after the first ``seen`` bytes as ``progress``, and its result if it has ended.

    ``progress`` has the process's ``question`` if it waits for an answer. If the process died without a result, the
    result is a failure (``worker_died``).
    """
    alive = job.alive
    result = job.result()
    lines, now_seen = job.lines(seen)
    if result is None and not alive:
        result = _died(job)
    progress: Dict[str, Any] = {"job": job.id, "seen": now_seen, "lines": lines, "done": result is not None}
    question = None if progress["done"] else job.question()
    if question is not None:
        progress["question"] = question
    return {**(result or {"changed": False}), "progress": progress}


class Time(Protocol):
    """Python's ``time``, or a test's."""

    def monotonic(self) -> float:
        """Returns monotonic seconds."""

    def sleep(self, seconds: float, /) -> None:
        """Waits."""


def follow(job: Job, seen: int, clock: Time) -> Dict[str, Any]:
    """Waits until the job has ended, asks a question or has new lines, at most for a few seconds; returns ``look``."""
    start = spoke = clock.monotonic()
    so_far = seen
    while True:
        found = look(job, seen)
        progress = found["progress"]
        if progress["done"]:
            job.mark_read()
            return found
        now = clock.monotonic()
        if progress["seen"] != so_far:
            so_far, spoke = progress["seen"], now
        gathered = so_far != seen and now - start >= GATHER and now - spoke >= LULL
        if gathered or "question" in progress or now - start >= LONGEST:
            return found
        clock.sleep(PAUSE)


def _died(job: Job) -> Dict[str, Any]:
    lines = job.lines(0)[0]
    last = f" Its last line: {lines[-1]}." if lines else ""
    return {
        "failed": True,
        "changed": bool(lines),
        "error_code": "worker_died",
        "msg": f"The process that did the work on this host died (killed, or out of memory).{last} {LOST}",
    }
