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
MOST = 100_000  # characters of a log that are looked at
SERVICES = 5  # logs are fetched for so many services; the others have their error
CHECKED = 3  # lines of what a failing health check wrote
RETRIES = 3  # the Engine's, where a health check does not say

#: What a shell, or the runtime, says of a command that is not there.
LACKS = re.compile(
    r'sh: (?:line )?(?:[0-9]+: )?([\w.-]+): (?:command )?not found|exec: "([^"]+)": executable file not found'
)
#: The Engine's words in plainer ones, for people.
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
    """One entry for each service in ``reasons``: service, reason, error, exit_code, node, log, text (for people).

    ``old`` are the ids of tasks that had ended before: they bear witness only if there is no other task.
    """
    grouped = tasks_by_service(tasks)
    nodes = _nodes(client)
    seen: List[Tuple[Service, Optional[Task], bool]] = []
    for service in sorted(services, key=name_of):
        if name_of(service) in reasons:
            own = grouped.get(service["ID"], [])
            task = _witness([task for task in own if task["ID"] not in old] or own)
            seen.append((service, task, len(seen) < SERVICES and _can_tell(task, nodes)))
    checks = _checks(client, [task for _service, task, tells in seen if task and tells], nodes)
    found: List[Found] = [
        _one(client, service, reasons[name_of(service)], task, nodes, checks if tells else None)
        for service, task, tells in seen
    ]
    known = {entry["service"] for entry in found}
    for name in sorted(set(reasons) - known):
        gone: Found = {"service": name, "reason": reasons[name], "error": "", "exit_code": None, "node": "", "log": []}
        gone["health_check"] = []
        found.append({**gone, "text": _text(gone)})
    return found


def _one(
    client: EngineClient,
    service: Service,
    reason: str,
    task: Optional[Task],
    nodes: Mapping[str, Node],
    checks: Optional[Mapping[str, str]],
) -> Found:
    """``checks`` is what health checks wrote, by container; None where a task has nothing more to tell."""
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
    asks = unplaced(client, service, f"{reason} {entry['error']}") or unallotted(client, service, reason)
    entry["text"] = _text(entry, hide(asks, ours=True), _called(service))
    return entry


def _called(service: Service) -> str:
    """The name of a service, and of which it is a step of ``pre_start``."""
    owner, _slash, number = labels_of(service).get(STEP, "").partition("/")
    return name_of(service) + (f" (step {number} of pre_start of {owner})" if number else "")


def _text(entry: Found, asks: str = "", called: str = "") -> str:
    text = f"{called or entry['service']}: {_plain(entry['reason'] or entry['error'])}"
    if entry["health_check"]:
        text = text.replace(ENDED_BY_ITSELF, f"{NOT_HEALTHY} (exit code 0)")
    facts = []
    if entry["health_check"] and "its health check fails" not in text and NOT_HEALTHY not in text:
        facts.append("its health check fails")
    lacking = _lacks(entry["health_check"])
    if lacking:
        facts.append(f"its image has no {lacking}, which the health check needs")
    error = _plain(entry["error"])
    if error and error not in text:
        facts.append(error)
    code = f"exit code {entry['exit_code']}"
    # The Engine has stopped a container whose check fails: its exit code says nothing.
    if entry["exit_code"] and code not in f"{text} {error}" and "its health check fails" not in text:
        facts.append(code)
    if entry["node"]:
        facts.append(f"node {entry['node']}")
    text += f" ({', '.join(facts)})" if facts else ""
    checks = [f"    health check: {line}" for line in entry["health_check"]]
    return "\n".join([text + (f"; {asks}" if asks else "")] + checks + [f"    | {line}" for line in entry["log"]])


def _lacks(lines: Sequence[str]) -> str:
    """The command that a health check needs and the image does not have, "" if it is something else."""
    found = next(filter(None, map(LACKS.search, lines)), None)
    return (found.group(1) or found.group(2)) if found else ""


def _plain(text: str) -> str:
    for pattern, plain in PLAIN:
        text = pattern.sub(plain, text)
    return text


def _witness(tasks: Sequence[Task]) -> Optional[Task]:
    """The task that tells most: the newest that failed, else the newest that has ended, else the newest of all."""
    newest = sorted(tasks, key=lambda task: timestamp(task.get("CreatedAt")), reverse=True)
    for states in (ENDED_BADLY, ("complete",)):
        found = next((task for task in newest if state_of(task) in states), None)
        if found is not None:
            return found
    return newest[0] if newest else None


def node_names(client: EngineClient) -> Dict[str, str]:
    """The names of the nodes by their ids; empty if the Engine does not say."""
    return {identity: _name(node) for identity, node in _nodes(client).items()}


def _nodes(client: EngineClient) -> Dict[str, Node]:
    try:
        return {node["ID"]: node for node in client.list("/nodes", timeout=PATIENCE)}
    except EngineError:
        return {}


def _name(node: Node) -> str:
    return str((node.get("Description") or {}).get("Hostname") or node.get("ID") or "")


def hider(service: Service) -> Callable[..., str]:
    """``hide(text, ours=False)`` takes out of a text what looks like a secret, and all that does so in the service's
    own variables, labels and command; of a text of our own only that."""
    spec = service["Spec"]
    container = spec["TaskTemplate"].get("ContainerSpec") or {}
    given = [str(entry) for entry in container.get("Env") or []]
    for labels in (spec.get("Labels"), container.get("Labels")):
        given += [f"{name}={value}" for name, value in (labels or {}).items()]
    words = (*(container.get("Command") or []), *(container.get("Args") or []))
    given.append(" ".join(map(str, words)))
    scrub = scrubber(value for text in given for value in _hidden_in(text) if len(value) >= SHORTEST_SECRET)

    def hide(text: str, ours: bool = False) -> str:
        return str(scrub(text)) if ours else masked_text(scrub(plain_text(text)))

    return hide


