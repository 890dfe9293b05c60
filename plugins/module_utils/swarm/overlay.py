# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies parts of one specification over another: the parts that must not change.

The paths of parts are those of differences between normal forms (swarm/normalise.py), where lists with a natural key
are maps. The specifications are in the Engine's form.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Dict, List, Mapping, Optional

Key = Callable[[Any, Mapping[str, str]], str]


def _variable(entry: object, names: Mapping[str, str]) -> str:
    del names
    return str(entry).partition("=")[0]


def _field(field: str) -> Key:
    return lambda entry, names: str(entry.get(field, ""))


def _file(field: str) -> Key:
    return lambda entry, names: str((entry.get("File") or {}).get("Name") or f"runtime {entry.get(field)}")


def _target(entry: Any, names: Mapping[str, str]) -> str:
    return names.get(entry.get("Target", ""), str(entry.get("Target", "")))


CONTAINER = "TaskTemplate.ContainerSpec"
#: Lists that are maps in the normal form, with a function that returns an entry's key there.
KEYED: Dict[str, Key] = {
    f"{CONTAINER}.Env": _variable,
    f"{CONTAINER}.Mounts": _field("Target"),
    f"{CONTAINER}.Secrets": _file("SecretName"),
    f"{CONTAINER}.Configs": _file("ConfigName"),
    f"{CONTAINER}.Ulimits": _field("Name"),
    "TaskTemplate.Networks": _target,
}


def overlaid(
    spec: Mapping[str, object], live: Mapping[str, object], paths: AbstractSet[str], names: Mapping[str, str]
) -> Any:
    """Returns a copy of the ServiceSpec ``spec`` with the parts of ``live`` at ``paths``, even if ``live`` has none.

    ``names`` maps ids of networks to names.
    """
    return _map(spec, live, paths, names, "")


def _map(
    spec: Mapping[str, object], live: Mapping[str, object], paths: AbstractSet[str], names: object, at: str
) -> Any:
    out = dict(spec)
    for name in [*spec, *(name for name in live if name not in spec)]:
        here = f"{at}.{name}" if at else name
        value = _part(spec.get(name), live.get(name), paths, names, here)
        if value is None:
            out.pop(name, None)
        else:
            out[name] = value
    return out


def _part(spec: Any, live: Any, paths: AbstractSet[str], names: object, here: str) -> Any:
    if here in paths:
        return live
    if not any(path.startswith(here + ".") for path in paths):
        return spec
    if here in KEYED:
        return _list(spec or [], live or [], paths, names, here) or None
    if not isinstance(spec, (dict, type(None))) or not isinstance(live, (dict, type(None))):
        return spec
    made = _map(spec or {}, live or {}, paths, names, here)
    return made if made or spec is not None else None


def _list(spec: List[object], live: List[object], paths: AbstractSet[str], names: Any, here: str) -> List[Any]:
    key = KEYED[here]
    ours = {key(entry, names): entry for entry in spec}
    theirs = {key(entry, names): entry for entry in live}
    out: List[Any] = []
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        mine: Optional[Any] = ours.get(name)
        entry = _part(mine, theirs.get(name), paths, names, f"{here}.{name}")
        if entry is not None:
            out.append(entry)
    return out
