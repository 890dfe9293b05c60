# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of volumes, which may be templates of Swarm: with ``db_{{.Task.Slot}}`` each replica has its own volume.

Services and tasks have the template; only the Engine of the task's node has the name that it makes of it.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional

#: A field's name in a template → its value.
Fields = Mapping[str, str]
LEFT = "{{"
_ACTION = re.compile(r"\{\{\s*([^'`{}\\]*?)\s*\}\}")
_CONTROL = re.compile(r"(?:-|if|else|end|range|with|define|template|block|break|continue)(?![A-Za-z0-9_])|/\*|.*-\Z")
_ID = "[0-9a-z]{25}"
_SLOT = f"(?:[0-9]+|{_ID})"
#: What can only be made of some characters.
_NARROW = {".Task.Slot": _SLOT, ".Task.ID": _ID, ".Service.ID": _ID, ".Node.ID": _ID}
_OF_NODE = ".Node.Hostname"


def of_task(task: Mapping[str, object], service: str = "", node: str = "") -> Dict[str, str]:
    """What a template's fields are for a task; ``service`` and ``node`` are names."""
    its_node = str(task.get("NodeID") or "")
    slot, identity = str(task.get("Slot") or its_node), str(task.get("ID") or "")
    known = {
        ".Task.ID": identity,
        ".Task.Slot": slot,
        ".Task.Name": f"{service}.{slot}.{identity}" if service else "",
        ".Service.ID": str(task.get("ServiceID") or ""),
        ".Service.Name": service,
        ".Node.ID": its_node,
        _OF_NODE: node,
    }
    return {field: value for field, value in known.items() if value}


def expanded(name: str, known: Fields) -> str:
    """``name`` with what is ``known``; what is not stays as it is written."""
    return _ACTION.sub(lambda action: known.get(action.group(1), action.group()), name) if LEFT in name else name


def could_be(template: str, name: str) -> bool:
    """Whether the volume ``name`` may be one of ``template``; if that is unknown, it may."""
    parts = _parts(template)
    return parts is None or _matches(parts, name, {".Task.Slot": _SLOT})


def is_one_of(template: str, name: str, node: str) -> bool:
    """Whether the volume ``name`` on ``node`` is one of ``template``; if that is unknown, it is not."""
    parts = _parts(template)
    known = {**_NARROW, _OF_NODE: re.escape(node)}
    return parts is not None and set(parts[1::2]) <= set(known) and _matches(parts, name, known)


def tells_its_own(template: str) -> bool:
    """Whether ``is_one_of`` can tell the volumes of ``template`` from others."""
    parts = _parts(template)
    return parts is not None and set(parts[1::2]) <= {*_NARROW, _OF_NODE}


def _parts(template: str) -> Optional[List[str]]:
    """Text, field, text, ..., text; None if it is more than that."""
    parts = _ACTION.split(template)
    if any(LEFT in text or "}}" in text for text in parts[::2]) or any(map(_CONTROL.match, parts[1::2])):
        return None
    return parts


def _matches(parts: List[str], name: str, patterns: Fields) -> bool:
    made = [patterns.get(part, ".*") if index % 2 else re.escape(part) for index, part in enumerate(parts)]
    return re.fullmatch("".join(made), name, re.DOTALL) is not None
