# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole Swarm in one snapshot, in at most eight calls. Without the content of configs and secrets."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.info import swarm_objects as parts
from ansible_collections.stackwright.swarm.plugins.module_utils.info.certificates import certificates_of
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.change import find_node
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.loss import loss, raft, tasks_by_node

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Gathered

Item = Dict[str, Any]

#: The sections, and the Engine's lists that each needs.
NEEDS: Dict[str, Tuple[str, ...]] = {
    "cluster": ("swarm", "nodes"),
    "nodes": ("nodes", "tasks"),
    "stacks": ("services", "tasks", "nodes", "networks", "configs", "secrets"),
    "services": ("services", "tasks", "nodes", "networks"),
    "tasks": ("tasks", "nodes", "services"),
    "tasks_by_node": ("tasks", "nodes", "services"),
    "networks": ("networks", "services"),
    "configs": ("configs", "services"),
    "secrets": ("secrets", "services"),
}
SECTIONS = tuple(NEEDS)

#: The filters of each section, and the field that each compares.
FILTERS: Dict[str, Dict[str, str]] = {
    "nodes": {"name": "name", "node": "name", "role": "role", "state": "state", "label": "labels"},
    "stacks": {"name": "name", "stack": "name"},
    "services": {"name": "name", "stack": "stack", "service": "name", "label": "labels"},
    "tasks": {"stack": "stack", "service": "service", "node": "node", "state": "state"},
    "tasks_by_node": {"name": "node", "node": "node"},
    "networks": {"name": "name", "stack": "stack", "label": "labels"},
    "configs": {"name": "name", "stack": "stack", "label": "labels"},
    "secrets": {"name": "name", "stack": "stack", "label": "labels"},
}


class Page(NamedTuple):
    """The requested part of each list; ``limit`` None means all from ``offset``."""

    limit: Optional[int] = None
    offset: int = 0


ALL = Page()


def swarm_info(
    client: EngineClient,
    gather: Sequence[str] = SECTIONS,
    filters: Optional[Mapping[str, str]] = None,
    page: Page = ALL,
    join_tokens: bool = False,
    what_if: Optional[str] = None,
) -> Dict[str, Any]:
    """Returns the sections in ``gather``, sorted and filtered, ``totals`` before paging, node, cluster_id, calls and
    warnings (certificates that expire soon; filters that match only without regard to case).

    ``filters`` are shell patterns; a section ignores filters that it does not have. ``what_if`` is the host name or id
    of a node, whose loss is forecast.
    Raises EngineError (``no_node``), StackwrightError (``invalid_options``) for an invalid page.
    """
    check_page(page)
    info = manager_info(client)
    wanted = {need for section in gather for need in NEEDS[section]}
    wanted.update(("nodes", "services", "tasks") if what_if else ())
    lists: Any = {name: _fetch(client, name) for name in ("nodes", "services", "tasks") if name in wanted}
    lists.update((name, _fetch(client, name)) for name in ("networks", "configs", "secrets") if name in wanted)
    lists["info"] = [info]
    swarm: Any = client.get("/swarm") if "swarm" in wanted else {}
    result: Dict[str, Any] = {"changed": False, "totals": {}}
    warnings: List[str] = []
    if "cluster" in gather:
        certificates, warnings = certificates_of(client, info, lists["nodes"])
        health = {"raft": raft(lists["nodes"]), "certificates": certificates}
        result["cluster"] = {**parts.cluster(info, swarm, join_tokens), **health}
    if what_if:
        node = find_node(lists["nodes"], what_if)
        result["what_if"] = loss(node, lists["nodes"], lists["services"], lists["tasks"])
    described = {section: describe(lists) for section, describe in SECTION_PARTS.items() if section in gather}
    result["warnings"] = [*warnings, *_case_warnings(described, filters or {})]
    for section, every in described.items():
        items = [item for item in every if _passes(item, section, filters or {})]
        result["totals"][section] = len(items)
        end = None if page.limit is None else page.offset + page.limit
        result[section] = items[page.offset : end]
    result["cluster_id"] = str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or "")
    result["node"] = str(info.get("Name") or "")
    result["calls"] = client.calls
    return result


SECTION_PARTS: Dict[str, Callable[[Gathered], List[Item]]] = {
    "nodes": parts.nodes,
    "stacks": parts.stacks,
    "services": parts.services,
    "tasks": parts.tasks,
    "tasks_by_node": lambda lists: tasks_by_node(lists["nodes"], lists["services"], lists["tasks"]),
    "networks": parts.networks,
    "configs": parts.configs,
    "secrets": parts.secrets,
}


def check_page(page: Page) -> None:
    """Raises StackwrightError if ``limit`` is below one or ``offset`` below zero."""
    if page.limit is not None and page.limit < 1 or page.offset < 0:
        raise StackwrightError(
            f"limit {page.limit} and offset {page.offset} are not a valid page.",
            "invalid_options",
            "Use a limit of at least 1 and an offset of at least 0.",
        )


def _fetch(client: EngineClient, name: str) -> List[Item]:
    return client.list(f"/{name}", {"status": True} if name == "services" else None)


def _case_warnings(described: Mapping[str, List[Item]], filters: Mapping[str, str]) -> List[str]:
    """Returns a warning for each filter that matches only without regard to case."""
    lines = []
    for name, pattern in sorted(filters.items()):
        values = [item.get(FILTERS[s][name]) for s in described if name in FILTERS[s] for item in described[s]]
        if pattern is None or any(_fits(value, str(pattern)) for value in values):
            continue
        lower = [value for value in values if _fits(_lower(value), str(pattern).lower())]
        if lower:
            lines.append(
                f"Nothing matches the filter {name} {pattern}, but {_named(lower[0], str(pattern))}: names are "
                "case-sensitive."
            )
    return lines


def _lower(value: object) -> Any:
    if isinstance(value, dict):
        return {str(key).lower(): str(text).lower() for key, text in value.items()}
    return str(value or "").lower()


def _named(value: object, pattern: str) -> str:
    if not isinstance(value, dict):
        return str(value)
    key, equals, _text = pattern.lower().partition("=")
    found = next(name for name in value if fnmatchcase(str(name).lower(), key))
    return f"{found}={value[found]}" if equals else str(found)


def _passes(item: Item, section: str, filters: Mapping[str, str]) -> bool:
    known = FILTERS[section]
    return all(
        _fits(item.get(known[name]), str(pattern))
        for name, pattern in filters.items()
        if pattern is not None and name in known
    )


def _fits(value: object, pattern: str) -> bool:
    if isinstance(value, dict):
        key, equals, text = pattern.partition("=")
        return any(fnmatchcase(k, key) and (not equals or fnmatchcase(str(v), text)) for k, v in value.items())
    return fnmatchcase(str(value or ""), pattern)


def show_swarm(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """Returns the result of the module swarm_info."""
    del check  # nothing is changed either way
    page = Page(params["limit"], params["offset"])
    return swarm_info(client, params["gather"], params["filters"], page, params["join_tokens"], params["what_if"])
