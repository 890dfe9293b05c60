# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last log lines of services, over all nodes, in chronological order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info, of_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.evidence import hider, node_names
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import LogLine
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, Task

Item = Dict[str, Any]

PATIENCE = 10.0  # seconds for the log of one service: a lost node does not answer
LONGEST_LINE = 4000  # characters
MOST_LINES = 5000
MOST_BYTES = 50_000_000  # of the log of one service
ENGINE = "engine"
STREAMS = {2: "stderr", 3: ENGINE}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
AGO = re.compile(r"(?:\d{1,9}[smhd]){1,9}\Z")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?\Z")
FRAME = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\S+) (?P<attributes>\S*com\.docker\.swarm\.task\.id=\S*) (?P<text>.*)\Z", re.S
)


class Wanted(NamedTuple):
    """The requested lines."""

    services: Sequence[str] = ()  # keys in the file, or names; empty for all
    task: str = ""  # id, or its beginning
    tail: int = 100  # most lines of all services together
    since: str = ""  # a duration such as "10m", or a time in RFC 3339
    contains: str = ""  # a regular expression
    start: float = 0.0  # seconds since 1970; overrides ``since``


def stack_logs(client: EngineClient, clock: Clock, stack: str, wanted: Wanted) -> Dict[str, Any]:
    """Returns the lines (time, service, task, node, stream, text) by time, also as text, and the ``missing`` logs.

    Raises EngineError (``not_found`` for the stack, a service or the task), StackwrightError (``invalid_options`` for
    ``since``, ``tail`` or the expression).
    """
    if not 1 <= wanted.tail <= MOST_LINES:
        raise StackwrightError(f"tail is {wanted.tail}; it must be 1 to {MOST_LINES}.", "invalid_options")
    fits = expression(wanted.contains)
    query: Dict[str, Any] = {"stdout": True, "stderr": True, "timestamps": True, "details": True}
    start = f"{wanted.start:.6f}" if wanted.start else since(wanted.since, clock.wall())
    if start:
        query["since"] = start
    if not wanted.contains:
        query["tail"] = wanted.tail  # an expression needs all lines
    manager_info(client)
    services = client.list("/services", of_stack(stack))
    tasks = {str(task["ID"]): task for task in client.list("/tasks", of_stack(stack))}
    chosen = _chosen(stack, services, tasks, wanted)
    names = {str(service["ID"]): name_of(service) for service in services}
    nodes = node_names(client)
    lines: List[LogLine] = []
    missing: List[str] = []
    for service in chosen:
        own_lines: List[LogLine] = []
        raw, why = _fetch(client, service, tasks, wanted, query)
        if why:
            missing.append(f"{name_of(service)}: {why}")
        missing += [f"{name_of(service)}: {text}" for text in _complaints(raw, _has_terminal(service), nodes)]
        for line in _lines(raw, _has_terminal(service)):
            own = tasks.get(line["task"], {})
            if wanted.task and not line["task"].startswith(wanted.task):
                continue
            if not fits(line["text"]):
                continue
            line["node"] = nodes.get(line["node"], line["node"])
            line["service"] = names.get(str(own.get("ServiceID")), name_of(service))
            line["slot"] = own.get("Slot")
            own_lines.append(line)
        _hide(own_lines, hider(service))
        lines += own_lines
    lines = sorted(lines, key=lambda line: line["time"])[-wanted.tail :]
    return {
        "changed": False,
        "stack": stack,
        "lines": lines,
        "text": "".join(f"{line_text(line, stack)}\n" for line in lines),
        "missing": missing,
        "calls": client.calls,
    }


def _hide(lines: List[LogLine], hide: Callable[[str], str]) -> None:
    """Hides secrets in the lines of a service, also secrets of several lines (keys, blocks of YAML)."""
    by_task: Dict[str, List[LogLine]] = {}
    for line in lines:
        by_task.setdefault(f"{line['task']} {line['stream']}", []).append(line)
    for own in by_task.values():
        whole = hide("\n".join(line["text"].replace("\n", " ") for line in own)).split("\n")
        if len(whole) != len(own):
            whole = [hide(line["text"]).replace("\n", " ") for line in own]
        for line, text in zip(own, whole):
            line["text"] = text[:LONGEST_LINE]


def since(text: str, now: float) -> str:
    """Returns seconds since 1970, as the Engine takes them, from "1h30m" (ago) or RFC 3339; empty for an empty text.

    ``now`` is in seconds since 1970. Raises StackwrightError (``invalid_options``).
    """
    if not text:
        return ""
    if AGO.match(text):
        ago = sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))
        return f"{max(now - ago, 0):.6f}"
    if MOMENT.match(text):
        from datetime import datetime, timezone

        plain = re.sub(r"\.\d+", "", text.replace("Z", "+00:00"))
        try:
            moment = datetime.fromisoformat(plain)
        except ValueError:
            moment = None
        if moment is not None:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            return f"{moment.timestamp():.6f}"
    raise StackwrightError(
        f"since is {text!r}, which is not a valid time.",
        "invalid_options",
        "Use a duration (90s, 10m, 1h30m, 2d) or a moment such as 2026-11-21T10:00:00Z.",
    )


