# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a service is not healthy: its latest task error, exit code, node, last log lines. Bounded in time and size."""

from __future__ import annotations

import re
import struct
from itertools import takewhile
from typing import TYPE_CHECKING, AbstractSet, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, plain_text
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.why_unallotted import unallotted
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.why_unplaced import unplaced
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lost import NO_NODE
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import names_of
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BADLY,
    ENDED_BY_ITSELF,
    NOT_HEALTHY,
    error_of,
    state_of,
    timestamp,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN, is_secret, masked_text
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.scrub import scrubber
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import STEP, labels_of, name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        ContainerSpec,
        Inspected,
        Node,
        Service,
        Task,
    )

LINES, LINE_LENGTH = 10, 400
PATIENCE = 5.0  # seconds for the log of one task; a node that is gone never answers
SHORTEST_SECRET = 6  # a shorter value would hide words
MOST = 100_000  # characters that are read of a log, or of a health check's output
SERVICES = 5  # logs and health checks are read for at most so many services
CHECKED = 3  # lines of a failing health check's output
RETRIES = 3  # the Engine's default for health checks

#: The messages of shells and of the runtime for a command that does not exist.
LACKS = re.compile(
    r'sh: (?:line )?(?:[0-9]+: )?([\w.-]+): (?:command )?not found|exec: "([^"]+)": executable file not found'
)
#: Plainer words for the Engine's.
PLAIN = (
    (re.compile(r"(?:task: non-zero exit \(\d+\): )?dockerexec: unhealthy container"), "its health check fails"),
    (re.compile(r"task: non-zero exit \((\d+)\)"), r"exit code \1"),
)

Found = Dict[str, Any]


def evidence(
    client: EngineClient,
    services: Sequence[Service],
    tasks: Sequence[Task],
    reasons: Mapping[str, str],
    old: AbstractSet[str] = frozenset(),
) -> List[Found]:
    """Returns for each service in ``reasons``: service, reason, error, exit_code, node, health_check, log, text.

    ``text`` is for people. ``old`` are the ids of tasks that ended before the run: they count only without any other.
    """
    grouped = tasks_by_service(tasks)
    nodes = _nodes(client)
    seen: List[Tuple[Service, Optional[Task], bool]] = []
    for service in sorted(services, key=name_of):
        if name_of(service) in reasons:
            own = grouped.get(service["ID"], [])
            task = _most_telling([task for task in own if task["ID"] not in old] or own)
            seen.append((service, task, len(seen) < SERVICES and _is_readable(task, nodes)))
    checks = _checks(client, [task for _service, task, readable in seen if task and readable], nodes)
    found: List[Found] = [
        _entry(client, service, reasons[name_of(service)], task, nodes, checks if readable else None)
        for service, task, readable in seen
    ]
    known = {entry["service"] for entry in found}
    for name in sorted(set(reasons) - known):
        gone: Found = {"service": name, "reason": reasons[name], "error": "", "exit_code": None, "node": "", "log": []}
        gone["health_check"] = []
        found.append({**gone, "text": _text(gone)})
    return found


def _entry(
    client: EngineClient,
    service: Service,
    reason: str,
    task: Optional[Task],
    nodes: Mapping[str, Node],
    checks: Optional[Mapping[str, str]],
) -> Found:
    """``checks`` has the output of health checks by container; None if the task's log and checks can't be read."""
    status = (task or {}).get("Status") or {}
    container = status.get("ContainerStatus") or {}
    started = bool(container.get("ContainerID"))
    exit_code = container.get("ExitCode") if started and state_of(task or {}) in (*ENDED_BADLY, "complete") else None
    node_id = str((task or {}).get("NodeID") or "")
    hide = hider(service)
    entry: Found = {
        "service": name_of(service),
        "reason": hide(reason.strip(), ours=True),
        "error": hide(str(status.get("Err") or "")),
        "exit_code": exit_code,
        "node": _name(nodes.get(node_id, {})) or node_id,
        "health_check": excerpt(hide((checks or {}).get(_container_of(task or {}), "")), CHECKED),
        "log": [] if checks is None else excerpt(hide(_log(client, task or {}, service)), LINES),
    }
    if entry["reason"].startswith(NO_NODE):
        entry["text"] = f"{_called(service)}: {entry['reason']}"
        return entry
    cause = unplaced(client, service, f"{reason} {entry['error']}") or unallotted(client, service, reason)
    entry["text"] = _text(entry, hide(cause, ours=True), _called(service))
    return entry


def _called(service: Service) -> str:
    """Returns the name of a service; for a step of ``pre_start`` with its number and its owner."""
    owner, _slash, number = labels_of(service).get(STEP, "").partition("/")
    return name_of(service) + (f" (step {number} of pre_start of {owner})" if number else "")


