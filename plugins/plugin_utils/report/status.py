# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the playbooks status and history. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Dict, List

from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.text_table import cut, table, wrapped

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import (
        Drift,
        Health,
        Revision,
        Service,
        Stack,
        Task,
    )

GOOD = ("healthy", "complete", "asleep")


def tables(stacks: Sequence[Stack], healths: Sequence[Health], drifts: Sequence[Drift]) -> Dict[str, List[str]]:
    """Returns ``stacks``, ``attention``, ``services`` and ``tasks``, each as lines.

    :param stacks: the stacks of stack_info with their history.
    :param healths: the result of stack_health for each stack to show, in order.
    :param drifts: the result of stack_drift for each stack with services; a failed one has ``error_code``, ``msg`` and
        the ``item`` of its loop.
    """
    known = {stack["name"]: stack for stack in stacks}
    compared = {drift.get("stack") or (drift.get("item") or {}).get("stack"): drift for drift in drifts}
    shown = [known.get(health["stack"], {}) for health in healths]
    return {
        "stacks": table(
            ("stack", "status", "services", "tasks", "last revision", "drift"),
            [_stack(health, stack, compared.get(health["stack"], {})) for health, stack in zip(healths, shown)],
        ),
        "attention": [
            line
            for health, stack in zip(healths, shown)
            for text in _attention(health, stack, compared.get(health["stack"], {}))
            for line in wrapped(text)
        ],
        "services": table(
            ("service", "status", "tasks", "restarts", "since", "image"),
            [_service(service, stack) for health, stack in zip(healths, shown) for service in health["services"]],
        ),
        "tasks": table(
            ("task", "node", "state", "created", "error"),
            [
                _task(service, task)
                for stack in shown
                for service in stack.get("services") or ()
                for task in service["tasks"]
            ],
        ),
    }


def moment(at: object) -> str:
    """Returns ``2026-11-29 12:00`` for a time of the Engine or of ours; empty for None."""
    return str(at or "")[:16].replace("T", " ")


def _stack(health: Health, stack: Stack, drift: Drift) -> List[str]:
    services = health["services"]
    good = sum(service["status"] in GOOD for service in services)
    last = _last(stack)
    return [
        health["stack"],
        health["overall"] or "no such stack",
        f"{good}/{len(services)}",
        f"{sum(_done(one) for one in services)}/{sum(one['desired'] for one in services)}",
        _revision(last) if last else "none",
        _drift(drift, bool(services)),
    ]


def _last(stack: Stack) -> Revision:
    """Returns the newest revision; empty if there is none."""
    revisions = stack.get("revisions") or ()
    return revisions[0] if revisions else {}


def _revision(last: Revision) -> str:
    at = moment(last.get("finished") or last.get("started") or last.get("queued"))
    other = f"({last['operation']})" if last["operation"] != "deploy" else ""
    return " ".join(filter(None, [str(last["number"]), other, last["status"], at, last.get("who")]))


def _drift(drift: Drift, exists: bool) -> str:
    if "drift_lines" in drift:
        return str(len(drift["drift_lines"])) if drift["drift_lines"] else "none"
    return "unknown" if exists else ""


def _attention(health: Health, stack: Stack, drift: Drift) -> Iterator[str]:
    name = health["stack"]
    last = _last(stack)
    if last.get("status") in ("FAILED", "UNHEALTHY"):
        by = f" by {last['who']}" if last.get("who") else ""
        yield f"{name}: revision {last['number']}{by} is {last['status']}: {last.get('reason') or last.get('message')}"
    if stack.get("locked_by"):
        yield f"{name}: locked by {stack['locked_by']}"
    for service in health["services"]:
        if service["status"] not in GOOD:
            yield f"{service['name']}: {service['status']}{_why(service)}"
    for line in drift.get("drift_lines") or ():
        yield f"{name}: drift: {line}"
    if drift.get("error_code") not in (None, "", "no_revision"):
        yield f"{name}: drift is unknown: {str(drift.get('msg') or 'no message').splitlines()[0]}"


def _why(service: Service) -> str:
    failure, update = service.get("last_failure"), service.get("update_status") or {}
    parts = [service["message"]]
    if service.get("updating"):
        parts.append(f"updated {update['done']}/{update['total']}")
    if failure and failure["error"] not in service["message"]:
        parts.append(failure["error"])
    if failure:
        parts.append(f"last failure {moment(failure['at'])} on {failure['node'] or 'no node'}")
    return "".join(f"; {part}" if index else f": {part}" for index, part in enumerate(filter(None, parts)))


def _service(service: Service, stack: Stack) -> List[object]:
    nothing: Service = {}
    found = next((one for one in stack.get("services") or () if one["name"] == service["name"]), nothing)
    image = str(found.get("image_asked") or found.get("image") or "").partition("@")[0]
    tasks = f"{_done(service)}/{service['desired']}"
    restarts = service.get("restarts") or 0
    return [service["name"], service["status"], tasks, restarts, moment(service.get("since")), image]


def _done(service: Service) -> int:
    """Returns the number of running tasks; for a finished job, of all its tasks."""
    return int(service["desired"] if service["status"] == "complete" else service["running"])


def _task(service: Service, task: Task) -> List[object]:
    slot = f".{task['slot']}" if task["slot"] else ""
    wanted = task["desired_state"]
    state = task["state"] if task["state"] == wanted or wanted == "shutdown" else f"{task['state']} → {wanted}"
    code = (
        f" (exit code {task['exit_code']})" if task["exit_code"] and str(task["exit_code"]) not in task["error"] else ""
    )
    return [service["name"] + slot, task["node"], state, moment(task["created"]), cut(task["error"] + code, 60)]


def history(stacks: Sequence[Stack]) -> List[str]:
    """Returns the revisions of stacks as lines, newest first: one for each, with message, reason and changes below."""
    lines = []
    for stack in stacks:
        for one in stack["revisions"]:
            by = f" by {one['who']}" if one["who"] else ""
            at = moment(one["finished"] or one["started"] or one["queued"])
            lines.append(f"{stack['name']} {one['number']}  {one['operation']}  {one['status']}  {at}{by}")
            details = [one["message"], *one["reason"].splitlines(), *(one.get("changes") or ())]
            lines += [f"  {line}" for text in details if text for line in wrapped(text, 86)]
    return lines
