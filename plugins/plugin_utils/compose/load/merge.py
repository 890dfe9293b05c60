# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merges canonical trees, by Compose's rules: mappings by key, lists appended, a few keys by rules of their own.

``!reset`` removes what lies below, ``!override`` replaces it. Nothing is changed in place.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import kind_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import SHARED, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq

_TEXT_KEY: Callable[[Any], Any] = str


def _port(entry: Any) -> Any:
    values = (entry.get("host_ip") or "0.0.0.0", entry.get("published"), entry.get("target"))
    return (*map(str, values), entry.get("protocol") or "tcp")


def _mount(entry: Any) -> Any:
    target = entry.get("target")
    return posixpath.normpath(target) if isinstance(target, str) and target else id(entry)


def _secret(entry: Any) -> Any:
    target = entry.get("target") or entry.get("source")
    return posixpath.join("/run/secrets", str(target))


def _config(entry: Any) -> Any:
    return str(entry.get("target") or f"/{entry.get('source')}")


def _device(entry: Any) -> Any:
    parts = str(entry).split(":")
    return parts[1] if len(parts) > 1 else parts[0]


# What an item of a list is known by: an item that says the same replaces the earlier one.
_IDENTITY: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        (
            "cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "expose", "extra_hosts", "group_add", "label_file",
            "links", "profiles", "security_opt", "tmpfs",
        ),
        _TEXT_KEY,
    ),
    "configs": _config,
    "devices": _device,
    "env_file": lambda entry: entry.get("path"),
    "ports": _port,
    "secrets": _secret,
    "volumes": _mount,
}  # fmt: skip


def merge(base: Map, over: Map, place: Place) -> Map:
    """``over`` on top of ``base``, both whole documents."""
    return _maps(base, over, place, ())


def merge_service(base: Map, over: Map, place: Place) -> Map:
    """One service on top of another (``extends``)."""
    return _maps(base, over, place, ("services", "*"))


def _maps(base: Map, over: Map, place: Place, pattern: tuple[str, ...]) -> Map:
    place.report.spend(SHARED * (len(base) + len(over)), over.start)
    new = over.like()
    new.lose(*base.lost)
    new.marks = dict(base.marks)
    new.update(base)
    for key, tag in over.tags.items():
        if tag in ("reset", "override"):
            new.drop(key)
    for key, value in over.items():
        mark = over.mark(key)
        if key not in new or key.startswith("x-"):
            new.put(key, value, mark)
            continue
        merged = _values(new[key], value, place.at(over, key), (*pattern, _generic(pattern, key)))
        # A container keeps the place of its first part, a scalar has the place of the value that won.
        new.put(key, merged, mark if not isinstance(merged, (Map, Seq)) or merged is value else new.mark(key))
    return new


def _generic(pattern: tuple[str, ...], key: str) -> str:
    return "*" if len(pattern) == 1 else key


def _values(base: Any, over: Any, place: Place, pattern: tuple[str, ...]) -> Any:
    if over is None and isinstance(base, (Map, Seq)):
        return base
    if base is None or _is_replaced(base, over, pattern):
        return over
    if isinstance(base, Map) and isinstance(over, Map):
        return _maps(base, over, place, pattern)
    if isinstance(base, Seq) and isinstance(over, Seq):
        place.report.spend(SHARED * (len(base) + len(over)), over.start)
        return _lists(base, over, pattern)
    if isinstance(base, (Map, Seq)) or isinstance(over, (Map, Seq)):
        # Compose knows both forms of these; what a build says is not used here.
        if pattern[2:3] in (("ulimits",), ("build",)):
            return over
        place.problem(f"can't be merged: it is {kind_of(base)} in the base file and {kind_of(over)} here", code="merge")
    return over


def _is_replaced(base: Any, over: Any, pattern: tuple[str, ...]) -> bool:
    if pattern[0] != "services" or len(pattern) < 3:
        return False
    keys = pattern[2:]
    if keys == ("logging",):
        drivers = [side.get("driver") for side in (base, over) if isinstance(side, Map)]
        return len(drivers) == 2 and None not in drivers and drivers[0] != drivers[1]
    return keys in (("command",), ("entrypoint",), ("healthcheck", "test"))


def _lists(base: Seq, over: Seq, pattern: tuple[str, ...]) -> Seq:
    if pattern[0] == "networks" and pattern[2:] == ("ipam", "config"):
        identity: Callable[[Any], Any] | None = _subnet
    elif pattern[2:3] == ("networks",) and pattern[4:] in (("aliases",), ("link_local_ips",)):
        identity = _TEXT_KEY
    else:
        identity = _IDENTITY.get(pattern[2]) if pattern[0] == "services" and len(pattern) == 3 else None
    new = Seq(base.start)
    known: dict[Any, int] = {}
    for index, item in enumerate(base):
        known[_identify(identity, item)] = index
        new.add(item, base.mark(index))
    for index, item in enumerate(over):
        # Each earlier item is replaced once: what one file says twice stays, to be judged.
        replaced = known.pop(_identify(identity, item), None)
        if replaced is None or identity is None:
            new.add(item, over.mark(index))
        else:
            new[replaced] = item
            new.marks[replaced] = over.mark(index)
    return new


def _subnet(entry: Any) -> Any:
    return entry.get("subnet") or id(entry)


def _identify(identity: Callable[[Any], Any] | None, item: Any) -> Any:
    if identity is None:
        return None
    try:
        return identity(item)
    except AttributeError:  # an item of the wrong type, which has been reported
        return id(item)
