# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a service or resource of a Compose file to its form in a registry, and records where each key went."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.keywords import fits
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.schema import schema, service_keys

#: Keys that a registry has by the same name and with the same meaning, in the order in which they are written.
SAME = (
    "container_name", "profiles", "networks", "ports", "expose", "environment", "volumes", "secrets", "configs",
    "command", "entrypoint", "depends_on", "restart", "user", "devices", "privileged", "tmpfs", "shm_size", "pid",
    "deploy",
)  # fmt: skip
#: A tag without variables, or with one that stands for all of it.
_TAGGED = re.compile(r"(?P<image>[^$@\s]*[^$@:\s/]):(?P<tag>[\w.-]+|\$\{[^{}]+\}|\$\w+)\Z")
_DIGEST = re.compile(r"(?P<image>[^$@\s:]+(?::\d+/[^$@\s:]+)?)@(?P<digest>sha256:[0-9a-f]{64})\Z")


def split_image(image: str) -> tuple[str, str]:
    """Splits an image into name and version; the version is "" if a split would change the meaning."""
    found = _TAGGED.match(image)
    if found and "/" not in found["tag"]:
        return found["image"], found["tag"]
    found = _DIGEST.match(image)
    return (found["image"], found["digest"]) if found else (image, "")


def service_of(service: Map, place: Place) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]] | None:
    """Returns ``service`` for the registry and the new path of each key; None, with a problem, if it is not carried."""
    image = service.get("image")
    if not isinstance(image, str) or not image.strip():
        what = "is built from sources and names no image" if "build" in service else "has no image"
        place.problem(f"the service {what}, so it is not carried", hint="give it an image:", code="not_carried")
        return None
    name, version = split_image(image)
    written: dict[str, Any] = {"image": name, **({"version": version} if version else {})}
    keys = service_keys()
    went: dict[str, tuple[str, ...]] = {"image": ("image",)}
    more: dict[str, Any] = {}
    for key in sorted((key for key in service if key != "image"), key=_order):
        value = _exact(service[key])
        same = key in SAME and value is not None and fits(service[key], keys[key]) and not _is_translated(key, value)
        if same or key.startswith("x-"):
            written[key] = value
            went[key] = (key,)
        else:
            more[key] = value
            went[key] = ("compose", key)
    if more:
        written["compose"] = more
    return written, went


def _is_translated(key: str, value: Any) -> bool:
    """Returns whether the generator translates a value for Swarm, as it does with ``restart: "no"`` and GPUs."""
    if key == "restart":
        return bool(value == "no")
    reserved = ((value.get("resources") or {}).get("reservations") or {}) if key == "deploy" else {}
    return "devices" in reserved


def _order(key: str) -> int:
    return SAME.index(key) if key in SAME else len(SAME)


def _exact(node: object) -> Any:
    """Converts numbers that Go prints in another form (``1e6``) to the text that Go prints."""
    if isinstance(node, Mapping):
        return {key: _exact(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_exact(value) for value in node]
    if isinstance(node, float) and scalar_text(node) != repr(node):
        return int(node) if node.is_integer() and abs(node) < 1e6 else scalar_text(node)
    return node


def resource_of(section: str, entry: object, place: Place) -> dict[str, Any] | None:
    """Converts an entry of ``networks``, ``volumes``, ``secrets`` or ``configs``; reports unsupported keys."""
    if not isinstance(entry, Map):
        return None
    allowed = schema()["properties"][section]["additionalProperties"]["properties"]
    found: dict[str, Any] = {}
    for key, value in entry.items():
        if key in allowed or key.startswith("x-"):
            found[key] = _exact(value)
        else:
            place.at(entry, key).notice(f"'{key}' is not carried", hint=_NO_KEY, code="not_carried")
    ipam = found.get("ipam")
    config = ipam.get("config") if isinstance(ipam, dict) and list(ipam) == ["config"] else None
    if isinstance(config, list) and len(config) == 1 and isinstance(config[0], dict) and list(config[0]) == ["subnet"]:
        found = {"subnet": config[0]["subnet"], **{key: value for key, value in found.items() if key != "ipam"}}
    external = found.get("external")
    if isinstance(external, dict):
        found["external"] = True
        if external.get("name") is not None:
            found.setdefault("name", external["name"])
    return found


_NO_KEY = "registries do not support this key"
