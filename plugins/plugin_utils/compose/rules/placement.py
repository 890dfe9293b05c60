# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement: constraints as swarmkit's constraint.Parse reads them, and preferences."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.report import UNSET
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.look import Look, deep, sequence
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import closest

KEY = re.compile(r"[a-z_][a-z0-9\-_.]+\Z", re.IGNORECASE)
VALUE = re.compile(r"[a-z0-9:\-_\s.*()?+\[\]\\^$|/]+\Z", re.IGNORECASE)
KEYS = ("node.hostname", "node.id", "node.ip", "node.platform.arch", "node.platform.os", "node.role")
LABELS = ("node.labels.", "engine.labels.")
EXAMPLE = "write it like node.role == worker or node.labels.disk != slow"


def check_placement(look: Look) -> None:
    for name, service in look.services.items():
        path = ("services", name, "deploy", "placement")
        for index, constraint in enumerate(sequence(deep(service, "deploy", "placement", "constraints"))):
            fault, hint = constraint_fault(constraint)
            if fault:
                look.problem((*path, "constraints", index), fault, hint, "constraint")
        for index, preference in enumerate(sequence(deep(service, "deploy", "placement", "preferences"))):
            spread = preference.get("spread") if isinstance(preference, dict) else None
            if isinstance(spread, str) and spread and not spread.lower().startswith(LABELS):
                message = "the preference has no effect: Swarm spreads tasks over the values of labels only"
                look.notice((*path, "preferences", index), message, "write spread: node.labels.NAME", "no_effect")


def constraint_fault(constraint: Any) -> tuple[str, str]:
    """What is wrong with a placement constraint and a hint, or ("", "")."""
    operator = next((o for o in ("==", "!=") if isinstance(constraint, str) and o in constraint), "")
    if not operator:
        single = isinstance(constraint, str) and "=" in constraint
        return ("a constraint has '==' or '!='" + (", not a single '='" if single else ""), EXAMPLE)
    key, _operator, value = (part.strip() for part in constraint.partition(operator))
    if not KEY.match(key):
        return f"what stands before '{operator}' is no key of a node", EXAMPLE
    if not value:
        return f"nothing stands behind '{operator}'", UNSET
    if not VALUE.match(value):
        return "the value has a character that constraints can't have", EXAMPLE
    if key.lower() not in KEYS and not key.lower().startswith(LABELS):
        meant = closest(key, KEYS)
        hint = f"did you mean '{meant}'?" if meant else f"known are {', '.join(KEYS)}, node.labels.*, engine.labels.*"
        return "no node has the key of this constraint, so no task would ever run", hint
    if key.lower() == "node.role" and value.lower() not in ("manager", "worker"):
        return "a node's role is manager or worker", EXAMPLE
    return "", ""
