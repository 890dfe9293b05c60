# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack's configs and secrets. Their content stays apart from their specs."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Context
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.labels import owned
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.paths import Invalid
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    filled,
    labels,
    mapping,
    text,
)

#: The Engine takes less than this (swarmkit's controlapi). A secret is never empty.
_TOO_LARGE = {"configs": 1_024_000, "secrets": 512_000}


def objects(context: Context, kind: str) -> list[dict[str, Any]]:
    """Return all of ``configs`` or ``secrets``, used or not, by name."""
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
    definition = mapping(context.entries(kind), key, (kind,)) or {}
    spec: dict[str, Any] = {"Name": name, "Labels": owned(context.stack, definition, path)}
    template = text(definition, "template_driver", path)
    if template:
        spec["Templating"] = {"Name": template}
    driver = text(definition, "driver", path) if kind == "secrets" else None
    if driver:
        spec["Driver"] = filled(Name=driver, Options=labels(definition, "driver_opts", path))
        return {"key": key, "name": name, "external": False, "spec": spec, "data": None}
    data = _content(context, kind, key)
    entry = {"key": key, "name": name, "external": False, "spec": spec, "data": base64.b64encode(data).decode()}
    # A file may hold anything; in all other content the only NULs are those of references.
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
            f"the {kind[:-1]} has {len(data)} bytes, but the Engine takes less than {_TOO_LARGE[kind]}",
            (kind, key),
            code="too_large",
        )
    if kind == "secrets" and not data:
        raise Invalid("the secret is empty, which the Engine refuses", (kind, key), code="empty_secret")
    return data
