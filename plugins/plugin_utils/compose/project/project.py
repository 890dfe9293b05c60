# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of loading: one project in canonical form."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Path, locate


@dataclass(frozen=True)
class Source:
    """One Compose file. ``text`` None: read ``path`` through the reader; a mapping: an already parsed definition."""

    path: str
    text: Any = field(default=None, repr=False)


@dataclass
class Project:
    """All files of a run merged, in canonical form (docs/architecture.md). Don't change it.

    ``contents`` holds the bytes of configs and secrets by (section, key). ``name`` is None if neither the caller
    nor a file gives one. ``broken`` are places of which a problem has been said (``Report.broken``). ``values`` are
    those of DesiredState. ``steps`` tells of which service a generated one is a step (steps.py), and which.
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
        """The file and line that gave the value at ``path``, for example ``("services", "web", "ports", 0)``."""
        return locate(self.tree, path)
