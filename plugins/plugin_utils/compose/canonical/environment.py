# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical form of ``environment``, ``env_file`` and ``extra_hosts``."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import (
    is_scalar,
    pairs,
    text_list,
    wrong_type,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq

# The format of an env_file in short form: read like Docker's CLI, with notices if Compose reads a value differently.
SHORT = "short"


def environment(value: object, place: Place) -> Any:
    """Returns a Map of texts; None is the value of a bare key, which is resolved after all files are merged."""
    return pairs(value, place, None)


def env_file(value: object, place: Place) -> Any:
    """Returns a list of maps with ``path``, ``required`` and ``format``."""
    values: Any = value
    if is_scalar(value):
        values = Seq(place.mark)
        values.add(value, place.mark)
    if not isinstance(values, Seq):
        return wrong_type(value, place, "a path or a list of paths")
    new = Seq(values.start)
    for index, item in enumerate(values):
        here = place.at(values, index)
        if isinstance(item, Map) and is_scalar(item.get("path")):
            new.add(item, here.mark)
        elif is_scalar(item):
            here.spend(CONTAINER)
            entry = Map(here.mark)
            entry.put("path", scalar_text(item))
            entry.put("format", SHORT)
            new.add(entry, here.mark)
        else:
            wrong_type(item, here, "a path or a mapping with 'path'")
    return new


def extra_hosts(value: object, place: Place) -> Any:
    """Returns ``HOST=IP`` texts: those of a list in its order, those of a mapping sorted by ``host:ip``.

    An entry without an address is dropped with a notice, as in Docker's CLI.
    """
    if isinstance(value, Map):
        return _hosts_of_map(value)
    hosts = text_list(value, place)
    if not isinstance(hosts, Seq):
        return value
    new = Seq(hosts.start)
    for index, item in enumerate(hosts):
        separator = "=" if "=" in item else ":"
        host, found, address = item.partition(separator)
        if found:
            new.add(f"{host}={_unbracket(address)}", hosts.mark(index))
        else:
            place.at(hosts, index).notice("has no address and is ignored", hint='write "HOST=IP"', code="no_effect")
    return new


def _hosts_of_map(value: Map) -> Seq:
    found = []
    for host, given in value.items():
        for address in given if isinstance(given, list) else [given]:
            if is_scalar(address):
                found.append((f"{host}:{scalar_text(address)}", host, _unbracket(scalar_text(address))))
    new = Seq(value.start)
    for _key, host, address in sorted(found):
        new.add(f"{host}={address}", value.mark(host))
    return new


def _unbracket(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address
