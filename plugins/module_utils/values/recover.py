# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads kept values from running services, in place of the file's references: to detect and refill a lost store."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import (
    EXPANDED,
    REFERENCE,
    references_in,
    unescaped,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed, State


class Place(NamedTuple):
    """A text with references, and its current text; None if that can't be read (the content of a secret)."""

    where: str
    text: str
    live: Optional[str]


class Live(NamedTuple):
    """The places that use a value, and the value; None if it can't be read or differs between them."""

    places: Tuple[str, ...]
    value: Optional[str]


def live_values(desired: State, observed: Observed, names: Set[str]) -> Dict[str, Live]:
    """Returns the value in use for each of ``names`` that is used. ``desired`` is a DesiredState with references."""
    places = [place for place in _places(desired, observed) if references_in(place.text) & names]
    known = _solved(places)
    found = {}
    for name in names:
        used = tuple(sorted({place.where for place in places if name in references_in(place.text)}))
        if used:
            values = known.get(name, set())
            found[name] = Live(used, next(iter(values)) if len(values) == 1 else None)
    return found


def _places(desired: State, observed: Observed) -> Iterator[Place]:
    stack = desired["stack"]["name"]
    names = {id_of(obj): name_of(obj) for kind in ("networks", "configs") for obj in observed[kind]}
    live = {name_of(service): service for service in observed["services"] if stack_of(service) == stack}
    for service in desired["services"]:
        current = live.get(service["name"])
        if current is not None and references_in(service["spec"]):
            have = normalise.service(current["Spec"], names)
            yield from _walk(normalise.service(service["spec"], names), have, "service " + service["key"], "", False)
    for kind in ("configs", "secrets"):
        objects = {name_of(obj): obj for obj in observed[kind] if stack_of(obj) == stack}
        for entry in desired[kind]:
            if entry.get("template") is True and entry.get("data") and entry["name"] in objects:
                data = objects[entry["name"]]["Spec"].get("Data") if kind == "configs" else None
                yield Place(f"{kind[:-1]} {entry['key']}", _decoded(entry["data"]), _decoded(data))


def _walk(want: object, have: object, owner: str, key: str, expanded: bool) -> Iterator[Place]:
    if isinstance(want, str):
        if "\0" in want and isinstance(have, str) and have:
            yield Place(f"{owner} ({key})" if key else owner, want, unescaped(have) if expanded else have)
    elif isinstance(want, dict) and isinstance(have, dict):
        for name, item in want.items():
            yield from _walk(item, have.get(name), owner, name, expanded or name in EXPANDED)
    elif isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        for item, other in zip(want, have):
            yield from _walk(item, other, owner, key, expanded)


def _decoded(data: Optional[str]) -> Any:
    return None if data is None else base64.b64decode(data).decode("utf-8", "surrogateescape")


def _solved(places: Sequence[Place]) -> Dict[str, Set[str]]:
    """Returns the values in the places. Reads texts with few references first, which helps to divide the others."""
    known: Dict[str, Set[str]] = {}
    for place in sorted(places, key=lambda place: (place.text.count("\0"), place.where)):
        if place.live is not None:
            for name, value in _matched(place.text, place.live, known).items():
                known.setdefault(name, set()).add(value)
    return known


def _matched(text: str, live: str, known: Mapping[str, Set[str]]) -> Dict[str, str]:
    names: List[str] = REFERENCE.findall(text)
    single = {name: next(iter(values)) for name, values in known.items() if len(values) == 1}
    if len(names) == 1:
        single.pop(names[0], None)  # this place may have another value, which must be noticed
    found = []
    for group in ("(.*)", "(.*?)"):
        parts = REFERENCE.split(text)
        pattern = "".join(
            re.escape(part) if number % 2 == 0 else re.escape(single[part]) if part in single else group
            for number, part in enumerate(parts)
        )
        match = re.compile(pattern, re.DOTALL).fullmatch(live)
        if match is None:
            return {}
        found.append(dict(zip([name for name in names if name not in single], match.groups())))
    # A text that can be divided in two ways is ambiguous.
    return found[0] if found[0] == found[1] else {}
