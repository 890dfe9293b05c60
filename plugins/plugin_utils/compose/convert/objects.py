# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack's configs, secrets and networks. The content of configs and secrets is not part of their specs."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Context
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.object_labels import owned
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Invalid, Path

#: The Engine accepts less than this (swarmkit's controlapi).
_TOO_LARGE = {"configs": 1_024_000, "secrets": 512_000}


def objects(context: Context, kind: str) -> list[dict[str, Any]]:
    """Returns all ``configs`` or ``secrets``, also unused ones, by name."""
    found = []
    for key in sorted(context.entries(kind), key=str):
        entry = context.guard(partial(_object, context, kind, key))
        if entry:
            found.append(entry)
    return sorted(found, key=lambda entry: entry["name"])


def _object(context: Context, kind: str, key: str) -> dict[str, Any] | None:
    name = context.object_name(kind, key, (kind, key))
    if context.is_external(kind, key):
        return {"key": key, "name": name, "external": True, "spec": None, "data": None}
    path = (kind, key)
    definition = read.mapping(context.entries(kind), key, (kind,)) or {}
    spec: dict[str, Any] = {"Name": name, "Labels": owned(context.stack, definition, path)}
    template = read.text(definition, "template_driver", path)
    if template:
        spec["Templating"] = {"Name": template}
    driver = read.text(definition, "driver", path) if kind == "secrets" else None
    if driver:
        spec["Driver"] = read.filled(Name=driver, Options=read.labels(definition, "driver_opts", path))
        return {"key": key, "name": name, "external": False, "spec": spec, "data": None}
    data = _content(context, kind, key)
    entry = {"key": key, "name": name, "external": False, "spec": spec, "data": base64.b64encode(data).decode()}
    # A file may contain anything; in all other content, the only NULs are those of references.
    if b"\0" in data and not definition.get("file"):
        entry["template"] = True
    return entry


def _content(context: Context, kind: str, key: str) -> bytes:
    data = context.project.contents.get((kind, key))
    if data is None:
        raise Invalid(
            f"the {kind[:-1]} has no content",
            (kind, key),
            hint="Give it a 'file', 'environment' or 'content', or 'external: true'.",
            code="content_missing",
        )
    if len(data) >= _TOO_LARGE[kind]:
        raise Invalid(
            f"the {kind[:-1]} has {len(data)} bytes, but the Engine accepts less than {_TOO_LARGE[kind]}",
            (kind, key),
            code="too_large",
        )
    if kind == "secrets" and not data:
        raise Invalid("the secret is empty, which the Engine rejects", (kind, key), code="empty_secret")
    return bytes(data)


def networks(context: Context) -> list[dict[str, Any]]:
    """Returns the networks in use, by name; an external one has no spec."""
    found = []
    for key in sorted(context.used_networks):
        entry = context.guard(partial(_network, context, key))
        if entry:
            found.append(entry)
    found += [{"key": name, "name": name, "external": True, "spec": None} for name in sorted(context.used_predefined)]
    return sorted({entry["name"]: entry for entry in reversed(found)}.values(), key=lambda entry: entry["name"])


def _network(context: Context, key: str) -> dict[str, Any]:
    name = context.object_name("networks", key, ("networks", key))
    external = context.is_external("networks", key)
    definition = context.definition("networks", key, ("networks", key))
    spec = None if external else _spec(context, name, definition, ("networks", key))
    return {"key": key, "name": name, "external": external, "spec": spec}


def _spec(context: Context, name: str, definition: Mapping[str, object], path: Path) -> dict[str, Any]:
    """Returns the body of POST /networks/create."""
    spec = {
        "Name": name,
        # Removed in API 1.44; before, the Engine allows two networks with one name without it.
        "CheckDuplicate": True,
        "Driver": read.text(definition, "driver", path) or "overlay",
        "Scope": "",
        "Internal": read.boolean(definition, "internal", path) or False,
        "Attachable": read.boolean(definition, "attachable", path) or False,
        "Ingress": False,
        "ConfigOnly": False,
        "ConfigFrom": None,
        "Options": read.labels(definition, "driver_opts", path),
        "Labels": owned(context.stack, definition, path),
    }
    for field, key in (("EnableIPv4", "enable_ipv4"), ("EnableIPv6", "enable_ipv6")):
        if definition.get(key) is not None:
            spec[field] = read.boolean(definition, key, path)
    ipam = _ipam(read.section(definition, "ipam", path), (*path, "ipam"))
    return {**spec, "IPAM": ipam} if ipam else spec


def _ipam(ipam: Mapping[str, object], path: Path) -> dict[str, Any] | None:
    driver, options = read.text(ipam, "driver", path), read.labels(ipam, "options", path)
    pools = [_pool(pool, (*path, "config", index)) for index, pool in enumerate(read.items(ipam, "config", path) or [])]
    if not driver and not pools and not options:
        return None
    return {"Driver": driver or "", "Config": pools or None, "Options": options or None}


def _pool(pool: Mapping[str, object], path: Path) -> dict[str, Any]:
    fields = (("Subnet", "subnet"), ("Gateway", "gateway"), ("IPRange", "ip_range"))
    return read.filled(**{field: read.text(pool, key, path) for field, key in fields})
