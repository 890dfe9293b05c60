# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whether an operation without an answer was done, before anything is sent again."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import lingers
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import READ
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, labels_of, name_of

#: Whether a live service has the spec that an operation sent.
Matches = Callable[[Any], bool]


def id_if_done(
    client: EngineClient, operation: Operation, body: Optional[Mapping[str, object]], matches: Matches
) -> Optional[str]:
    """Returns the id of the object if ``operation`` was carried out, else None. ``body`` is the body that was sent.

    Raises EngineError.
    """
    kind, payload = operation.kind, operation.payload
    if operation.action == "create":
        found = _named(client, kind, operation.name)
        same = [obj for obj in found if _is_same(kind, obj, body or {}, matches)]
        return id_of(same[0]) if same else None
    path = f"/{kind}s/{payload['id']}"
    try:
        live = client.get(path, timeout=READ)
    except EngineError as error:
        if error.error_code != "not_found":
            raise
        return str(payload["id"]) if operation.action == "remove" else None
    if operation.action == "remove":
        return None
    done = matches(live) if kind == "service" else labels_of(live) == (body or {}).get("Labels")
    return id_of(live) if done else None


def exists_by_name(client: EngineClient, operation: Operation) -> bool:
    """Whether the Engine lists an object with that name, regardless of its owner. Raises EngineError."""
    found = client.list(f"/{operation.kind}s", {"filters": {"name": [operation.name]}}, timeout=READ)
    return any(name_of(obj) == operation.name for obj in found)


def _named(client: EngineClient, kind: str, name: str) -> List[Dict[str, Any]]:
    found = client.list(f"/{kind}s", {"filters": {"name": [name]}}, timeout=READ)
    return [obj for obj in found if name_of(obj) == name and not (kind == "network" and lingers(obj))]


def _is_same(kind: str, obj: Mapping[str, Any], body: Mapping[str, object], matches: Matches) -> bool:
    """Whether an object with the right name is the one that ``body`` creates."""
    if labels_of(obj) != (body.get("Labels") or {}):
        return False
    if kind == "network":
        want, have = normalise.network_pair(body, obj)
        return want == have
    if kind == "service":
        return matches(obj)
    # A secret's data can't be read; the digest in its labels identifies it.
    return kind == "secret" or (obj["Spec"].get("Data") or "") == (body.get("Data") or "")
