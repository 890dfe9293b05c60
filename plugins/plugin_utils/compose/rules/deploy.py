# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``deploy`` and ``restart``: modes, restart conditions, update and rollback (swarmkit's validateServiceSpec)."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import SERVICE_PATHS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    deep,
    is_text,
    items_of,
    mapping,
    sequence,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_value
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import UNSET
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

RESTART = re.compile(r"(no|always|unless-stopped)\Z|(always|on-failure)(:[0-9]+)?\Z")

#: The keys that accept only certain words.
WORDS = [(path, row.kind) for path, row in SERVICE_PATHS.items() if row.kind.words]


def check_deploy(review: Review) -> None:
    for name, service in review.services.items():
        deploy = mapping(service.get("deploy"))
        path = ("services", name, "deploy")
        for keys, kind in WORDS:
            value = deep(service, *keys)
            value = value.lower() if kind.any_case and isinstance(value, str) else value
            _check_word(review, ("services", name, *keys), value, kind.words)
        for block in ("update_config", "rollback_config"):
            ratio = deep(deploy, block, "max_failure_ratio")
            if isinstance(ratio, (int, float)) and not 0 <= ratio <= 1:
                review.problem((*path, block, "max_failure_ratio"), "must be from 0 to 1", "0.2 means 20 %", "range")
        if deep(deploy, "rollback_config", "failure_action") == "rollback":
            message = "'rollback' has no effect here: a failed rollback pauses"
            review.notice((*path, "rollback_config", "failure_action"), message, "use pause")
        _check_mode(review, name, service, deploy)
        _check_endpoint(review, name, service, deploy)
        _check_restart(review, name, service)


def _check_word(review: Review, path: Path, value: object, words: Sequence[str]) -> None:
    """Checks a key that accepts only certain words."""
    if value is None or value == "" or value in words:
        return
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import wrong_word

    message, code, hint = wrong_word(value, words)
    review.problem(path, message, hint, code)


def _check_mode(review: Review, name: str, service: Mapping[str, object], deploy: Mapping[str, object]) -> None:
    mode = str(deploy.get("mode") or "replicated")
    if mode.startswith("global"):
        for path, value in ((("deploy", "replicas"), deploy.get("replicas")), (("scale",), service.get("scale"))):
            if value is not None:
                message = f"mode {mode} runs one task on each node and can't have replicas"
                review.problem(("services", name, *path), message, "remove it, or use mode: replicated", "replicas")
    if mode.endswith("-job") and deploy.get("update_config") is not None:
        block = ("services", name, "deploy", "update_config")
        review.problem(block, f"mode {mode} can't have an update_config", "remove it", "job")
    if deploy.get("replicas") is not None and service.get("scale") not in (None, deploy["replicas"]):
        review.problem(("services", name, "scale"), "scale and deploy.replicas differ", "keep one of them", "replicas")


def _check_endpoint(review: Review, name: str, service: Mapping[str, object], deploy: Mapping[str, object]) -> None:
    if str(deploy.get("endpoint_mode")).lower() != "dnsrr":
        return
    for index, port in items_of(service, "ports"):
        if port.get("mode") in (None, "ingress"):
            message = "a service with endpoint_mode dnsrr can't publish a port in mode ingress"
            review.problem(("services", name, "ports", index), message, "use mode: host for the port", "dnsrr")


def _check_restart(review: Review, name: str, service: Mapping[str, object]) -> None:
    restart: Any = service.get("restart")
    if is_text(restart) and deep(service, "deploy", "restart_policy") is None and not RESTART.match(restart):
        hint = "use no, always, unless-stopped, on-failure or on-failure:3"
        review.problem(("services", name, "restart"), f"unknown restart {shown_value(restart)}", hint, "enum")


KEY = re.compile(r"[a-z_][a-z0-9\-_.]+\Z", re.IGNORECASE)
VALUE = re.compile(r"[a-z0-9:\-_\s.*()?+\[\]\\^$|/]+\Z", re.IGNORECASE)
KEYS = ("node.hostname", "node.id", "node.ip", "node.platform.arch", "node.platform.os", "node.role")
LABELS = ("node.labels.", "engine.labels.")
EXAMPLE = "use the form node.role == worker or node.labels.disk != slow"


def check_placement(review: Review) -> None:
    for name, service in review.services.items():
        path = ("services", name, "deploy", "placement")
        for index, constraint in enumerate(sequence(deep(service, "deploy", "placement", "constraints"))):
            fault, hint = constraint_fault(constraint)
            if fault:
                review.problem((*path, "constraints", index), fault, hint, "constraint")
        for index, preference in enumerate(sequence(deep(service, "deploy", "placement", "preferences"))):
            spread = preference.get("spread") if isinstance(preference, dict) else None
            if isinstance(spread, str) and spread and not spread.lower().startswith(LABELS):
                message = "the preference has no effect: Swarm can only spread tasks over label values"
                review.notice((*path, "preferences", index), message, "write spread: node.labels.NAME", "no_effect")


def constraint_fault(constraint: object) -> tuple[str, str]:
    """Returns the fault of a placement constraint and a hint, or ("", "")."""
    text = constraint if isinstance(constraint, str) else ""
    operator = next((o for o in ("==", "!=") if o in text), "")
    if not operator:
        single = "=" in text
        return ("a constraint must contain '==' or '!='" + (", not a single '='" if single else ""), EXAMPLE)
    key, _operator, value = (part.strip() for part in text.partition(operator))
    if not KEY.match(key):
        return f"the text before '{operator}' is not a node key", EXAMPLE
    if not value:
        return f"the value after '{operator}' is missing", UNSET
    if not VALUE.match(value):
        return "the value contains a character that is not allowed in constraints", EXAMPLE
    if key.lower() not in KEYS and not key.lower().startswith(LABELS):
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import closest

        meant = closest(key, KEYS)
        hint = (
            f"did you mean '{meant}'?" if meant else f"valid keys are {', '.join(KEYS)}, node.labels.*, engine.labels.*"
        )
        return "no node has the key of this constraint, so no task could run", hint
    if key.lower() == "node.role" and value.lower() not in ("manager", "worker"):
        return "node.role must be manager or worker", EXAMPLE
    return "", ""