def expression(pattern: str, option: str = "contains") -> Callable[[str], bool]:
    """Returns a function that tests if a text matches; an empty pattern matches all.

    Raises StackwrightError (``invalid_options``).
    """
    if not pattern:
        return lambda text: True
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise StackwrightError(
            f"{option} is {pattern!r}, which is not a valid regular expression: {error}.", "invalid_options"
        ) from None
    return lambda text: compiled.search(text) is not None


def _chosen(stack: str, services: List[Service], tasks: Mapping[str, Task], wanted: Wanted) -> List[Service]:
    if not services:
        raise EngineError(f"There is no stack {stack} in this Swarm.", "not_found", "Correct its name.")
    by_name = {name_of(service): service for service in services}
    chosen = []
    for name in wanted.services:
        full = name if name in by_name else f"{stack}_{name}"
        if full not in by_name:
            known = ", ".join(sorted(key[len(stack) + 1 :] for key in by_name))
            raise EngineError(f"The stack {stack} has no service {name}.", "not_found", f"It has {known}.")
        chosen.append(by_name[full])
    if wanted.task:
        owners = {task.get("ServiceID") for key, task in tasks.items() if key.startswith(wanted.task)}
        if not owners:
            raise EngineError(
                f"The stack {stack} has no task {wanted.task}.",
                "not_found",
                "`docker stack ps --no-trunc` shows its ids.",
            )
        return [service for service in chosen or services if service["ID"] in owners]
    return chosen or sorted(services, key=name_of)


def _fetch(
    client: EngineClient, service: Service, tasks: Mapping[str, Task], wanted: Wanted, query: Mapping[str, object]
) -> Tuple[bytes, str]:
    """Returns the log of one service, or a part of it and why the rest is missing."""
    path = f"/services/{service['ID']}/logs"
    try:
        return client.get(path, dict(query), stream=True, timeout=PATIENCE)[-MOST_BYTES:], ""
    except EngineError as error:
        if error.error_code not in ("timeout", "daemon_unreachable"):
            return b"", error.message
    # One node that does not answer blocks the log of the whole service, so read each task's log.
    raw, silent = b"", []
    for key, task in tasks.items():
        if task.get("ServiceID") == service["ID"] and task.get("NodeID") and key.startswith(wanted.task):
            try:
                raw += client.get(f"/tasks/{key}/logs", dict(query), stream=True, timeout=PATIENCE / 5)
            except EngineError:
                silent.append(key)
    whose = "1 task, whose node" if len(silent) == 1 else f"{len(silent)} tasks, whose nodes"
    return raw, f"no answer for {whose} may be down" if silent else ""


def _has_terminal(service: Service) -> bool:
    return bool((service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("TTY"))


def _complaints(raw: bytes, terminal: bool, nodes: Mapping[str, str]) -> List[str]:
    """Returns the Engine's own messages in a log: the nodes that did not answer."""
    if terminal:
        return []
    texts = [payload.decode("utf-8", "replace").strip() for stream, payload in _frames(raw) if stream == ENGINE]
    found = []
    for text in texts:
        for identity, name in nodes.items():
            text = text.replace(identity, name)
        found.append(text.rpartition("following reasons: ")[2])
    return found


def _lines(raw: bytes, terminal: bool) -> Iterator[LogLine]:
    if terminal:
        frames = [("stdout", line) for line in raw.splitlines()]
    else:
        frames = [(stream, line) for stream, payload in _frames(raw) for line in payload.splitlines()]
    for stream, line in frames:
        found = FRAME.match(line.decode("utf-8", "replace").rstrip("\r\n"))
        if found:
            attributes = dict(pair.partition("=")[::2] for pair in found["attributes"].split(","))
            yield {
                "time": _padded(found["time"]),
                "stream": stream,
                "task": attributes.get("com.docker.swarm.task.id", ""),
                "node": attributes.get("com.docker.swarm.node.id", ""),
                "text": found["text"],
            }


def _frames(raw: bytes) -> Iterator[Tuple[str, bytes]]:
    """Yields (stream, payload). Each payload has a header of 8 bytes: stream, three zeros, big-endian length."""
    position = 0
    while position + 8 <= len(raw):
        length = int.from_bytes(raw[position + 4 : position + 8], "big")
        yield STREAMS.get(raw[position], "stdout"), raw[position + 8 : position + 8 + length]
        position += 8 + length


def _padded(moment: str) -> str:
    """Adds the trailing zeros of the fraction, which the Engine omits, so that times sort as text."""
    seconds, _dot, fraction = moment.rstrip("Z").partition(".")
    return f"{seconds}.{fraction.ljust(9, '0')}Z"


def line_text(line: LogLine, stack: str) -> str:
    """Returns a line as text: time, task, node, text."""
    name: Optional[str] = line["service"]
    short = str(name)[len(stack) + 1 :] if str(name).startswith(stack + "_") else str(name)
    slot = f".{line['slot']}" if line["slot"] else ""
    return f"{line['time'][:23]}Z {short}{slot}@{line['node']} | {line['text']}"
