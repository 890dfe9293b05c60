# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of loading: one project in canonical form."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Path, locate


@dataclass(frozen=True)
class Source:
    """One Compose file. If ``text`` is None, the reader reads ``path``; a mapping is an already parsed definition."""

    path: str
    text: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Parts:
    """The options of compose_stack for some services, by their names; ``leave`` has two parts.

    ``restart_on`` is a list of paths, or a mapping of services to paths.
    """

    services: Sequence[str] = ()
    restart: Sequence[str] = ()
    restart_on: object = ()
    recreate_volumes: Sequence[str] = ()
    leave_all: Sequence[str] = ()
    leave_services: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Parts:
        """Returns the parts in the options of compose_stack; missing options are empty."""
        leave = options.get("leave") or {}
        given = {name: options.get(name) or () for name in ("services", "restart", "restart_on", "recreate_volumes")}
        return cls(**given, leave_all=leave.get("all") or (), leave_services=leave.get("services") or {})

    def __bool__(self) -> bool:
        return any(vars(self).values())


@dataclass
class Project:
    """All files of a run merged, in canonical form (docs/architecture.md). Don't change it.

    ``contents``: the bytes of configs and secrets by (section, key). ``name``: None if neither the caller nor a file
    sets one. ``broken``: places that already have a problem (``Report.broken``). ``values``: those of DesiredState.
    ``steps``: for each job of a step (steps.py) its service and the step's index.
    """

    name: str | None
    directory: str
    tree: Map = field(repr=False)
    contents: dict[tuple[str, str], bytes] = field(default_factory=dict, repr=False)
    notices: list[Problem] = field(default_factory=list)
    broken: Collection[Mark] = field(default=(), repr=False)
    values: list[dict[str, Any]] = field(default_factory=list, repr=False)
    steps: dict[str, tuple[str, int]] = field(default_factory=dict)

    def _section(self, name: str) -> Map:
        section = self.tree.get(name)
        return section if isinstance(section, Map) else Map(self.tree.start)

    @property
    def services(self) -> Map:
        return self._section("services")

    @property
    def networks(self) -> Map:
        return self._section("networks")

    @property
    def volumes(self) -> Map:
        return self._section("volumes")

    @property
    def configs(self) -> Map:
        return self._section("configs")

    @property
    def secrets(self) -> Map:
        return self._section("secrets")

    def where(self, path: Path) -> Mark:
        """Returns the file and line of the value at ``path``, for example ``("services", "web", "ports", 0)``."""
        return locate(self.tree, path)
