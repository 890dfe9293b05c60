# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. Decides the next step of a deployment from the plan and the answers of proxies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.asked import GONE

Result = Dict[str, Any]
#: The error codes of caddy_route for a proxy that is down or hangs.
LOST = ("admin_unreachable", "admin_timeout")
HINT = (
    "Set on_lost_proxy (stack_on_lost_proxy of the role stack) to warn to continue without it; playbooks/routes.yml, "
    "or the next run that reaches it, updates it."
)


def is_lost(answer: Mapping[str, object]) -> bool:
    """Whether a proxy is down or hangs, or its host can't be reached."""
    return bool(answer.get("unreachable")) or answer.get("error_code") in LOST


def has_failed(result: Mapping[str, object]) -> bool:
    """Whether a module has failed, or could not be run."""
    return bool(result.get("failed") or result.get("unreachable"))


def failure_of(result: Mapping[str, object]) -> Result:
    """Returns the message and code of another module that failed. Its other results may be internal or secret."""
    code = "host_unreachable" if result.get("unreachable") else "failed"
    return {"msg": str(result.get("msg") or ""), "error_code": str(result.get("error_code") or code)}


def refusal(answers: Sequence[Mapping[str, object]]) -> Result:
    """Returns the failure of a step that proxies rejected; empty if none did."""
    refused = [answer for answer in answers if answer.get("failed") and not is_lost(answer)]
    if not refused:
        return {}
    codes = list(dict.fromkeys(str(answer.get("error_code") or "failed") for answer in refused))
    texts = dict.fromkeys(str(answer.get("msg") or "") for answer in refused)
    return {"msg": f"{' '.join(texts)} ({', '.join(codes)})", "error_code": codes[0]}


def why_lost(host: str, answer: Mapping[str, object]) -> str:
    """Returns the sentence about a proxy that did not answer."""
    reason = "its host is unreachable." if answer.get("unreachable") else str(answer.get("msg") or "")
    return f"No routes for the proxy of {host}: {reason}"


def pruned_services(plan: Sequence[Mapping[str, object]]) -> List[str]:
    """Returns the services that a plan removes at its end (prune)."""
    return [
        str(step["name"])
        for step in plan
        if step["kind"] == "service" and step["action"] == "remove" and step.get("phase") == "prune"
    ]


def is_overtaken(plan: Sequence[Mapping[str, object]], expected: Sequence[str]) -> bool:
    """Whether another deployment ran in between: the plan of the last step does more than remove objects, or changes
    services that are not ``expected``."""
    other = [step for step in plan if step.get("phase") != "prune" and step["action"] != "keep"]
    more = [step for step in plan if step["kind"] == "service" and step["name"] not in expected]
    return bool(other or more)


def needs_values(routes: Sequence[Mapping[str, object]], take_over: str) -> bool:
    """Whether the routes need data that only a manager can read, not a worker with a proxy."""
    return take_over == GONE or any(route.get("from_labels") for route in routes)


def needs_work(answer: Mapping[str, object]) -> bool:
    """Whether a proxy would be changed, or is in conflict."""
    return bool(answer.get("changes") or answer.get("fresh") or has_failed(answer))


def to_fill(proxies: Sequence[str], answers: Mapping[str, Mapping[str, object]], owed: Sequence[str]) -> List[str]:
    """Returns the proxies that need the routes of all stacks: new ones, and those that were down (``owed``)."""
    fresh = [host for host in proxies if answers.get(host, {}).get("fresh")]
    return list(dict.fromkeys([*fresh, *(host for host in proxies if host in owed)]))


def joined(first: Mapping[str, Any], last: Mapping[str, Any]) -> Result:
    """Returns the result of a deployment in two steps. The ``last`` step only removes objects."""
    both = {**first, **last}
    for name in ("plan", "plan_lines"):
        both[name] = [*first.get(name, []), *last.get(name, [])]
    notices = first.get("notices", [])
    both["notices"] = [*notices, *(notice for notice in last.get("notices", []) if notice not in notices)]
    both["changed"] = bool(first.get("changed") or last.get("changed"))
    if "diff" in both:
        both["diff"] = [*diffs(first), *diffs(last)]
    return both


def diffs(result: Mapping[str, object]) -> List[Any]:
    """Returns the diffs of a result as a list."""
    found = result.get("diff") or []
    return list(found) if isinstance(found, list) else [found]
