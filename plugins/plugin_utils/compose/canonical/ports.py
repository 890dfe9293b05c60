# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ports`` as maps of target, published, protocol, mode; ranges are expanded."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import is_scalar, wrong_type
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, SHARED, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq

_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?\Z")
_PROTOCOLS = ("tcp", "udp", "sctp")
# The cost of a port in the budget of a run (Report.spend): it is a mapping of several values.
_COST = CONTAINER + SHARED
_HINT = 'write [[IP:]PUBLISHED:]TARGET[/PROTOCOL], for example "8080:80/tcp"'


class _Bad(ValueError):
    """An entry is invalid."""


def ports(value: object, place: Place) -> Any:
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a list")
    new = Seq(value.start)
    for index, item in enumerate(value):
        here = place.at(value, index)
        try:
            entries = _long(item, here) if isinstance(item, Map) else _short(item, here)
        except _Bad as error:
            here.problem(str(error), hint=_HINT, code="port")
            # None keeps the index of the other entries.
            here.report.broken.add(here.mark)
            new.add(None, here.mark)
            continue
        for entry in entries:
            new.add(entry, here.mark)
    return new


def _range(text: str, what: str) -> list[int]:
    match = _RANGE.match(text)
    if not match:
        raise _Bad(f"'{text}' is not a valid {what} port or range")
    first = int(match.group(1))
    last = int(match.group(2) or first)
    if last > 65535:
        raise _Bad(f"{what} port {last} is above 65535")
    if last < first:
        raise _Bad(f"the range {text} of {what} ports is reversed")
    return list(range(first, last + 1))


def _short(item: object, place: Place) -> list[Map]:
    if not is_scalar(item) or isinstance(item, (bool, float)):
        raise _Bad("must be a text, a whole number or a mapping")
    text, _slash, protocol = scalar_text(item).partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in _PROTOCOLS:
        raise _Bad(f"'{protocol}' is not a valid protocol (tcp, udp or sctp)")
    rest, _colon, target_text = text.rpartition(":")
    host, _colon, published_text = rest.rpartition(":")
    targets = _range(target_text, "target")
    if 0 in targets:
        raise _Bad("the target port can't be 0")
    published = _range(published_text, "published") if published_text else []
    place.spend(_COST * max(len(targets), len(published)))
    entries = []
    for target, port in _paired(targets, published):
        entry = Map(place.mark)
        entry.put("target", target)
        if port:
            entry.put("published", str(port))
        entry.put("protocol", protocol)
        entry.put("mode", "ingress")
        if host:
            entry.put("host_ip", _address(host))
        entries.append(entry)
    # Docker's CLI orders the ports of one entry by their text: "10" comes before "9".
    return sorted(entries, key=lambda entry: str(entry["target"]))


def _paired(targets: list[int], published: list[int]) -> list[tuple[int, int]]:
    """Returns pairs (target, published port or 0). Several published ports may have one target."""
    if not published:
        return [(target, 0) for target in targets]
    if len(targets) == 1:
        return [(targets[0], port) for port in published]
    if len(targets) != len(published):
        raise _Bad("the ranges of published and target ports differ in length")
    return list(zip(targets, published))


def _address(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host))
    except ValueError:
        raise _Bad(f"'{host}' is not a valid IP address") from None


def _long(item: Map, place: Place) -> list[Map]:
    """Returns the maps of an entry in long form; only a range of published ports is expanded."""
    for key in ("protocol", "mode", "name", "app_protocol", "host_ip"):
        if is_scalar(item.get(key)):
            item[key] = scalar_text(item[key])
    target = item.get("target")
    # The cast has already reported a text that is not a number.
    if target is not None and (isinstance(target, bool) or not isinstance(target, (int, str))):
        raise _Bad("target must be a whole number")
    published = item.get("published")
    if published is None:
        return [item]
    if not is_scalar(published) or isinstance(published, (bool, float)):
        raise _Bad("published must be a port or a range")
    if scalar_text(published) == "":
        item.drop("published")
        return [item]
    numbers = _range(scalar_text(published), "published")
    place.spend(_COST * len(numbers))
    if len(numbers) == 1:
        item["published"] = str(numbers[0])
        return [item]
    entries = []
    for number in numbers:
        entry = item.like()
        entry.update(item)
        entry.marks = dict(item.marks)
        entry["published"] = str(number)
        entries.append(entry)
    return entries
