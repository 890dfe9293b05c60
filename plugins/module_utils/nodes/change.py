# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a node, and plans the changes of its specification."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname, is_down
from ansible_collections.stackwright.swarm.plugins.module_utils.health.quorum import (
    is_leader,
    is_manager,
    is_reachable,
    managers_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.promotion import is_stuck, join_address_gone
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.quorum import even_warning, refuse_loss

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, NodeSpec

ACTIVE, PAUSE, DRAIN = "active", "pause", "drain"
MERGED, EXACT = "merge", "exact"
UNCHECKED = (
    "The task could not read through which manager {name} joined the Swarm. If that manager is gone, and the Engine of "
    "{name} was not restarted since, the promotion takes the node out of the Swarm. If the inventory has the node "
    "under its host name, the task checks this first."
)


class Wanted(NamedTuple):
    """The desired state of a node. None leaves a part unchanged; a label with the value None is removed."""

    labels: Optional[Mapping[str, Optional[str]]] = None
    labels_mode: str = MERGED
    availability: Optional[str] = None
    role: Optional[str] = None


class Difference(NamedTuple):
    """A changed part: ``role``, ``availability`` or ``label NAME``; None is absent."""

    what: str
    before: Optional[str]
    after: Optional[str]

    def __str__(self) -> str:
        before, after = ("absent" if text is None else text or '""' for text in (self.before, self.after))
        return f"{self.what} {before} → {after}"


def find_node(nodes: Sequence[Node], name: str) -> Node:
    """Returns the node with this host name or id.

    Of several with the same host name, it is the one that is not down: the others are stale entries of a node that
    joined again. Raises EngineError (``no_node``, ``ambiguous_node``).
    """
    found = [node for node in nodes if str(node.get("ID")) == name]
    found = found or [node for node in nodes if hostname(node) == name]
    if not found:
        names = ", ".join(sorted({hostname(node) for node in nodes}))
        raise EngineError(
            f"The Swarm has no node {name}.", "no_node", f"It has {names}. Names are case-sensitive; ids work too."
        )
    if len(found) > 1:
        alive = [node for node in found if not is_down(node)]
        if len(alive) == 1:
            return alive[0]
        ids = ", ".join(f"{node['ID']} ({(node.get('Status') or {}).get('State')})" for node in found)
        raise EngineError(f"{len(found)} nodes have the name {name}: {ids}.", "ambiguous_node", "Use the id as name.")
    return found[0]


def label_texts(labels: Optional[Mapping[str, object]]) -> Optional[Dict[str, Optional[str]]]:
    """Returns labels as texts, booleans as in Compose; None removes a label."""
    if labels is None:
        return None
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in labels.items()}
    return {str(name): None if labels[name] is None else text for name, text in texts.items()}


def absence(node: Node, version: Optional[str] = None) -> str:
    """Returns why a node is not back after a restart; empty if it is ready, reachable and runs Engine ``version``.

    ``version`` may omit the suffix of a distribution: ``28.5.2`` matches ``28.5.2+dfsg1``.
    """
    found = []
    state, status = str((node.get("Status") or {}).get("State") or "unknown"), node.get("ManagerStatus")
    if state != "ready":
        found.append(f"it is {state}")
    elif is_manager(node) and not is_reachable(node):
        found.append(f"as a manager it is {str((status or {}).get('Reachability') or 'not reachable')}")
    engine = str(((node.get("Description") or {}).get("Engine") or {}).get("EngineVersion") or "")
    if version and not re.match(rf"{re.escape(version)}(?![0-9A-Za-z])", engine):
        found.append(f"its Engine is {engine or 'unknown'} instead of {version}")
    return " and ".join(found)


def changed_spec(node: Node, wanted: Wanted) -> NodeSpec:
    """Returns the desired NodeSpec of a node; other parts stay."""
    spec: NodeSpec = {**(node.get("Spec") or {})}
    if wanted.labels is not None:
        labels = dict(spec.get("Labels") or {}) if wanted.labels_mode == MERGED else {}
        labels.update({name: text for name, text in wanted.labels.items() if text is not None})
        spec["Labels"] = {name: text for name, text in labels.items() if wanted.labels.get(name, "") is not None}
    if wanted.availability is not None:
        spec["Availability"] = wanted.availability
    if wanted.role is not None:
        spec["Role"] = wanted.role
    return spec


def differences(node: Node, spec: NodeSpec) -> List[Difference]:
    """Returns the differences between a node and a NodeSpec."""
    old = node.get("Spec") or {}
    found = []
    roles, availabilities = (old.get("Role"), spec.get("Role")), (old.get("Availability"), spec.get("Availability"))
    for part, (was, wanted) in (("role", roles), ("availability", availabilities)):
        if (was or None) != (wanted or None):
            found.append(Difference(part, was or None, wanted or None))
    before, after = old.get("Labels") or {}, spec.get("Labels") or {}
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            found.append(Difference(f"label {name}", before.get(name), after.get(name)))
    return found


def check_role(
    nodes: Sequence[Node], node: Node, role: Optional[str], facts: Optional[Mapping[str, object]] = None
) -> List[str]:
    """Returns warnings about a change of role.

    :param facts: the membership that the node's Engine reports (enrolling/look.py: ``node_id``, ``joins_by``); without
        it, a warning says what could not be checked.
    :raises StackwrightError: ``quorum``, ``no_quorum``, ``join_address_gone``.
    :raises PlanError: ``node_down``.
    """
    name, managers = hostname(node), managers_of(nodes)
    if role is None or is_manager(node) == (role == "manager"):
        return []
    if role == "manager":
        if is_down(node):
            raise PlanError(
                f"{name} is down, so it can't become a manager.", "node_down", "Start its Engine, then run again."
            )
        warning = even_warning(len(managers) + 1)
        known = facts if facts and facts.get("node_id") == node.get("ID") else None
        addresses = [str((one.get("ManagerStatus") or {}).get("Addr") or "").rpartition(":")[0] for one in nodes]
        joins_by = str((known or {}).get("joins_by") or "")
        if is_stuck(joins_by, addresses):
            raise join_address_gone({name: joins_by})
        unchecked = "" if known else UNCHECKED.format(name=name)
    else:
        refuse_loss(managers, str(node.get("ID")), f"demoting {name}")
        warning, unchecked = even_warning(len(managers) - 1), ""
    warnings = [text for text in (warning, unchecked) if text]
    if role == "worker" and is_leader(node):
        warnings.append(f"{name} is the leader: its demotion makes the managers elect another one.")
    return warnings
