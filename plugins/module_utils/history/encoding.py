# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs a snapshot into bytes, in parts that fit into Docker configs, and back.

The packed form begins with a mark, its length and its checksum, so a damaged or incomplete one is always noticed.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import Map, Obj, wrong

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Snapshot

PART_SIZE = 480_000  # bytes; the Engine takes 1,024,000
LARGEST = 64 * 1024 * 1024  # maximum bytes of a snapshot
MARK = b"SWH1"
HEADER = struct.Struct(">4sI32s")
#: In place of a missing snapshot, because a config can't be empty.
NOTHING = b"-"

_ENTRY = {"key_": str, "name_": str, "external_": bool, "spec": Obj()}
_CONTENT = [Obj(**_ENTRY, real=str, content=str)]
#: The parts of a snapshot that code relies on. A specification in it may have a hidden value anywhere.
SNAPSHOT = Obj(
    stack_=Obj(name_=str, id=str, hash=str, project=str, environment=str, prefix=str),
    waves_=[[str]],
    networks_=[Obj(**_ENTRY)],
    configs_=_CONTENT,
    secrets_=_CONTENT,
    services_=[
        Obj(
            key_=str,
            name_=str,
            image=str,
            where=str,
            forced=int,
            leave=[str],
            depends_on=Map(Obj(condition=str, restart=bool, required=bool)),
            spec_=Obj(TaskTemplate_=Obj(ContainerSpec_=Obj(Mounts=[Obj(VolumeOptions=Obj(Labels=Obj()))]))),
        )
    ],
    values=Obj(labels=Map(str), store=Map(str)),
    sources=Obj(files_=[Obj(path_=str, sha256_=str, text=str)], commit=Map(str), metadata=Map(str)),
)


def pack(snapshot: Snapshot) -> bytes:
    """Returns the packed form of a snapshot."""
    text = json.dumps(snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    body = zlib.compress(text.encode(), 6)
    return HEADER.pack(MARK, len(body), hashlib.sha256(body).digest()) + body


def problem(packed: bytes) -> str:
    """Returns why these bytes are not a packed snapshot; empty if they are one."""
    if len(packed) < HEADER.size or not packed.startswith(MARK):
        return "its snapshot is not readable"
    _mark, length, checksum = HEADER.unpack_from(packed)
    if len(packed) < HEADER.size + length:
        return f"a part of its snapshot is missing ({len(packed) - HEADER.size} of {length} bytes are there)"
    if len(packed) > HEADER.size + length or hashlib.sha256(packed[HEADER.size :]).digest() != checksum:
        return "its snapshot was changed (the checksum differs)"
    return ""


def unpack(packed: bytes) -> Snapshot:
    """Returns the snapshot. Raises StackwrightError (``revision_damaged``) for bytes that are not from ``pack``."""
    why = problem(packed)
    if not why:
        try:
            stream = zlib.decompressobj()
            value = parse(stream.decompress(packed[HEADER.size :], LARGEST))
            if not isinstance(value, dict) or value.get("format") != 1:
                why = "its snapshot has a format that this version does not know"
            else:
                fault = wrong(value, SNAPSHOT) or _incomplete(value)
                why = f"its snapshot{fault}" if fault else ""
            if not why:
                found: Snapshot = value
                return found
        except (zlib.error, ValueError):
            why = "its snapshot is not readable"
    raise StackwrightError(why, "revision_damaged")


def _incomplete(snapshot: Dict[str, Any]) -> str:
    """Returns a missing field of the stack's own objects; an external one has no specification."""
    for plural in ("networks", "configs", "secrets"):
        for index, entry in enumerate(snapshot[plural]):
            entry.setdefault("spec", None)
            needed = () if entry["external"] else ("spec",) if plural == "networks" else ("spec", "real", "content")
            for field in needed:
                if entry.get(field) is None:
                    return f".{plural}[{index}] has no {field}"
    return ""


def split(packed: bytes, size: int = PART_SIZE) -> List[bytes]:
    """Divides the packed form into parts of at most ``size`` bytes."""
    return [packed[start : start + size] for start in range(0, len(packed), size)]
