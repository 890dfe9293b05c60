# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of a service: known types, a separate target for each, matching options (CONVERSION.md 9 and 15)."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    deep,
    is_text,
    items_of,
    sequence,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_value
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

#: The types of a mount, and the block of options for each.
TYPES = {"volume": "volume", "bind": "bind", "tmpfs": "tmpfs", "npipe": "bind", "image": "image", "cluster": "cluster"}
BLOCKS = ("bind", "cluster", "image", "tmpfs", "volume")
PROPAGATION = frozenset(("private", "rprivate", "shared", "rshared", "slave", "rslave"))
WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
NEEDS_SOURCE = frozenset(("bind", "npipe", "image", "cluster"))


def check_mounts(review: Review) -> None:
    for name, service in review.services.items():
        for index, mount in items_of(service, "volumes"):
            _check_mount(review, ("services", name, "volumes", index), mount)
        _check_targets(review, name, service)


def _check_mount(review: Review, path: Path, mount: Mapping[str, object]) -> None:
    kind: Any = mount.get("type")
    source: Any = mount.get("source")
    target: Any = mount.get("target")
    if not isinstance(kind, str) or kind not in TYPES:
        hint = "use volume, bind, tmpfs, npipe or cluster"
        review.problem((*path, "type"), f"unknown mount type {shown_value(kind)}", hint, "mount_type")
        return
    if kind == "image":
        # Engines 20.10, 26.1 and 28.5 all answer "invalid MountType".
        hint = "copy the files into the service's image, or use a config"
        review.problem((*path, "type"), "services can't mount images", hint, "unsupported")
    if not is_text(target):
        review.problem(path, "the mount has no target", "set the path in the container with target:", "mount_target")
    elif not target.startswith("/") and not WINDOWS.match(target):
        hint = "containers can't start with it; use a path that begins with '/'"
        review.problem(path, "the mount's target is not an absolute path", hint, "mount_target")
    if kind in NEEDS_SOURCE and not is_text(source):
        review.problem(path, f"a mount of type {kind} needs a source", "set it with source:", "mount_source")
    if kind == "tmpfs" and is_text(source):
        review.problem(path, "a mount of type tmpfs can't have a source", "remove source:", "mount_source")
    for block in BLOCKS:
        if mount.get(block) is not None and block != TYPES[kind]:
            review.problem(
                (*path, block),
                f"a mount of type {kind} can't have options of type {block}",
                "remove them",
                "mount_options",
            )
    propagation = deep(mount, "bind", "propagation")
    if is_text(propagation) and propagation not in PROPAGATION:
        hint = f"use {', '.join(sorted(PROPAGATION))}"
        review.problem((*path, "bind", "propagation"), f"unknown propagation {shown_value(propagation)}", hint, "enum")


def _check_targets(review: Review, name: str, service: Mapping[str, object]) -> None:
    seen: Dict[str, str] = {}
    places: List[Tuple[Tuple[str, int], Any]] = [
        (("volumes", index), mount.get("target")) for index, mount in items_of(service, "volumes")
    ]
    places += [(("tmpfs", index), str(t).partition(":")[0]) for index, t in enumerate(sequence(service.get("tmpfs")))]
    for path, target in places:
        if not is_text(target):
            continue
        clean = posixpath.normpath(target)
        if clean in seen:
            message = f"two mounts have the same target ({seen[clean]} as well)"
            review.problem(("services", name, *path), message, "keep one of them", "duplicate_target")
        seen.setdefault(clean, f"{path[0]}[{path[1]}]")
