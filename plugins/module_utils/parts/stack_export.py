# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of stack_export that runs on a manager: one read of the Swarm, sealed for the action plugin."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    manager_info,
    networks_of,
    predefined,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    PRIVATE,
    is_bookkeeping,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import NONCE, seal

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config


def read_swarm(client: EngineClient, params: Mapping[str, object], check: bool) -> Dict[str, Any]:
    """What the Swarm has of the stacks in ``name``, or all of it. Raises EngineError, and StackwrightError (``usage``).

    The specifications hold environments as they are, so they travel sealed with the action's key.
    """
    del check  # nothing is changed either way
    run: Any = params[COMPILED]
    if not run:
        raise StackwrightError(
            "stack_export was run without its action plugin, which writes the files on the controller.",
            "usage",
            "Run it as the task stackwright.swarm.stack_export, not by the path of the module file.",
        )
    info: Any = manager_info(client)
    swarm = info.get("Swarm") or {}
    found: Dict[str, Any] = {
        "info": {"Name": info.get("Name"), "Swarm": {name: swarm.get(name) for name in ("Nodes", "Cluster")}},
        "api": list(client.api_version or ()),
        "key": None,
        "services": client.list("/services", {"status": True}),
        "networks": networks_of(client),
        "secrets": client.list("/secrets"),
        "configs": [config for config in client.list("/configs") if not _is_ours(config)],
        "nodes": client.list("/nodes"),
    }
    found["secrets"] = [secret for secret in found["secrets"] if not _is_ours(secret)]
    if not params["all"]:
        names: Any = params["name"]
        found["services"] = [service for service in found["services"] if stack_of(service) in names]
        found["configs"] = [c if stack_of(c) in names else _without_data(c) for c in found["configs"]]
    found["predefined"] = predefined(client, found)
    sealed = seal(str(run["key"]), os.urandom(NONCE), found)
    cluster = str((swarm.get("Cluster") or {}).get("ID") or "")
    return {"changed": False, "sealed_values": sealed, "cluster_id": cluster, "node": str(info.get("Name") or "")}


def _is_ours(obj: Mapping[str, object]) -> bool:
    """Whether this is bookkeeping of the collection: locks, revisions, values, the record of routes."""
    return is_bookkeeping(obj) or name_of(obj).startswith(PRIVATE)


def _without_data(config: Config) -> Config:
    return {**config, "Spec": {**config["Spec"], "Data": ""}}
