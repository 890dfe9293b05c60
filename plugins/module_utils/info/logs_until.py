# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the logs of a stack until a line matches, or until a timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.info.logs import (
    MOST_LINES,
    Wanted,
    expression,
    line_text,
    since,
    stack_logs,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.info.without_values import without_values
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import full_name

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import LogLine

PAUSE = 1.0  # seconds between two reads
OVERLAP = 60.0  # seconds that are read again: clocks of nodes differ, and a busy node sends its lines late
DEFAULT = 60  # seconds, with ``until`` alone
SHOWN = 20  # lines in the error message

Result = Dict[str, Any]


def follow_logs(
    client: EngineClient,
    clock: Clock,
    stack: str,
    wanted: Wanted,
    until: str,
    timeout: float,
    progress: Optional[Callable[[str], None]] = None,
) -> Result:
    """Returns the result of stack_logs with all new lines, and ``matched``, the line that ``until`` matches.

    It reads repeatedly instead of from a stream: a stream of all nodes ends without an error when one node is lost.

    :param until: a regular expression; without it, it follows until the timeout.
    :param timeout: seconds.
    :param progress: gets each new line once.
    :raises EngineError, StackwrightError: as stack_logs.
    """
    fits = expression(until, "until") if until else lambda text: False
    deadline = clock.now() + timeout
    lines: List[LogLine] = []
    known: Dict[str, float] = {}  # recent lines, by time, task, stream and text
    earliest = float(since(wanted.since, clock.wall()) or 0)
    asked = wanted._replace(start=earliest)
    while True:
        found = stack_logs(client, clock, stack, asked)
        new: List[LogLine] = []
        for line in found["lines"]:
            key = "\0".join(str(line[name]) for name in ("time", "task", "stream", "text"))
            if key in known:
                continue
            known[key] = _moment(line)
            new.append(line)
            if progress is not None:
                progress(line_text(line, stack))
        matched = next((line for line in new if fits(line["text"])), None)
        lines = sorted([*lines, *new], key=lambda line: str(line["time"]))[-wanted.tail :]
        if matched is not None or clock.now() >= deadline:
            break
        if known:
            oldest = max(earliest, max(known.values()) - OVERLAP)
            known = {key: moment for key, moment in known.items() if moment + 1 > oldest}
            asked = wanted._replace(start=oldest, tail=MOST_LINES)
        clock.sleep(min(PAUSE, max(deadline - clock.now(), 0)))
    text = "".join(f"{line_text(line, stack)}\n" for line in lines)
    return {**found, "lines": lines, "text": text, "matched": matched, "calls": client.calls}


def _moment(line: LogLine) -> float:
    """Returns the time of a line in whole seconds since 1970."""
    return float(since(f"{line['time'][:19]}Z", 0.0))


def look_at_logs(client: EngineClient, params: Dict[str, Any], run: Mapping[str, Any]) -> Result:
    """Returns the last lines of a stack; with ``until`` or ``wait_timeout``, also follows the logs.

    In check mode it does not wait, since nothing has changed that could write a line.

    :raises EngineError, StackwrightError: as stack_logs; ``timeout``, with the last lines, if no line matches in time.
    """
    wanted = Wanted(
        params["services"], params["task"] or "", params["tail"], params["since"] or "", params["contains"] or ""
    )
    until, timeout = params["until"] or "", params["wait_timeout"]
    stack = full_name(params) or ""
    if run["check"] or not (until or timeout):
        expression(until, "until")
        return without_values(client, stack, {}, lambda: stack_logs(client, SystemClock(), stack, wanted))
    seconds = timeout or DEFAULT
    options: Dict[str, Any] = {"progress": run["progress"] if run.get("shows", True) else None}

    def follow() -> Result:
        if run["detach"] is not None:
            run["detach"]()
        found = follow_logs(client, SystemClock(), stack, wanted, until, seconds, options["progress"])
        if not until or found["matched"]:
            return found
        last = "".join(f"\n{line}" for line in found["text"].splitlines()[-SHOWN:])
        raise StackwrightError(
            f"No line of the stack {stack} matched {until!r} within {seconds} s. "
            + (f"The last lines:{last}" if last else "There are no lines."),
            "timeout",
            details={name: found[name] for name in ("lines", "text", "missing")},
        )

    return without_values(client, stack, options, follow)
