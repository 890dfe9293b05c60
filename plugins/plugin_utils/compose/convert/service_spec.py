# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a service to its ServiceSpec, with a table of the fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert import (
    attachments,
    container,
    image,
    mounts,
    object_labels,
    ports,
    privileges,
    references,
    resources,
    scheduling,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import FIELDS, Field, Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import CARRIED, Key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import SERVICE_KEYS

#: The files with the functions that create a field (``makes``).
TOPICS = (
    attachments, container, image, mounts, object_labels, ports, privileges, references, resources, scheduling,
)  # fmt: skip
_PLACES = ("TaskTemplate.ContainerSpec", "TaskTemplate", "")


def _copy(key: str, row: Key) -> Callable[[Scope], object]:
    """Returns a function that copies the value of one key to a field."""
    kind, unit = row.kind, row.kind.unit

    def make(scope: Scope) -> object:
        value: object = None
        if unit:
            value = read.parsed(scope.service, key, scope.path(), unit.parse)
        elif kind.read:
            value = kind.read(scope.service, key, scope.path())
        if not value and not kind.zero or row.ignored and not scope.applies(key):
            return None
        if kind.within and isinstance(value, int) and not kind.within[0] <= value <= kind.within[1]:
            raise scope.invalid(f"{value} is not between {kind.within[0]} and {kind.within[1]}", key, code="range")
        return value

    return make


def _fields_by_place() -> list[list[Field]]:
    """Returns the fields at each of _PLACES: those that functions create, and those that copy a key."""
    found: dict[str, dict[str, Field]] = {place: {} for place in _PLACES}
    for made in FIELDS:
        place, _dot, name = made.name.rpartition(".")
        found[place][name] = made._replace(name=name)
    for key, row in SERVICE_KEYS.items():
        place, _dot, name = row.text.rpartition(".")
        if row.fate == CARRIED and (row.kind.read or row.kind.unit) and name.isidentifier() and place in found:
            found[place].setdefault(name, Field(name, _copy(key, row), (key,)))
    return [list(fields.values()) for fields in found.values()]


CONTAINER, TASK, SERVICE = _fields_by_place()


def service_spec(scope: Scope) -> dict[str, Any]:
    """Returns the ServiceSpec, without ids. Reports invalid fields, and leaves them out."""
    task = {"ContainerSpec": _values(scope, CONTAINER), **_values(scope, TASK), "ForceUpdate": 0}
    return {"Name": scope.stack.scoped(scope.key), **_values(scope, SERVICE), "TaskTemplate": task}


def _values(scope: Scope, fields: list[Field]) -> dict[str, Any]:
    found = {}
    guard, service = scope.context.guard, scope.service
    for name, make, keys in fields:
        if keys and service.keys().isdisjoint(keys):
            continue
        value = guard(make, scope)
        if value is not None and value != []:
            found[name] = value
    return found
