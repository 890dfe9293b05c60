# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service refers to must exist: networks, volumes, configs, secrets, other services."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Look,
    is_text,
    items_of,
    mapping,
    sequence,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

#: A tangle of many services has more cycles than anyone wants to read.
MOST_CYCLES = 20

Reference = Tuple[Tuple[Any, ...], str]


def _networks(service: Mapping[str, object]) -> Iterator[Reference]:
    for key in mapping(service.get("networks")):
        if key != "default":
            yield ("networks", key), key


def _volumes(service: Mapping[str, object]) -> Iterator[Reference]:
    for index, mount in items_of(service, "volumes"):
        source: Any = mount.get("source")
        group = mount.get("type") == "cluster" and str(source).startswith("group:")
        if mount.get("type") in ("volume", "cluster") and is_text(source) and not group:
            yield ("volumes", index), source


def _objects(kind: str) -> Callable[[Mapping[str, Any]], Iterator[Reference]]:
    def references(service: Mapping[str, object]) -> Iterator[Reference]:
        for index, item in items_of(service, kind):
            if isinstance(item.get("source"), str):
                yield (kind, index), item["source"]

    return references


def _credential(service: Mapping[str, object]) -> Iterator[Reference]:
    name: Any = mapping(service.get("credential_spec")).get("config")
    if is_text(name):
        yield ("credential_spec", "config"), name


#: Which section each kind of reference looks into, and how a service refers to it.
REFERENCES: Tuple[Tuple[str, Callable[[Mapping[str, Any]], Iterator[Reference]]], ...] = (
    ("networks", _networks),
    ("volumes", _volumes),
    ("configs", _objects("configs")),
    ("secrets", _objects("secrets")),
    ("configs", _credential),
)


def check_references(look: Look) -> None:
    for section, references in REFERENCES:
        known = look.section(section)
        for name, service in look.services.items():
            for path, wanted in references(service):
                if wanted not in known:
                    _undefined(look, ("services", name, *path), section, wanted, known)


def _undefined(look: Look, path: Path, section: str, wanted: str, known: Iterable[str]) -> None:
    near = look.nearest(wanted, known)
    hint = f"did you mean '{near}'?" if near else f"define it under the top-level '{section}:'"
    look.problem(path, f"undefined {section[:-1]} '{shown_key(wanted)}'", hint, f"undefined_{section[:-1]}")


def check_dependencies(look: Look) -> None:
    """``depends_on`` and ``links`` name services that exist, and ``depends_on`` has no cycle."""
    services = look.services
    for name, service in services.items():
        for other, how in mapping(service.get("depends_on")).items():
            if other not in services and mapping(how).get("required", True) is not False:
                path = ("services", name, "depends_on", other)
                # In the short form, docker deploys such a file: mostly it is one of several.
                short = look.project.where(path) == look.project.where((*path, "condition"))
                _unknown_service(look, path, other, short)
        for index, link in enumerate(sequence(service.get("links"))):
            other = str(link).partition(":")[0]
            if other not in services:
                _unknown_service(look, ("services", name, "links", index), other, True)
    graph = {name: sorted(mapping(service.get("depends_on"))) for name, service in services.items()}
    for cycle in itertools.islice(cycles(graph), MOST_CYCLES):
        path = ("services", cycle[0], "depends_on", cycle[1])
        shown = cycle if len(cycle) <= 12 else (*cycle[:10], "…", cycle[-1])
        message = f"services depend on each other: {' → '.join(shown)}"
        look.problem(path, message, "remove one of these dependencies", "cycle")


def _unknown_service(look: Look, path: Path, other: str, harmless: bool) -> None:
    near = look.nearest(other, look.services)
    hint = f"did you mean '{near}'?" if near else "define it, or activate its profile"
    message = f"there is no service '{shown_key(other)}'"
    if harmless:
        look.notice(path, f"{message}, so this has no effect", hint, "undefined_service")
    else:
        look.problem(path, message, hint, "undefined_service")


def cycles(graph: Mapping[str, Iterable[str]]) -> Iterator[Tuple[str, ...]]:
    """One cycle for each edge that closes one, as ``("a", "b", "a")``; without recursion, for long chains."""
    state: Dict[str, int] = {}  # 1: on the way, 2: done
    for root in sorted(graph):
        if root in state:
            continue
        state[root] = 1
        way = [root]
        open_edges = [iter(graph[root])]
        while way:
            other = next((o for o in open_edges[-1] if o in graph and state.get(o) != 2), None)
            if other is None:
                state[way.pop()] = 2
                open_edges.pop()
            elif state.get(other) == 1:
                yield (*way[way.index(other) :], other)
            else:
                state[other] = 1
                way.append(other)
                open_edges.append(iter(graph[other]))
