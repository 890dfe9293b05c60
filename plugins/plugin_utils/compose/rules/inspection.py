# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input of every rule: the project, the stack's name, and the collected findings."""

from __future__ import annotations

import difflib
from typing import Any, Collection, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple, TypeGuard

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import dotted
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import clipped
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import (
    ANYTHING,
    Map,
    Mark,
    Path,
    Seq,
)

#: The most searches for a similar name in one run, and the most names in one: comparing texts is slow.
MOST_GUESSES = 50
MOST_KNOWN = 500

OBJECTS = ("networks", "volumes", "configs", "secrets")


class Review:
    """The review of one project. Rules only read it, and report to ``problem`` and ``notice``."""

    def __init__(self, project: Project, stack_name: str) -> None:
        self.project = project
        self.stack_name = stack_name
        self.problems: Dict[Tuple[str, str], Problem] = {}
        self.notices: Dict[Tuple[str, str], Problem] = {}
        self.guesses = 0

    @property
    def services(self) -> Dict[str, Mapping[str, Any]]:
        """Returns the services by name, without those that are not mappings."""
        return {name: service for name, service in self.section("services").items() if isinstance(service, dict)}

    def section(self, name: str) -> Dict[str, Any]:
        """Returns the entries of ``services``, ``networks``, ... by name, sorted."""
        return dict(sorted(mapping(getattr(self.project, name, None)).items()))

    def nearest(self, word: str, known: Iterable[str]) -> str:
        """Returns the one of ``known`` that the user may have meant, or ""; always "" after MOST_GUESSES calls."""
        self.guesses += 1
        if self.guesses > MOST_GUESSES or len(word) >= 64:
            return ""
        return next(iter(difflib.get_close_matches(word, list(known)[:MOST_KNOWN], n=1, cutoff=0.75)), "")

    def problem(self, path: Path, message: str, hint: str = "", code: str = "invalid") -> None:
        """Reports a setting that the Engine would refuse, or that contradicts another one."""
        self._add(self.problems, path, message, hint, code)

    def notice(self, path: Path, message: str, hint: str = "", code: str = "no_effect") -> None:
        """Reports a setting that has no effect in Swarm."""
        self._add(self.notices, path, message, hint, code)

    def _add(self, to: Dict[Tuple[str, str], Problem], path: Path, message: str, hint: str, code: str) -> None:
        mark = self.project.where(path)
        if not follows(self.project.tree, path, mark, code, self.project.broken):
            found = Problem(clipped(message), dotted(path), mark.file, mark.line, mark.column, clipped(hint), code)
            to.setdefault((found.key, found.message), found)


def mapping(value: object) -> Mapping[Any, Any]:
    """Returns the value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> List[Any]:
    """Returns the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def deep(value: object, *keys: str) -> Any:
    """Returns ``value[key][key]…``, or None if a key on the way is absent."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def items_of(service: Mapping[str, object], key: str) -> Iterator[Tuple[int, Mapping[str, Any]]]:
    """Yields the entries of a list of mappings (``ports``, ``volumes``, ``configs``, ``secrets``) with their index."""
    for index, item in enumerate(sequence(service.get(key))):
        if isinstance(item, dict):
            yield index, item


def has_lost(value: object, *keys: str) -> bool:
    """Returns whether one of ``keys`` was cut out of a mapping (cut.py): then its default must not be assumed."""
    return isinstance(value, Map) and not value.lost.isdisjoint((ANYTHING, *keys))


def is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""


_SOURCES = ("*.*.content", "*.*.driver", "*.*.environment", "*.*.external", "*.*.file")
_NAMES = ("*.*.external", "*.*.name")

#: Codes of problems about an absent key, and the keys that would have prevented it. ``*`` is the same part of the
#: problem's path.
FOLLOWS: Mapping[str, Tuple[str, ...]] = {
    "credential_spec": tuple(f"services.*.credential_spec.{key}" for key in ("config", "file", "registry")),
    "dnsrr": ("services.*.ports.*.mode",),
    "duplicate_name": _NAMES,
    "healthcheck": ("services.*.healthcheck.disable",),
    "mount_source": ("services.*.volumes.*.source", "services.*.volumes.*.type"),
    "mount_target": ("services.*.volumes.*.target",),
    "name": _NAMES,
    "name_too_long": _NAMES,
    "no_content": _SOURCES,
    "no_image": ("services.*.image", "services.*.extends", "services.*.provider"),
    "no_services": ("services", "include"),
    "undefined_config": ("configs", "include"),
    "undefined_network": ("networks", "include"),
    "undefined_secret": ("secrets", "include"),
    "undefined_service": ("services", "include"),
    "undefined_volume": ("volumes", "include"),
}


def follows(tree: object, path: Path, mark: Mark, code: str, broken: Collection[Mark]) -> bool:
    """Returns whether a problem at ``path`` only follows from an earlier one.

    :param broken: places of values that already have a problem (``Report.broken``).
    """
    if mark in broken or _is_lost(tree, path, broken):
        return True
    return any(_was_cut(tree, path, pattern.split(".")) for pattern in FOLLOWS.get(code, ()))


def _is_lost(tree: object, path: Path, broken: Collection[Mark]) -> bool:
    """Returns whether the value at ``path``, or an item of this list, was cut."""
    node = tree
    for key in path:
        if isinstance(node, Map) and isinstance(key, str):
            if key not in node and not node.lost.isdisjoint((ANYTHING, key)):
                return True
            node = node.get(key)
        elif isinstance(node, Seq) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            return False
    return isinstance(node, Seq) and any(mark in broken for mark in node.marks)


def _was_cut(tree: object, path: Path, pattern: Sequence[str]) -> bool:
    """Returns whether the key at ``pattern`` may have been cut."""
    node = tree
    last = len(pattern) - 1
    for index, part in enumerate(pattern):
        key = part if part != "*" else path[index] if index < len(path) else ""
        if isinstance(node, Map) and isinstance(key, str):
            if ANYTHING in node.lost or (key in node.lost and (index == last or key not in node)):
                return True
            node = node.get(key)
        elif isinstance(node, Seq) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            return False
    return False