def _hidden_in(text: str) -> List[str]:
    """What a mask hides of NAME=value, or of a command."""
    name, sign, value = text.partition("=")
    if sign and is_secret(name):
        return [value]
    parts = masked_text(text).split(HIDDEN)
    if len(parts) < 2:
        return []
    found = re.fullmatch("(.+?)".join(re.escape(part) for part in parts), text, re.DOTALL)
    return [part.strip("\"'") for part in found.groups()] if found else []


def excerpt(text: str, count: int) -> List[str]:
    """The last lines of a text, each cut before the word that would be too long: no half of a secret is left."""
    return [_cut(line.rstrip()) for line in text.rstrip("\n").split("\n")[-count:]] if text.strip() else []


def _cut(line: str) -> str:
    return line if len(line) <= LINE_LENGTH else line[:LINE_LENGTH].rpartition(" ")[0] + "…"


def _container_of(task: Task) -> str:
    return str(((task.get("Status") or {}).get("ContainerStatus") or {}).get("ContainerID") or "")


def _can_tell(task: Optional[Task], nodes: Mapping[str, Node]) -> bool:
    """Whether a task has run anything, on a node that is not away: that one would not answer."""
    node = nodes.get(str((task or {}).get("NodeID") or ""), {})
    return bool(_container_of(task or {})) and (node.get("Status") or {}).get("State") in (None, "ready")


def _checks(client: EngineClient, tasks: Sequence[Task], nodes: Mapping[str, Node]) -> Dict[str, str]:
    """What the failing health checks of tasks wrote last, by container. Only an Engine on whose node it ran knows that.

    A command that ends well when it is told to stop leaves no other trace: its task is complete, with exit code 0.
    """
    found: Dict[str, str] = {}
    asked: List[Dict[str, Any]] = []
    others = dict(nodes)  # those that no task of these ran on
    for task in tasks:
        container, starting = _container_of(task), state_of(task) == "starting"
        inspected = _inspected(client, container)
        if inspected is not None:
            found[container] = _check_of(inspected, starting)
        elif _may_be_unhealthy(task):
            identity = str(task.get("NodeID"))
            others.pop(identity, None)
            asked.append({"container": container, "starting": starting, "node": names_of(nodes.get(identity, {}))})
    if asked and client.ask_nodes is not None:
        names = [name for node in others.values() for name in names_of(node)]
        told = client.ask_nodes({"checks": asked, "others": names}).get("checks") or {}
        found.update({str(container): str(text)[-MOST:] for container, text in told.items()})
    return found


def checks_here(client: EngineClient, wanted: Mapping[str, bool]) -> Dict[str, str]:
    """What the failing health checks of those containers wrote last that are this Engine's; True for one that starts.

    What the container's own variables, labels and command hide, and what looks like a secret, is left out.
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
    """Whether it is worth asking another node: a check goes on, or Docker has stopped what failed it."""
    return "unhealthy" in error_of(task) or state_of(task) in ("starting", "complete")


def _inspected(client: EngineClient, container: str) -> Any:
    """A container of this Engine's own node; None where it ran on another one, or is removed."""
    try:
        found = client.get(f"/containers/{container}/json", timeout=PATIENCE)
    except EngineError:
        return None
    return found if isinstance(found, dict) else None


def _check_of(inspected: Inspected, starting: bool) -> str:
    try:
        health = inspected["State"]["Health"]
        last = health["Log"][-1]
        # Every container that has ended is called unhealthy. One that starts has failures that do not count yet.
        failing = health["FailingStreak"] >= (inspected["Config"]["Healthcheck"].get("Retries") or RETRIES)
        if not last["ExitCode"] or not (failing or starting):
            return ""
        # A check that runs as Docker stops the container ends with 137 and no word: then the one before tells more.
        failed = takewhile(lambda result: result["ExitCode"], reversed(health["Log"]))
        said = next(filter(None, (str(result["Output"]).strip() for result in failed)), "")
        return said[-MOST:] or f"exit code {last['ExitCode']}"
    except (KeyError, IndexError, TypeError):
        return ""  # it has no health check, or none has ended yet


def _log(client: EngineClient, task: Task, service: Service) -> str:
    query = {"stdout": True, "stderr": True, "tail": LINES}
    try:
        raw = client.get(f"/tasks/{task['ID']}/logs", query, stream=True, timeout=PATIENCE)
    except EngineError:
        return ""  # the log driver may not be readable, or the node gone: the error stands without a log
    terminal = bool((service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("TTY"))
    text = (raw if terminal else demultiplexed(raw)).decode("utf-8", "replace")
    return text[-MOST:]


def demultiplexed(raw: bytes) -> bytes:
    """The payload of the Engine's log stream: frames of an 8-byte header (stream, 3 zeros, length) and their bytes."""
    out, position = [], 0
    while position + 8 <= len(raw):
        (length,) = struct.unpack(">I", raw[position + 4 : position + 8])
        out.append(raw[position + 8 : position + 8 + length])
        position += 8 + length
    return b"".join(out)
