# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces the keys of a service by their short forms, if these mean exactly the same.

They do if the canonical rules (``canonical/``) convert the short form to the same value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.ports import ports
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.volumes import volumes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import NOWHERE, seq_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.scalars import Octal

_STARTED = {"condition": "service_started", "required": True}


def shortened(service: dict[str, object]) -> dict[str, Any]:
    """Writes short forms into ``service`` and returns it. Values without a short form stay."""
    for key, short in _SHORT.items():
        if key in service:
            service[key] = short(service[key])
    return service


def _each(short: Any) -> Any:
    def of_list(value: Any) -> Any:
        return [short(item) if isinstance(item, Mapping) else item for item in value] if _is_list(value) else value

    return of_list


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _means(rule: Any, text: str, wanted: Mapping[str, object]) -> bool:
    """Whether the canonical rule of a key converts ``text`` to ``wanted``, without problems and notices."""
    report = Report()
    found = rule(seq_of([text], NOWHERE), Place(report))
    return not report.problems and not report.notices and list(found) == [wanted]


def _port(port: Mapping[str, object]) -> Any:
    host = str(port.get("host_ip", ""))
    published = str(port.get("published", ""))
    text = f"{published}:{port.get('target')}" if published or host else str(port.get("target"))
    if host:
        text = f"[{host}]:{text}" if ":" in host else f"{host}:{text}"
    if port.get("protocol") != "tcp":
        text += f"/{port.get('protocol')}"
    return text if _means(ports, text, port) else port


def _volume(volume: Mapping[str, object]) -> Any:
    options = ["ro"] if volume.get("read_only") is True else []
    for block, key in (("volume", "nocopy"), ("bind", "propagation")):
        inner = volume.get(block)
        if isinstance(inner, Mapping) and key in inner:
            options.append(key if inner[key] is True else str(inner[key]))
    source, target = volume.get("source"), str(volume.get("target"))
    text = ":".join([*([str(source)] if source is not None else []), target, *([",".join(options)] if options else [])])
    # The docker CLI reads a single letter as a Windows drive.
    if len(str(source)) == 1 or (source is None and options):
        return volume
    return text if _means(volumes, text, volume) else volume


def _networks(networks: Any) -> Any:
    names = isinstance(networks, Mapping) and all(value is None for value in networks.values())
    return list(networks) if names and networks else networks


def _depends_on(dependencies: object) -> Any:
    if not isinstance(dependencies, Mapping) or not dependencies:
        return dependencies
    if all(entry in (_STARTED, {**_STARTED, "restart": False}) for entry in dependencies.values()):
        return list(dependencies)
    return dependencies


def _reference(entry: Mapping[str, object]) -> Any:
    if list(entry) == ["source"] and isinstance(entry["source"], str):
        return entry["source"]
    mode = entry.get("mode")
    if isinstance(mode, int) and not isinstance(mode, bool) and mode >= 0:
        return {**entry, "mode": Octal(mode)}
    return entry


def _healthcheck(check: Any) -> Any:
    test: Any = check.get("test") if isinstance(check, Mapping) else None
    if _is_list(test) and len(test) == 2 and test[0] == "CMD-SHELL" and isinstance(test[1], str) and test[1]:
        return {**check, "test": test[1]}
    return check


_SHORT = {
    "ports": _each(_port),
    "volumes": _each(_volume),
    "networks": _networks,
    "depends_on": _depends_on,
    "configs": _each(_reference),
    "secrets": _each(_reference),
    "healthcheck": _healthcheck,
}
