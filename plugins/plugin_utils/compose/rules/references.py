# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All objects that a service refers to must exist: networks, volumes, configs, secrets, other services."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    is_text,
    items_of,
    mapping,
    sequence,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

#: Many services that depend on each other have more cycles than anyone reads.
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


#: The section of each kind of reference, and the function that finds these references in a service.
REFERENCES: Tuple[Tuple[str, Callable[[Mapping[str, Any]], Iterator[Reference]]], ...] = (
    ("networks", _networks),
    ("volumes", _volumes),
    ("configs", _objects("configs")),
    ("secrets", _objects("secrets")),
    ("configs", _credential),
)


def check_references(review: Review) -> None:
    for section, references in REFERENCES:
        known = review.section(section)
        for name, service in review.services.items():
            for path, wanted in references(service):
                if wanted not in known:
                    _undefined(review, ("services", name, *path), section, wanted, known)


def _undefined(review: Review, path: Path, section: str, wanted: str, known: Iterable[str]) -> None:
    near = review.nearest(wanted, known)
    hint = f"did you mean '{near}'?" if near else f"define it under the top-level '{section}:'"
    review.problem(path, f"undefined {section[:-1]} '{shown_key(wanted)}'", hint, f"undefined_{section[:-1]}")


def check_dependencies(review: Review) -> None:
    """Checks that the services in ``depends_on`` and ``links`` exist, and that ``depends_on`` has no cycle."""
    services = review.services
    for name, service in services.items():
        for other, how in mapping(service.get("depends_on")).items():
            if other not in services and mapping(how).get("required", True) is not False:
                path = ("services", name, "depends_on", other)
                # docker deploys such a file if it has the short form: it is usually one of several files.
                short = review.project.where(path) == review.project.where((*path, "condition"))
                _unknown_service(review, path, other, short)
        for index, link in enumerate(sequence(service.get("links"))):
            other = str(link).partition(":")[0]
            if other not in services:
                _unknown_service(review, ("services", name, "links", index), other, True)
    graph = {name: sorted(mapping(service.get("depends_on"))) for name, service in services.items()}
    for cycle in itertools.islice(cycles(graph), MOST_CYCLES):
        path = ("services", cycle[0], "depends_on", cycle[1])
        shown = cycle if len(cycle) <= 12 else (*cycle[:10], "…", cycle[-1])
        message = f"services depend on each other: {' → '.join(shown)}"
        review.problem(path, message, "remove one of these dependencies", "cycle")


def _unknown_service(review: Review, path: Path, other: str, harmless: bool) -> None:
    near = review.nearest(other, review.services)
    hint = f"did you mean '{near}'?" if near else "define it, or activate its profile"
    message = f"there is no service '{shown_key(other)}'"
    if harmless:
        review.notice(path, f"{message}, so this has no effect", hint, "undefined_service")
    else:
        review.problem(path, message, hint, "undefined_service")


def cycles(graph: Mapping[str, Iterable[str]]) -> Iterator[Tuple[str, ...]]:
    """Yields one cycle for each edge that closes one, as ``("a", "b", "a")``. Needs no recursion for long chains."""
    state: Dict[str, int] = {}  # 1: on the path, 2: done
    for root in sorted(graph):
        if root in state:
            continue
        state[root] = 1
        open_path = [root]
        open_edges = [iter(graph[root])]
        while open_path:
            other = next((o for o in open_edges[-1] if o in graph and state.get(o) != 2), None)
            if other is None:
                state[open_path.pop()] = 2
                open_edges.pop()
            elif state.get(other) == 1:
                yield (*open_path[open_path.index(other) :], other)
            else:
                state[other] = 1
                open_path.append(other)
                open_edges.append(iter(graph[other]))
