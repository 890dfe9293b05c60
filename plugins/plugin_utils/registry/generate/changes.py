# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of a run in a folder of generated files, and their effect on the services."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import read_yaml
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import to_plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.header import (
    is_edited,
    is_ours,
    source_of,
)

#: Lines of an edit that an error shows, and keys of one service that a change names.
MOST_LINES, MOST_KEYS = 20, 8


@dataclass(frozen=True)
class Change:
    """``write`` and ``remove`` are paths; ``foreign`` are files that were edited or not generated, with the reason."""

    write: list[str]
    remove: list[str]
    foreign: dict[str, str]


def compare(before: Mapping[str, str], wanted: Mapping[str, str], source: str) -> Change:
    """Returns the changes from the files ``before`` to the ``wanted`` ones. ``source``: the registry's name."""
    write, remove, foreign = [], [], {}
    for path, text in wanted.items():
        old = before.get(path)
        if old is not None and old.replace("\r\n", "\n") == text:
            continue
        write.append(path)
        if old is None:
            continue
        if not is_ours(old):
            foreign[path] = "was not generated"
        elif is_edited(old):
            foreign[path] = "was edited by hand"
    for path, old in before.items():
        if path not in wanted and is_ours(old) and source_of(old) == source:
            remove.append(path)
            if is_edited(old):
                foreign[path] = "was edited by hand, and is not needed any more"
    return Change(write, sorted(remove), foreign)


def edit_of(found: str, wanted: str) -> list[str]:
    """Returns the first lines of a file that differ from the generated ones, as a unified diff."""
    lines = list(difflib.unified_diff(wanted.splitlines(), found.splitlines(), "generated", "found", n=0, lineterm=""))
    shown = [line for line in lines[2:] if not line.startswith("@@") and "checksum: sha256:" not in line]
    more = len(shown) - MOST_LINES
    return [*shown[:MOST_LINES], *([f"... and {more} more lines"] if more > 0 else [])]


def service_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Returns a line for each service or object that differs: ``postgres: 16.11 -> 16.12``. Shows no other values."""
    old, new = _sections(before), _sections(after)
    lines: list[str] = []
    for section in ("services", "networks", "volumes", "secrets", "configs"):
        was, now = old.get(section, {}), new.get(section, {})
        prefix = "" if section == "services" else f"{section[:-1]} "
        for name in [*now, *(name for name in was if name not in now)]:
            if name not in was:
                lines.append(f"{prefix}{name}: new{_version(now[name][0])}")
            elif name not in now:
                lines.append(f"{prefix}{name}: removed")
            elif was[name] != now[name]:
                lines.append(f"{prefix}{name}: {_difference(was[name], now[name])}")
    return lines


def _sections(files: Mapping[str, str]) -> dict[str, dict[str, tuple[Any, str]]]:
    found: dict[str, dict[str, tuple[Any, str]]] = {}
    for path, text in files.items():
        if not path.endswith((".yml", ".yaml")):
            continue
        tree = to_plain(read_yaml(text, path, Report()))
        for section, entries in tree.items() if isinstance(tree, dict) else ():
            for name, entry in entries.items() if isinstance(entries, dict) else ():
                found.setdefault(section, {})[name] = (entry, path)
    return found


def _version(entry: object) -> str:
    image = entry.get("image") if isinstance(entry, dict) else None
    return f" ({image})" if image else ""


def _difference(was: tuple[object, str], now: tuple[object, str]) -> str:
    parts = []
    old, new = (entry if isinstance(entry, dict) else {} for entry in (was[0], now[0]))
    if old.get("image") != new.get("image"):
        parts.append(_images(str(old.get("image")), str(new.get("image"))))
    names = [key for key in {**old, **new} if key != "image" and old.get(key) != new.get(key)]
    keys = [_key(key, old.get(key), new.get(key)) for key in names[:MOST_KEYS]]
    if len(names) > MOST_KEYS:
        keys.append(f"{len(names) - MOST_KEYS} more keys")
    parts += [", ".join(keys)] if keys else []
    if was[1] != now[1]:
        parts.append(f"moves from {was[1]} to {now[1]}")
    return "; ".join(parts)


def _images(old: str, new: str) -> str:
    one, _colon, before = old.rpartition(":")
    two, _colon, after = new.rpartition(":")
    return f"{before} -> {after}" if one == two and one else f"image {old} -> {new}"


def _key(key: str, old: object, new: object) -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        inner = [name for name in {**old, **new} if old.get(name, ()) != new.get(name, ())]
        return f"{key} ({', '.join(inner[:MOST_KEYS])}{', ...' if len(inner) > MOST_KEYS else ''})"
    return f"{key} added" if old is None else f"{key} removed" if new is None else key
