# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes, binds and tmpfs: the mounts of a service."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NAMESPACE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

_WINDOWS_PATH = re.compile(r"(?:[A-Za-z]:)?[\\/]|[A-Za-z]:")


@makes("TaskTemplate.ContainerSpec.Mounts", "volumes", "tmpfs", "shm_size")
def mounts(scope: Scope) -> list[dict[str, Any]] | None:
    """Returns the mounts: those of ``volumes`` in the file's order, then those of ``tmpfs`` and ``shm_size``."""
    volumes = read.items(scope.service, "volumes", scope.path()) or []
    found = [_mount(scope, volume, scope.path("volumes", index)) for index, volume in enumerate(volumes)]
    found += temporary_mounts(scope)
    found += shared_memory(scope, {mount["Target"] for mount in found})
    return found or None


def _mount(scope: Scope, volume: Mapping[str, object], path: Path) -> dict[str, Any]:
    kind = read.text(volume, "type", path) or "volume"
    make = _TYPES.get(kind)
    if make is None:
        raise scope.invalid(
            f"{kind!r} is not a valid mount type", *path[2:], "type", hint="Use " + ", ".join(sorted(_TYPES)) + "."
        )
    mount = {
        "Type": kind,
        **read.filled(
            Target=read.text(volume, "target", path),
            ReadOnly=read.boolean(volume, "read_only", path),
            Consistency=read.text(volume, "consistency", path),
        ),
    }
    mount.setdefault("Target", "")
    mount.update(make(scope, volume, path))
    return mount


def _volume(scope: Scope, volume: Mapping[str, object], path: Path) -> dict[str, Any]:
    source = read.text(volume, "source", path)
    if not source:
        return {}
    top = scope.context.definition("volumes", source, path)
    at = ("volumes", source)
    block = read.section(volume, "volume", path)
    options = read.filled(
        NoCopy=read.boolean(block, "nocopy", (*path, "volume")), Subpath=read.text(block, "subpath", (*path, "volume"))
    )
    if not scope.context.is_external("volumes", source):
        own = read.labels(block, "labels", (*path, "volume")) or {}
        if own and not scope.applies("volume.labels", *path[2:], "volume", "labels"):
            own = {}
        options["Labels"] = {**(read.labels(top, "labels", at) or {}), **own, NAMESPACE: scope.stack.full_name}
        driver, driver_options = read.text(top, "driver", at), read.labels(top, "driver_opts", at)
        if driver or driver_options is not None:
            options["DriverConfig"] = read.filled(Name=driver, Options=driver_options)
    return {"Source": scope.context.object_name("volumes", source, path), "VolumeOptions": options}


def _bind(scope: Scope, volume: Mapping[str, object], path: Path) -> dict[str, Any]:
    source = read.text(volume, "source", path)
    if not source:
        raise scope.invalid(
            "a bind needs a source", *path[2:], hint="Add 'source', a path on the node.", code="required"
        )
    result: dict[str, Any] = {"Source": _absolute(scope, source)}
    block = read.mapping(volume, "bind", path)
    if block is not None:
        result["BindOptions"] = _bind_options(scope, block, (*path, "bind"))
    return result


def _bind_options(scope: Scope, block: Mapping[str, object], path: Path) -> dict[str, Any]:
    options: dict[str, Any] = read.filled(Propagation=read.text(block, "propagation", path))
    recursive = read.text(block, "recursive", path)
    if recursive == "disabled":
        options["NonRecursive"] = True
    elif recursive in ("writable", "readonly"):
        options["ReadOnlyNonRecursive" if recursive == "writable" else "ReadOnlyForceRecursive"] = True
    return options


def _absolute(scope: Scope, source: str) -> str:
    """Makes a relative source absolute, from the project's directory; an absolute one stays as written."""
    if source.startswith("~"):
        source = scope.context.options.home + source[1:]
    if source.startswith("/") or _WINDOWS_PATH.match(source):
        return source
    return posixpath.normpath(posixpath.join(str(scope.context.project.directory), source))


def _tmpfs(scope: Scope, volume: Mapping[str, object], path: Path) -> dict[str, Any]:
    if read.text(volume, "source", path):
        raise scope.invalid("a tmpfs has no source", *path[2:], "source", hint="Remove it.")
    block = read.mapping(volume, "tmpfs", path)
    if block is None:
        return {}
    return {"TmpfsOptions": tmpfs_options(scope, block, (*path, "tmpfs"))}


def _pipe(scope: Scope, volume: Mapping[str, object], path: Path) -> dict[str, Any]:
    source = read.text(volume, "source", path)
    if not source:
        raise scope.invalid("a named pipe needs a source", *path[2:], code="required")
    return {"Source": source}


def _image(scope: Scope, volume: Mapping[str, object], path: Path) -> dict[str, Any]:
    source = read.text(volume, "source", path)
    if not source:
        raise scope.invalid("an image mount needs a source, the image", *path[2:], code="required")
    block = read.mapping(volume, "image", path)
    subpath = read.text(block, "subpath", (*path, "image")) if block else None
    return {"Source": source, **({"ImageOptions": {"Subpath": subpath}} if subpath else {})}


def _cluster(scope: Scope, volume: Mapping[str, object], path: Path) -> dict[str, Any]:
    source = read.text(volume, "source", path)
    if not source:
        raise scope.invalid("a cluster volume needs a source", *path[2:], code="required")
    if not source.startswith("group:"):
        scope.context.definition("volumes", source, path)
        source = scope.context.object_name("volumes", source, path)
    return {"Source": source, "ClusterOptions": {}}


_TYPES: dict[str, Callable[[Scope, Mapping[str, Any], Path], dict[str, Any]]] = {
    "bind": _bind,
    "cluster": _cluster,
    "image": _image,
    "npipe": _pipe,
    "tmpfs": _tmpfs,
    "volume": _volume,
}


_SHARED_MEMORY = "/dev/shm"


def tmpfs_options(scope: Scope, block: Mapping[str, object], path: Path) -> dict[str, Any]:
    options = read.filled(SizeBytes=read.parsed(block, "size", path, units.byte_size))
    mode = read.parsed(block, "mode", path, _mode)
    if mode and scope.applies("tmpfs.mode", *path[2:], "mode"):
        options["Mode"] = mode
    return options


def temporary_mounts(scope: Scope) -> list[dict[str, Any]]:
    """Returns the mounts of ``tmpfs``, each ``PATH[:OPTION,...]``."""
    entries = read.texts(scope.service, "tmpfs", scope.path()) or []
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
    return {"Type": "tmpfs", "Target": target, **read.filled(ReadOnly=read_only, TmpfsOptions=options)}


def shared_memory(scope: Scope, taken: set[str]) -> list[dict[str, Any]]:
    """Returns ``shm_size`` as a tmpfs on /dev/shm: services have no field for it."""
    size = read.parsed(scope.service, "shm_size", scope.path(), units.byte_size)
    if not size or not scope.applies("shm_size") or _SHARED_MEMORY in taken:
        return []
    return [{"Type": "tmpfs", "Target": _SHARED_MEMORY, "TmpfsOptions": {"SizeBytes": size}}]


def _mode(value: object) -> int:
    """Parses a file mode: a number is the mode itself, text is octal. Raises ValueError."""
    if isinstance(value, str):
        if not value or set(value) - set("01234567") or len(value) > 5:
            raise ValueError(f"{value!r} is not a valid file mode; write for example 1777")
        return int(value, 8)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"{value!r} is not a valid file mode; write for example 01777")
    return value
