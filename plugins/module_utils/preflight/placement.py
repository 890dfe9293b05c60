# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the nodes that may run a service, and why the others may not, as swarmkit's scheduler does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import (
    has_platform,
    hostname,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import (
    Seen,
    is_global,
    replicas,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    named,
    of_service,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.constraints import EXPRESSION, meets, value_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, TaskTemplate
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry

STATE, CONSTRAINT, PLATFORM, PLUGIN = "no_active_node", "constraints", "platform", "plugin"
HINTS = {
    STATE: "Activate a node (`docker node update --availability active NODE`).",
    CONSTRAINT: "Correct the constraint, or label a node (`docker node update --label-add LABEL=VALUE NODE`).",
    PLATFORM: "Build the image for the nodes' platform, or add a node with the image's platform.",
    PLUGIN: "Install the plugin on the nodes, or use another driver.",
}


class Fit(NamedTuple):
    """A node, and the reasons why it may not run the service: (sort, text)."""

    node: Node
    reasons: List[Tuple[str, str]]


def fits(seen: Seen, service: ServiceEntry) -> List[Fit]:
    """Returns all nodes, each with the reasons why it may not run the service; without reasons, it may."""
    template = service["spec"]["TaskTemplate"]
    placement = template.get("Placement") or {}
    platforms = seen.platforms.get(service["name"]) or placement.get("Platforms") or []
    constraints = [str(text) for text in placement.get("Constraints") or []]
    plugins = sorted(_plugins(template))
    found = []
    for node in seen.nodes:
        reasons = [(STATE, words) for words in _state(node)]
        reasons += [(CONSTRAINT, text) for text in constraints if not meets(node, text)]
        if not has_platform(node, platforms):
            wanted = sorted(f"{p.get('OS', '')}/{p.get('Architecture', '')}" for p in platforms)
            reasons.append((PLATFORM, f"the platform (the image has {', '.join(wanted)})"))
        reasons += [
            (PLUGIN, f"the missing {sort.lower()} plugin {name}")
            for sort, name in plugins
            if not _has(node, sort, name)
        ]
        found.append(Fit(node, reasons))
    return found


def eligible(fits_: List[Fit]) -> List[Node]:
    """Returns the nodes that may run the service."""
    return [fit.node for fit in fits_ if not fit.reasons]


def _state(node: Node) -> Iterator[str]:
    state = (node.get("Status") or {}).get("State")
    availability = (node.get("Spec") or {}).get("Availability")
    if state not in ("ready", "unknown"):
        yield f"being {state or 'unknown'}"
    if availability != "active":
        yield {"drain": "being drained", "pause": "being paused"}.get(str(availability), f"being {availability}")


def _plugins(template: TaskTemplate) -> Set[Tuple[str, str]]:
    driver = (template.get("LogDriver") or {}).get("Name")
    wanted = {("Log", str(driver))} if driver and driver != "none" else set()
    for mount in (template.get("ContainerSpec") or {}).get("Mounts") or []:
        name = ((mount.get("VolumeOptions") or {}).get("DriverConfig") or {}).get("Name")
        if name and name != "local":
            wanted.add(("Volume", str(name)))
    return wanted


def _has(node: Node, sort: str, name: str) -> bool:
    plugins = ((node.get("Description") or {}).get("Engine") or {}).get("Plugins") or []
    names = {str(plugin.get("Name")) for plugin in plugins if plugin.get("Type") == sort}
    if sort == "Log" and not names:
        return True  # an old Engine does not report log plugins
    return bool(names & {name, f"{name}:latest"})


def ruled_out(fits_: List[Fit]) -> str:
    """Returns the nodes that each reason rules out, as a sentence without a period."""
    by_reason: Dict[Tuple[str, str], List[str]] = {}
    for fit in fits_:
        for reason in fit.reasons:
            by_reason.setdefault(reason, []).append(hostname(fit.node) + _instead(fit.node, reason))
    return "; ".join(f"{words} rules out {named(nodes)}" for (_sort, words), nodes in by_reason.items())


def _instead(node: Node, reason: Tuple[str, str]) -> str:
    """Returns the node's value if a constraint requires another one."""
    parsed = EXPRESSION.match(reason[1]) if reason[0] == CONSTRAINT else None
    if not parsed or parsed.group(2) != "==" or parsed.group(1).lower() in ("node.id", "node.hostname"):
        return ""
    value = value_of(node, parsed.group(1))
    return "" if value is None else f" ({value or 'none'})"


def placement_findings(seen: Seen, service: ServiceEntry, fits_: List[Fit]) -> Iterator[Finding]:
    """Finds services that no node or too few nodes may run, and preferences without effect."""
    may = eligible(fits_)
    placement = service["spec"]["TaskTemplate"].get("Placement") or {}
    everywhere = is_global(service)
    if not everywhere and not replicas(service):
        return
    if not may:
        sort = _sort(fits_)
        if everywhere:
            message = f"it is global, and no node can run it, so it has no tasks: {ruled_out(fits_)}."
        else:
            message = f"no node can run it: {ruled_out(fits_)}."
        yield of_service(service, WARNING if everywhere else ERROR, sort, message, HINTS[sort])
        return
    most = int(placement.get("MaxReplicas") or 0)
    if most and not everywhere and replicas(service) > most * len(may):
        out = ruled_out(fits_)
        message = (
            f"{replicas(service)} replicas with max_replicas_per_node {most} need more nodes than the {len(may)} that "
            f"can run it ({named([hostname(node) for node in may])})" + (f": {out}." if out else ".")
        )
        yield of_service(service, ERROR, "max_replicas", message, "Lower the replicas, or raise max_replicas_per_node.")
    for preference in placement.get("Preferences") or []:
        key = str((preference.get("Spread") or {}).get("SpreadDescriptor") or "")
        if "labels." in key.lower() and len(may) > 1 and not any(value_of(node, key) for node in may):
            message = f"the preference spread: {key} has no effect: none of the nodes that can run it has this label."
            yield of_service(
                service, WARNING, "preference", message, HINTS[CONSTRAINT].replace("Correct the constraint, or l", "L")
            )


def _sort(fits_: List[Fit]) -> str:
    """Returns the sort of reason that rules out all active nodes; ``no_active_node`` if there are none."""
    active = [fit for fit in fits_ if all(sort != STATE for sort, _words in fit.reasons)]
    if not active:
        return STATE
    every = [
        sort for sort in (CONSTRAINT, PLATFORM, PLUGIN) if all(any(s == sort for s, _w in f.reasons) for f in active)
    ]
    return every[0] if every else CONSTRAINT
