# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service during its conversion to a Compose file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import Surroundings

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        ContainerSpec,
        ServiceSpec,
        TaskTemplate,
    )


@dataclass
class One:
    """The service ``key``: its ServiceSpec, and in ``made`` its keys in the Compose file so far."""

    key: str
    spec: ServiceSpec
    around: Surroundings
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> TaskTemplate:
        return self.spec["TaskTemplate"]

    @property
    def container(self) -> ContainerSpec:
        return self.template.get("ContainerSpec") or {}

    def value_at(self, path: tuple[str, ...]) -> object:
        """Returns the value at ``path`` in the spec, or None."""
        found: object = self.spec
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def put(self, path: tuple[str, ...], value: object) -> None:
        """Sets a value, unless it is None or empty."""
        if value is None or value == "" or value == [] or value == {}:
            return
        place = self.made
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
