# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the result of a task to its line in the audit. Pure. Only copies the options that are listed here."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown_line

OURS = "stackwright.swarm."
#: The lookup that reads a kept value, by its name in the task's options.
LOOKUP = re.compile(r"stackwright\.swarm\.stack_value\b")
LONGEST = 500  # characters of a reason
#: The options that describe the operation; all others may be values.
OPERATION = ("state", "service", "to", "heal", "wait", "dangling", "break_lock")
#: The defaults of modules.
DEFAULTS = {"compose_stack": {"state": "present"}, "stack_service": {"state": "scaled"}}
STACK = ("name", "project", "environment")
#: The fields of a result that describe a change.
RESULT = ("stack", "cluster_id", "node", "plan_id", "revision", "new_revision", "status", "error_code")
OK, CHANGED, FAILED, UNREACHABLE = "ok", "changed", "failed", "unreachable"


def results_in(result: Mapping[str, Any], outcome: str) -> List[Tuple[Mapping[str, Any], str]]:
    """Returns the single results in a task's result, each with its outcome: of a loop's items, and of many stacks."""
    found: List[Tuple[Mapping[str, Any], str]] = []
    for one in result.get("results") or [result]:
        stacks = one.get("stacks")
        if (
            isinstance(stacks, list)
            and stacks
            and all(isinstance(each, Mapping) and "result" in each for each in stacks)
        ):
            bad = {"failed": FAILED, "skipped": FAILED}
            found += [
                (each, UNREACHABLE if each.get("unreachable") else bad.get(each["result"], OK)) for each in stacks
            ]
        else:
            found.append((one, FAILED if one.get("failed") and outcome == OK else outcome))
    return found


def record(
    action: str,
    args: Mapping[str, object],
    result: Mapping[str, object],
    outcome: str,
    check: bool,
    host: str,
) -> Optional[Dict[str, Any]]:
    """Returns the audit's record of a task's result on one host; None unless it is a change, a failure or a read of
    kept values.

    :param action: the full name of the module.
    :param args: its options as the playbook has them.
    :param outcome: ``ok``, ``failed`` or ``unreachable``.
    """
    looks_up = bool(LOOKUP.search(_texts(args)))
    module = action[len(OURS) :] if action.startswith(OURS) else ""
    if not module:
        return {"event": "value_read", "via": "lookup", "module": action} if looks_up else None
    given = {**DEFAULTS.get(module, {}), **_options(args, result)}
    changed = bool(result.get("changed")) and not check
    doer = result.get("done_by")
    if doer and doer != host and not changed:
        return None  # the host that did the work records it
    reads = module == "stack_values" and given.get("state") == "read"
    failed = outcome in (FAILED, UNREACHABLE)
    if not (changed or failed or reads or looks_up):
        return None
    event = "change" if changed else "refused" if failed else "value_read"
    found: Dict[str, Any] = {
        "event": event,
        "module": module,
        "operation": {name: given[name] for name in OPERATION if given.get(name) not in (None, "")},
        "outcome": outcome if failed else CHANGED if changed else OK,
        "check": check,
    }
    found.update({name: given[name] for name in STACK if given.get(name)})
    found.update({name: result[name] for name in RESULT if isinstance(result.get(name), (str, int)) and result[name]})
    if event == "value_read" and module == "stack_values":
        found["names"] = _names(given.get("names"))
    lines = result.get("plan_lines")
    if changed and isinstance(lines, list):
        found["changes"] = len(lines)
    if failed:
        found["reason"] = _reason(result)
    plain: Dict[str, Any] = _plain(found)
    return plain


def interrupted_in(action: str, result: Mapping[str, object]) -> List[Dict[str, Any]]:
    """Returns the audit's records of killed runs that this run of ``action`` has found in the history."""
    found = result.get("interrupted")
    same = {name: result[name] for name in ("stack", "cluster_id", "node") if result.get(name)}
    return [
        _plain(
            {
                **same,
                "event": "interrupted",
                "module": action[len(OURS) :],
                "outcome": FAILED,
                "revision": one.get("revision"),
                "operation": {"state": one.get("operation")},
                "started_by": one.get("who"),
                "started": one.get("started"),
            }
        )
        for one in (found if isinstance(found, list) and action.startswith(OURS) else [])
        if isinstance(one, Mapping)
    ]


def _options(args: Mapping[str, object], result: Mapping[str, object]) -> Dict[str, Any]:
    """Returns the options as the module got them, else as the playbook has them."""
    invocation = result.get("invocation")
    given = invocation.get("module_args") if isinstance(invocation, dict) else None
    merged = {**args, **(given if isinstance(given, dict) else {})}
    return {name: value for name, value in merged.items() if value is not None}


def _reason(result: Mapping[str, object]) -> str:
    """Returns the first line of the message: the others may be lines of a log."""
    if result.get("censored"):
        return "hidden by no_log"
    problems = result.get("problems")
    if isinstance(problems, list) and problems and isinstance(problems[0], dict):
        one = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return f"{one.get('file')}:{one.get('line')}: {one.get('message')}{more}"[:LONGEST]
    return str(result.get("msg") or "").strip().partition("\n")[0][:LONGEST]


def _names(given: object) -> List[str]:
    return [str(name) for name in given] if isinstance(given, list) else []


def _texts(data: object) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, Mapping):
        return "\n".join(_texts(value) for value in data.values())
    return "\n".join(map(_texts, data)) if isinstance(data, (list, tuple)) else ""


def _plain(data: object) -> Any:
    if isinstance(data, str):
        return str(shown_line(data))
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    return data if data is None or isinstance(data, (bool, int, float)) else str(data)
