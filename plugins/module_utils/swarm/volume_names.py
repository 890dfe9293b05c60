# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of volumes, which may be templates of Swarm: with ``db_{{.Task.Slot}}`` each replica has its own volume.

Services and tasks have the template; only the Engine of the task's node has the expanded name.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional

#: Values of a template's fields, by name.
Fields = Mapping[str, str]
LEFT = "{{"
_ACTION = re.compile(r"\{\{\s*([^'`{}\\]*?)\s*\}\}")
_CONTROL = re.compile(r"(?:-|if|else|end|range|with|define|template|block|break|continue)(?![A-Za-z0-9_])|/\*|.*-\Z")
_ID = "[0-9a-z]{25}"
_SLOT = f"(?:[0-9]+|{_ID})"
#: Fields whose values have a known form.
_NARROW = {".Task.Slot": _SLOT, ".Task.ID": _ID, ".Service.ID": _ID, ".Node.ID": _ID}
_OF_NODE = ".Node.Hostname"


def of_task(task: Mapping[str, object], service: str = "", node: str = "") -> Dict[str, str]:
    """Returns the values of a template's fields for a task; ``service`` and ``node`` are names."""
    node_id = str(task.get("NodeID") or "")
    slot, identity = str(task.get("Slot") or node_id), str(task.get("ID") or "")
    known = {
        ".Task.ID": identity,
        ".Task.Slot": slot,
        ".Task.Name": f"{service}.{slot}.{identity}" if service else "",
        ".Service.ID": str(task.get("ServiceID") or ""),
        ".Service.Name": service,
        ".Node.ID": node_id,
        _OF_NODE: node,
    }
    return {field: value for field, value in known.items() if value}


def expanded(name: str, known: Fields) -> str:
    """Expands the ``known`` fields in ``name``; others stay."""
    return _ACTION.sub(lambda action: known.get(action.group(1), action.group()), name) if LEFT in name else name


def could_be(template: str, name: str) -> bool:
    """Whether ``template`` may have created the volume ``name``; True if that is unknown."""
    parts = _parts(template)
    return parts is None or _matches(parts, name, {".Task.Slot": _SLOT})


def is_one_of(template: str, name: str, node: str) -> bool:
    """Whether ``template`` has created the volume ``name`` on ``node``; False if that is unknown."""
    parts = _parts(template)
    known = {**_NARROW, _OF_NODE: re.escape(node)}
    return parts is not None and set(parts[1::2]) <= set(known) and _matches(parts, name, known)


def tells_its_own(template: str) -> bool:
    """Whether ``is_one_of`` can distinguish the volumes of ``template`` from others."""
    parts = _parts(template)
    return parts is not None and set(parts[1::2]) <= {*_NARROW, _OF_NODE}


def _parts(template: str) -> Optional[List[str]]:
    """Returns text, field, text, ..., text; None if the template has more than fields."""
    parts = _ACTION.split(template)
    if any(LEFT in text or "}}" in text for text in parts[::2]) or any(map(_CONTROL.match, parts[1::2])):
        return None
    return parts


def _matches(parts: List[str], name: str, patterns: Fields) -> bool:
    made = [patterns.get(part, ".*") if index % 2 else re.escape(part) for index, part in enumerate(parts)]
    return re.fullmatch("".join(made), name, re.DOTALL) is not None