def _text(entry: Found, cause: str = "", called: str = "") -> str:
    text = f"{called or entry['service']}: {_plain(entry['reason'] or entry['error'])}"
    if entry["health_check"]:
        text = text.replace(ENDED_BY_ITSELF, f"{NOT_HEALTHY} (exit code 0)")
    facts = []
    if entry["health_check"] and "its health check fails" not in text and NOT_HEALTHY not in text:
        facts.append("its health check fails")
    command = _missing_command(entry["health_check"])
    if command:
        facts.append(f"its image has no {command}, which the health check needs")
    error = _plain(entry["error"])
    if error and error not in text:
        facts.append(error)
    code = f"exit code {entry['exit_code']}"
    # The Engine stops a container whose health check fails, so its exit code means nothing.
    if entry["exit_code"] and code not in f"{text} {error}" and "its health check fails" not in text:
        facts.append(code)
    if entry["node"]:
        facts.append(f"node {entry['node']}")
    text += f" ({', '.join(facts)})" if facts else ""
    checks = [f"    health check: {line}" for line in entry["health_check"]]
    return "\n".join([text + (f"; {cause}" if cause else "")] + checks + [f"    | {line}" for line in entry["log"]])


def _missing_command(lines: Sequence[str]) -> str:
    """Returns the command that a health check needs and the image lacks; "" if the check failed otherwise."""
    found = next(filter(None, map(LACKS.search, lines)), None)
    return (found.group(1) or found.group(2)) if found else ""


def _plain(text: str) -> str:
    for pattern, plain in PLAIN:
        text = pattern.sub(plain, text)
    return text


def _most_telling(tasks: Sequence[Task]) -> Optional[Task]:
    """Returns the newest task that failed, else the newest that is complete, else the newest of all."""
    newest = sorted(tasks, key=lambda task: timestamp(task.get("CreatedAt")), reverse=True)
    for states in (ENDED_BADLY, ("complete",)):
        found = next((task for task in newest if state_of(task) in states), None)
        if found is not None:
            return found
    return newest[0] if newest else None


def node_names(client: EngineClient) -> Dict[str, str]:
    """Returns the names of the nodes by their ids; empty if the Engine can't list them."""
    return {identity: _name(node) for identity, node in _nodes(client).items()}


def _nodes(client: EngineClient) -> Dict[str, Node]:
    try:
        return {node["ID"]: node for node in client.list("/nodes", timeout=PATIENCE)}
    except EngineError:
        return {}


def _name(node: Node) -> str:
    return str((node.get("Description") or {}).get("Hostname") or node.get("ID") or "")


def hider(service: Service) -> Callable[..., str]:
    """Returns ``hide(text, ours=False)``, which removes the secrets in the service's variables, labels and command.

    It also removes everything else that looks like a secret, unless the text is ``ours``.
    """
    spec = service["Spec"]
    container = spec["TaskTemplate"].get("ContainerSpec") or {}
    given = [str(entry) for entry in container.get("Env") or []]
    for labels in (spec.get("Labels"), container.get("Labels")):
        given += [f"{name}={value}" for name, value in (labels or {}).items()]
    command = (*(container.get("Command") or []), *(container.get("Args") or []))
    given.append(" ".join(map(str, command)))
    scrub = scrubber(value for text in given for value in _hidden_in(text) if len(value) >= SHORTEST_SECRET)

    def hide(text: str, ours: bool = False) -> str:
        return str(scrub(text)) if ours else masked_text(scrub(plain_text(text)))

    return hide


def _hidden_in(text: str) -> List[str]:
    """Returns the parts that the mask hides in NAME=value, or in a command."""
    name, sign, value = text.partition("=")
    if sign and is_secret(name):
        return [value]
    parts = masked_text(text).split(HIDDEN)
    if len(parts) < 2:
        return []
    found = re.fullmatch("(.+?)".join(re.escape(part) for part in parts), text, re.DOTALL)
    return [part.strip("\"'") for part in found.groups()] if found else []


def excerpt(text: str, count: int) -> List[str]:
    """Returns the last ``count`` lines, each cut between two words, so that no half of a secret is left."""
    return [_cut(line.rstrip()) for line in text.rstrip("\n").split("\n")[-count:]] if text.strip() else []


def _cut(line: str) -> str:
    return line if len(line) <= LINE_LENGTH else line[:LINE_LENGTH].rpartition(" ")[0] + "…"


def _container_of(task: Task) -> str:
    return str(((task.get("Status") or {}).get("ContainerStatus") or {}).get("ContainerID") or "")


