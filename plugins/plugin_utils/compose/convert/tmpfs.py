# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory-backed mounts: long form, ``tmpfs`` and ``shm_size`` of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.paths import Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import filled, parsed, texts

_SHARED_MEMORY = "/dev/shm"


def tmpfs_options(scope: Scope, block: Mapping[str, Any], path: Path) -> dict[str, Any]:
    options = filled(SizeBytes=parsed(block, "size", path, units.byte_size))
    mode = parsed(block, "mode", path, _mode)
    if mode and scope.applies("tmpfs.mode", *path[2:], "mode"):
        options["Mode"] = mode
    return options


def temporary_mounts(scope: Scope) -> list[dict[str, Any]]:
    """Return the mounts of ``tmpfs``, each ``PATH[:OPTION,...]``."""
    entries = texts(scope.service, "tmpfs", scope.path()) or []
    if not entries or not scope.applies("tmpfs"):
        return []
    return [_temporary(scope, entry, index) for index, entry in enumerate(entries)]


def _temporary(scope: Scope, entry: str, index: int) -> dict[str, Any]:
    target, _colon, written = entry.partition(":")
    options: dict[str, Any] = {}
    others = []
    read_only = False
    for option in filter(None, written.split(",")):
        name, _equals, value = option.partition("=")
        try:
            if name == "size":
                options["SizeBytes"] = units.byte_size(value)
            elif name == "mode":
                options["Mode"] = _mode(value)
            elif name == "ro":
                read_only = True
            elif name != "rw":
                others.append([name, value] if value else [name])
        except ValueError as error:
            raise scope.invalid(str(error), "tmpfs", index, code="unit") from None
    if others:
        options["Options"] = others
    return {"Type": "tmpfs", "Target": target, **filled(ReadOnly=read_only, TmpfsOptions=options)}


def shared_memory(scope: Scope, taken: set[str]) -> list[dict[str, Any]]:
    """Return ``shm_size`` as a tmpfs on /dev/shm: services have no field for it."""
    size = parsed(scope.service, "shm_size", scope.path(), units.byte_size)
    if not size or not scope.applies("shm_size") or _SHARED_MEMORY in taken:
        return []
    return [{"Type": "tmpfs", "Target": _SHARED_MEMORY, "TmpfsOptions": {"SizeBytes": size}}]


def _mode(value: Any) -> int:
    """A number is the mode itself; text is octal."""
    if isinstance(value, str):
        if not value or set(value) - set("01234567") or len(value) > 5:
            raise ValueError(f"{value!r} is no file mode; write for example 1777")
        return int(value, 8)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"{value!r} is no file mode; write for example 01777")
    return value
