# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversion of one service: what every topic is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Context
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.invalid import Invalid, Path


@dataclass
class Scope:
    """One service of the project, by its key."""

    context: Context
    key: str
    service: Mapping[str, Any]

    @property
    def stack(self) -> Stack:
        return self.context.stack

    def path(self, *keys: str | int) -> Path:
        return ("services", self.key, *keys)

    def invalid(self, message: str, *keys: str | int, hint: str = "", code: str = "invalid") -> Invalid:
        return Invalid(message, self.path(*keys), hint, code)

    def notice(self, message: str, *keys: str | int, hint: str = "", code: str = "approximated") -> None:
        self.context.notices.append(self.context.at(message, self.path(*keys), hint, code))

    def applies(self, ignored_key: str, *keys: str | int) -> bool:
        """Whether a key that docker's CLI ignores takes effect; a notice says so where it does not."""
        if ignored_key in self.context.options.apply_ignored:
            return True
        self.notice(
            "has no effect, as with 'docker stack deploy'", *(keys or (ignored_key,)), code="ignored_like_docker"
        )
        return False


class Field(NamedTuple):
    """A field of the spec, what makes it, and the keys without any of which there is none (no keys: there may be)."""

    name: str
    make: Callable[[Scope], object]
    keys: tuple[str, ...]


FIELDS: list[Field] = []
_Make = TypeVar("_Make", bound=Callable[[Scope], object])


def makes(name: str, *keys: str) -> Callable[[_Make], _Make]:
    """Marks the function that makes the field ``name`` (its path in the ServiceSpec) from ``keys``."""

    def mark(make: _Make) -> _Make:
        FIELDS.append(Field(name, make, keys))
        return make

    return mark