def _is_readable(task: Optional[Task], nodes: Mapping[str, Node]) -> bool:
    """Whether a task has a container, on a node that is up. One that is down would not answer."""
    node = nodes.get(str((task or {}).get("NodeID") or ""), {})
    return bool(_container_of(task or {})) and (node.get("Status") or {}).get("State") in (None, "ready")


def _checks(client: EngineClient, tasks: Sequence[Task], nodes: Mapping[str, Node]) -> Dict[str, str]:
    """Returns the last output of the failing health checks of tasks, by container. Only the Engine of its node has it.

    A command that exits with 0 when Docker stops it leaves no other trace: its task is complete.
    """
    found: Dict[str, str] = {}
    requested: List[Dict[str, Any]] = []
    others = dict(nodes)  # the nodes without any of these tasks
    for task in tasks:
        container, starting = _container_of(task), state_of(task) == "starting"
        inspected = _inspected(client, container)
        if inspected is not None:
            found[container] = _check_of(inspected, starting)
        elif _may_be_unhealthy(task):
            identity = str(task.get("NodeID"))
            others.pop(identity, None)
            requested.append({"container": container, "starting": starting, "node": names_of(nodes.get(identity, {}))})
    if requested and client.ask_nodes is not None:
        names = [name for node in others.values() for name in names_of(node)]
        answers = client.ask_nodes({"checks": requested, "others": names}).get("checks") or {}
        found.update({str(container): str(text)[-MOST:] for container, text in answers.items()})
    return found


def checks_here(client: EngineClient, wanted: Mapping[str, bool]) -> Dict[str, str]:
    """Returns the last output of the failing health checks of this Engine's containers, by container, without secrets.

    ``wanted`` has the ids of containers, and whether each is starting.
    """
    found = {}
    for container, starting in wanted.items():
        inspected = _inspected(client, container) if re.fullmatch(r"[0-9a-f]+", container) else None
        if inspected is not None:
            config = inspected.get("Config") or {}
            command = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
            env, labels = config.get("Env") or [], config.get("Labels") or {}
            spec: ContainerSpec = {"Env": env, "Labels": labels, "Command": command}
            hide = hider({"Spec": {"TaskTemplate": {"ContainerSpec": spec}}})
            found[container] = "\n".join(excerpt(hide(_check_of(inspected, starting)), CHECKED))
    return found


def _may_be_unhealthy(task: Task) -> bool:
    """Whether to ask another node: checks are still running, or Docker may have stopped the container for one."""
    return "unhealthy" in error_of(task) or state_of(task) in ("starting", "complete")


def _inspected(client: EngineClient, container: str) -> Any:
    """Returns a container of this Engine's node; None if it is on another node, or removed."""
    try:
        found = client.get(f"/containers/{container}/json", timeout=PATIENCE)
    except EngineError:
        return None
    return found if isinstance(found, dict) else None


def _check_of(inspected: Inspected, starting: bool) -> str:
    try:
        health = inspected["State"]["Health"]
        last = health["Log"][-1]
        # Docker reports each ended container as unhealthy, so the streak decides. While a container starts, failures
        # do not count towards it.
        failing = health["FailingStreak"] >= (inspected["Config"]["Healthcheck"].get("Retries") or RETRIES)
        if not last["ExitCode"] or not (failing or starting):
            return ""
        # A check that runs while Docker stops the container ends with 137 and no output: use the one before.
        failed = takewhile(lambda result: result["ExitCode"], reversed(health["Log"]))
        output = next(filter(None, (str(result["Output"]).strip() for result in failed)), "")
        return output[-MOST:] or f"exit code {last['ExitCode']}"
    except (KeyError, IndexError, TypeError):
        return ""  # it has no health check, or none has ended yet


def _log(client: EngineClient, task: Task, service: Service) -> str:
    query = {"stdout": True, "stderr": True, "tail": LINES}
    try:
        raw = client.get(f"/tasks/{task['ID']}/logs", query, stream=True, timeout=PATIENCE)
    except EngineError:
        return ""  # the log driver can't be read, or the node is gone: the entry has no log then
    terminal = bool((service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("TTY"))
    text = (raw if terminal else demultiplexed(raw)).decode("utf-8", "replace")
    # Without the line that is cut: the rest of a secret would not be found.
    return text if len(text) <= MOST else text[-MOST:].partition("\n")[2]


def demultiplexed(raw: bytes) -> bytes:
    """Returns the payload of the Engine's log stream: frames with an 8-byte header (stream, 3 zeros, length)."""
    out, position = [], 0
    while position + 8 <= len(raw):
        (length,) = struct.unpack(">I", raw[position + 4 : position + 8])
        out.append(raw[position + 8 : position + 8 + length])
        position += 8 + length
    return b"".join(out)
