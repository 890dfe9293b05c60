# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a notification about a deployment, and its format for each kind of receiver. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown_line

START, SUCCESS, FAILURE, ROLLBACK, DRIFT = "start", "success", "failure", "rollback", "drift"
MOST_LINES, LONGEST_LINE = 20, 300
DISCORD = 2000  # the most characters that Discord accepts
#: The fields of a result that a message contains for programs.
FIELDS = ("cluster_id", "node", "plan_id", "revision", "new_revision", "error_code")
CARD = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4"}
SIGNS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Message(NamedTuple):
    """One notification: a title, some lines, and fields for programs."""

    event: str
    title: str
    lines: List[str]
    fields: Dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join([self.title, *self.lines])


def begun(stack: str, operation: str, who: Mapping[str, str]) -> Message:
    """Returns the message that a run begins to change a stack. ``who``: who, host, play, job, commit_message."""
    return Message(START, f"{stack}: {operation} started by {who['who']}", _reason(who), {"stack": stack, **who})


def announced(event: str, stack: str, title: str, lines: List[str], who: Mapping[str, str]) -> Message:
    """Returns a message from a playbook."""
    return Message(event, _line(title), _limited([_line(line) for line in lines]), {"stack": stack, **who})


def ended(module: str, stack: str, result: Mapping[str, Any], who: Mapping[str, str]) -> Optional[Message]:
    """Returns the message about a run's result; None without changes, drift and failure.

    It has names and numbers only, never the values of a plan. For a failure it has the message that Ansible shows.

    :param module: compose_stack, stack_rollback or stack_drift.
    """
    failed = bool(result.get("failed") or result.get("unreachable"))
    drift = result.get("drift") if module == "stack_drift" and result.get("drifted") else None
    fields = {"stack": stack, **who, **{name: result[name] for name in FIELDS if result.get(name)}}
    if drift or result.get("error_code") == "drift_found":
        found = [_object(item) for item in drift or result.get("drift") or []]
        healed = result.get("new_revision")
        title = f"{stack}: drift {'repaired' if healed else 'found'} ({len(found)})"
        return Message(DRIFT, title, _limited(found), fields)
    if failed:
        return _failure(stack, result, who, fields)
    if not result.get("changed"):
        return None
    lines = [*_reason(who), *_limited([_object(item) for item in result.get("plan") or []])]
    number = result.get("revision")
    if module == "stack_rollback":
        return Message(ROLLBACK, f"{stack}: rolled back to revision {result.get('to')} by {who['who']}", lines, fields)
    revision = f" as revision {number}" if number else ""
    return Message(SUCCESS, f"{stack}: deployed{revision} by {who['who']}", lines, fields)


def _failure(stack: str, result: Mapping[str, Any], who: Mapping[str, str], fields: Dict[str, object]) -> Message:
    outcome = result.get("outcome") or {}
    why = str(result.get("msg") or "the host is unreachable").strip().splitlines()
    lines = [*_reason(who), *_limited([_line(line) for line in why])]
    if outcome.get("rollback") == "done":
        return Message(ROLLBACK, f"{stack}: deployment failed and was rolled back", lines, fields)
    after = "; the rollback failed as well" if result.get("error_code") == "rollback_failed" else ""
    return Message(FAILURE, f"{stack}: failed{after} ({fields.get('error_code') or 'unreachable'})", lines, fields)


def _reason(who: Mapping[str, str]) -> List[str]:
    return [_line(who["commit_message"])] if who.get("commit_message") else []


def _object(item: Mapping[str, object]) -> str:
    """Returns an operation of a plan, or a kind of drift, without the changed values."""
    parts = (item.get("action") or item.get("kind"), item.get("object") or item.get("kind"), item.get("name"))
    return _line(" ".join(str(part) for part in parts if part))


def _limited(lines: List[str]) -> List[str]:
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"and {more} more"] if more > 0 else lines


def _line(text: str) -> str:
    return str(shown_line(text))[:LONGEST_LINE]


def body(form: str, message: Message, time: str) -> Dict[str, Any]:
    """Returns the JSON for a receiver of this format (json, slack, teams, discord).

    :param time: the time of the event, in RFC 3339.
    """
    if form == "slack":
        return {"text": message.text.translate(SIGNS)}
    if form == "discord":
        # A container's error must not mention people (@everyone).
        return {"content": message.text[:DISCORD], "allowed_mentions": {"parse": []}}
    if form == "teams":
        blocks = [{"type": "TextBlock", "text": message.title, "weight": "Bolder", "wrap": True}]
        blocks += [{"type": "TextBlock", "text": line, "wrap": True, "spacing": "None"} for line in message.lines]
        card = {"contentType": "application/vnd.microsoft.card.adaptive", "content": {**CARD, "body": blocks}}
        return {"type": "message", "attachments": [card]}
    head = {"event": message.event, "title": message.title, "lines": message.lines, "time": time}
    return {**head, **message.fields}
