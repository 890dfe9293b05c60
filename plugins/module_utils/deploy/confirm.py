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

#: Whether a live service is what an operation makes of it.
AsWanted = Callable[[str, Any], bool]


def id_if_done(
    client: EngineClient, operation: Operation, body: Optional[Mapping[str, object]], as_wanted: AsWanted
) -> Optional[str]:
    """The id of the object if ``operation`` has been done, else None. ``body`` is what was sent to create it.

    Raises EngineError.
    """
    kind, payload = operation.kind, operation.payload
    if operation.action == "create":
        found = _named(client, kind, operation.name)
        same = [obj for obj in found if _is_same(kind, obj, body or {}, as_wanted)]
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
    done = as_wanted(operation.name, live) if kind == "service" else labels_of(live) == (body or {}).get("Labels")
    return id_of(live) if done else None


def exists_by_name(client: EngineClient, operation: Operation) -> bool:
    """Whether the Engine lists an object with that name, regardless of its owner. Raises EngineError."""
    found = client.list(f"/{operation.kind}s", {"filters": {"name": [operation.name]}}, timeout=READ)
    return any(name_of(obj) == operation.name for obj in found)


def _named(client: EngineClient, kind: str, name: str) -> List[Dict[str, Any]]:
    found = client.list(f"/{kind}s", {"filters": {"name": [name]}}, timeout=READ)
    return [obj for obj in found if name_of(obj) == name and not (kind == "network" and lingers(obj))]


def _is_same(kind: str, obj: Mapping[str, Any], body: Mapping[str, object], as_wanted: AsWanted) -> bool:
    """Whether an object with the right name is the one that we wanted to create, and not another one."""
    if labels_of(obj) != (body.get("Labels") or {}):
        return False
    if kind == "network":
        want, have = normalise.network_pair(body, obj)
        return want == have
    if kind == "service":
        return as_wanted(name_of(obj), obj)
    # A secret's data can't be read; the digest among its labels stands for it.
    return kind == "secret" or (obj["Spec"].get("Data") or "") == (body.get("Data") or "")
