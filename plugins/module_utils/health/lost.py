# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect of lost, drained or paused nodes on a service: why no node can run it, and its tasks on lost nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, AbstractSet, Dict, Iterable, List, NamedTuple, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import (
    fitting,
    hostname,
    is_active,
    is_down,
    is_ready,
    rejoined,
    removal,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    error_of,
    is_stopping,
    shown,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.constraints import EXPRESSION
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import expanded, of_task

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Mount, Node, Service, Task

#: The start of a complete reason, which needs no message of Swarm.
NO_NODE = "no node can run it"


class Trouble(NamedTuple):
    """Two texts, each may be empty: why no node takes a task, and which lost node causes missing tasks."""

    why: str = ""
    lost: str = ""


def trouble(
    service: Service,
    tasks: Sequence[Task],
    unplaced: Sequence[Task],
    moving: bool,
    nodes: Sequence[Node],
    known: AbstractSet[str] = frozenset(),
) -> Trouble:
    """Explains why a service has too few tasks.

    ``tasks`` are those of the service; ``unplaced`` those without a node, first those with Swarm's reason. ``moving``
    is whether tasks are starting or being replaced. ``known`` are ids of tasks that were on lost nodes before.
    """
    if service["Spec"].get("Mode", {}).get("Global") is not None:
        return Trouble(error_of(unplaced[0])) if unplaced else Trouble()  # it needs no task on a lost node
    if unplaced:
        found = _unplaced(service, tasks, error_of(unplaced[0]), nodes)
        if found.why:
            return found
    left = [task for task in left_on_lost(tasks, nodes) if task["ID"] not in known]
    if not left:
        return Trouble()
    away = _by_id(nodes, {str(task["NodeID"]) for task in left})
    one = len(left) == 1
    where = " and ".join(f"{hostname(node)}, which {how_it_is(node, nodes)}" for node in away)
    lost = f"{'its task was' if one else f'{len(left)} tasks of it were'} on {where}"
    return Trouble("" if moving else f"{lost}, and {'it is' if one else 'they are'} not replaced", lost)


def left_on_lost(tasks: Iterable[Task], nodes: Iterable[Node]) -> List[Task]:
    """Returns tasks that can't stop because their node is lost. The Engine gives them up only after a day."""
    down = {str(node.get("ID")) for node in nodes if is_down(node)}
    return [task for task in tasks if str(task.get("NodeID")) in down and is_stopping(task)]


def how_it_is(node: Node, nodes: Iterable[Node] = ()) -> str:
    """Returns why a node takes no tasks: ``is down since 2026-11-28 13:45 UTC (heartbeat failure)``.

    ``nodes`` may contain the entry under which it has joined again.
    """
    again = rejoined(node, nodes)
    if again:
        return f"is a stale entry: the node has joined again as {again} (remove the stale entry: {removal(node)})"
    if is_down(node):
        status = node.get("Status") or {}
        since = shown(node.get("UpdatedAt"))
        when = f" since {since[:10]} {since[11:16]} UTC" if since else ""
        message = f" ({status['Message']})" if status.get("Message") else ""
        return f"is {status['State']}{when}{message}"
    return {"drain": "is drained", "pause": "is paused"}.get(
        (node.get("Spec") or {}).get("Availability", ""), "is away"
    )


def _unplaced(service: Service, tasks: Sequence[Task], error: str, nodes: Sequence[Node]) -> Trouble:
    template = service["Spec"]["TaskTemplate"]
    fit = fitting(nodes, template)
    down = [node for node in fit if is_down(node)]
    if any(is_ready(node) and is_active(node) for node in fit):
        down = [node for node in down if not rejoined(node, nodes)]  # it is up under its new entry
        fit = [node for node in fit if not rejoined(node, nodes)]
    away = [node for node in fit if is_down(node) or not is_active(node)]
    if not away or (error and not error.startswith("no suitable node")):
        return Trouble(error)
    if len(away) < len(fit):
        if not down or not error:
            return Trouble(error)
        one = len(down) == 1
        text = f"{error}; {_names(down)} could run it too, but {how_it_is(down[0], nodes) if one else 'are down'}"
        return Trouble(text, text)
    asked = " and ".join(_asked(service))
    such = f" with {asked}" if asked else ""
    if len(away) == 1:
        text = f"{hostname(away[0])}, the only one{such}, {how_it_is(away[0], nodes)}"
    else:
        text = f"the only ones{such}: " if asked else ""
        text += ", ".join(f"{hostname(node)} {how_it_is(node, nodes)}" for node in away)
    text = f"{NO_NODE}: {text}{_data(service, tasks, down)}"
    return Trouble(text, text if down else "")


def _asked(service: Service) -> Iterable[str]:
    for text in (service["Spec"]["TaskTemplate"].get("Placement") or {}).get("Constraints") or []:
        parsed = EXPRESSION.match(text)
        yield " ".join(parsed.groups()) if parsed else text


def _data(service: Service, tasks: Sequence[Task], down: Sequence[Node]) -> str:
    """Returns a text about the service's local volumes on the lost node, if it has run there; else empty."""
    lost = [task for task in tasks if len(down) == 1 and str(task.get("NodeID")) == str(down[0].get("ID"))]
    if not lost:
        return ""
    known = [of_task(task, str(service["Spec"].get("Name") or ""), hostname(down[0])) for task in lost]
    mounts = (service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("Mounts") or []
    local = [str(mount["Source"]) for mount in mounts if is_local(mount)]
    names = sorted({expanded(name, fields) for name in local for fields in known})
    if not names:
        return ""
    return (
        f"; its volume{'' if len(names) == 1 else 's'} {' and '.join(names)} {'is' if len(names) == 1 else 'are'} there"
    )


def is_local(mount: Mount) -> bool:
    """Whether a mount is a named volume whose data is only on its node."""
    driver = ((mount.get("VolumeOptions") or {}).get("DriverConfig")) or {}
    local = driver.get("Name") in (None, "", "local") and not driver.get("Options")
    return bool(mount.get("Type") == "volume" and mount.get("Source") and local)


def _names(nodes: Sequence[Node]) -> str:
    return " and ".join(hostname(node) for node in nodes)


def _by_id(nodes: Iterable[Node], ids: AbstractSet[str]) -> List[Node]:
    found: Dict[str, Node] = {str(node.get("ID")): node for node in nodes}
    return [found[identity] for identity in sorted(ids) if identity in found]
