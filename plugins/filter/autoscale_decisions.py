# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter autoscale_decisions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.care.autoscale import Policy, decisions

#: The lowest and the highest value of each number.
NUMBERS = {"target": (0.001, 1e12), "tolerance": (0.0, 0.9), "up_after": (0.0, 86400.0), "down_after": (0.0, 86400.0)}


def autoscale_decisions(
    results: object, cluster: str = "", number: object = None, key: str = "", **policy: object
) -> list[dict[str, object]]:
    found = plain(results)
    if not isinstance(found, list) or not all(isinstance(one, Mapping) and "tasks" in one for one in found):
        raise AnsibleFilterError("autoscale_decisions needs a list of results of stack_load.")
    chosen = {name: _within(name, value) for name, value in policy.items()}
    load = None if number is None or number == "" else _number(number, key)
    return decisions(found, cluster, Policy(number=load, **chosen))


def _within(name: str, value: object) -> float:
    if name not in NUMBERS:
        raise AnsibleFilterError(f"autoscale_decisions has no option {name}. Use {', '.join(NUMBERS)}, number or key.")
    low, high = NUMBERS[name]
    try:
        found = float(str(value))
    except ValueError:
        found = -1.0
    if not low <= found <= high:
        raise AnsibleFilterError(f"autoscale_decisions: {name} must be a number from {low:g} to {high:g}.")
    return found


def _number(text: object, key: str) -> float:
    """Reads the number from the output of a command or HTTP request: plain, or JSON with a path such as a.b."""
    try:
        found: Any = json.loads(str(text)) if key else text
        for step in key.split(".") if key else ():
            found = found[int(step)] if isinstance(found, list) else found[step]
        value = float(found)
    except (ValueError, TypeError, LookupError, RecursionError):
        value = -1.0
    if not 0.0 <= value < 1e15:
        where = f" at {key}" if key else ""
        raise AnsibleFilterError(f"autoscale_decisions: not a number of 0 or more{where}: {str(text)[:100]!r}.")
    return value


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"autoscale_decisions": autoscale_decisions}
