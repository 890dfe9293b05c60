# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of stack_export and swarm_bundle on a manager: one read of the Swarm, sealed for the action plugin."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    manager_info,
    networks_of,
    predefined,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.info.for_export import referring, why_not
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    KEY_CONFIG,
    PRIVATE,
    STACK,
    is_bookkeeping,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import NONCE, seal

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config, Info, Service


def read_swarm(client: EngineClient, params: Mapping[str, object], check: bool) -> Dict[str, Any]:
    """Returns the objects of the stacks in ``name``, or of the whole Swarm, sealed with the action plugin's key.

    They are sealed because the specifications have environment variables in clear text. A bundle also requests the kept
    values. Raises EngineError, and StackwrightError (``usage``).
    """
    del check  # it never changes anything
    run: Any = params[COMPILED]
    if not run:
        raise StackwrightError(
            "The module was run without its action plugin, which writes the files on the controller.",
            "usage",
            "Run it as a task by its full name, not by the path of the module file.",
        )
    info: Any = manager_info(client)
    everything = client.list("/configs")
    swarm = info.get("Swarm") or {}
    found: Dict[str, Any] = {
        "info": {"Name": info.get("Name"), "Swarm": {name: swarm.get(name) for name in ("Nodes", "Cluster")}},
        "api": list(client.api_version or ()),
        "key": None,
        "services": client.list("/services", {"status": True}),
        "networks": networks_of(client),
        "secrets": client.list("/secrets"),
        "configs": [config for config in everything if not _is_ours(config)],
        "nodes": client.list("/nodes"),
    }
    found["secrets"] = [secret for secret in found["secrets"] if not _is_ours(secret)]
    known = {labels_of(config).get(STACK, "") for config in everything}
    names: Any = params["name"]
    if not params["all"]:
        found["services"] = [service for service in found["services"] if stack_of(service) in names]
        found["configs"] = [c if stack_of(c) in names else _without_data(c) for c in found["configs"]]
    found["predefined"] = predefined(client, {"networks": found["networks"], "services": found["services"]})
    keys = [str(config["Spec"].get("Data") or "") for config in everything if name_of(config) == KEY_CONFIG]
    texts, key = bool(run.get("texts")), keys[0] if keys else None
    found.update(_refer(client, info, found["services"], found["secrets"], key, known, texts))
    sealed = seal(str(run["key"]), os.urandom(NONCE), found)
    cluster = str((swarm.get("Cluster") or {}).get("ID") or "")
    return {"changed": False, "sealed_values": sealed, "cluster_id": cluster, "node": str(info.get("Name") or "")}


def read_whole_swarm(client: EngineClient, params: Mapping[str, object], check: bool) -> Dict[str, Any]:
    """Calls ``read_swarm`` for all stacks."""
    return read_swarm(client, {**params, "name": [], "all": True}, check)


def _refer(
    client: EngineClient,
    info: Info,
    services: List[Service],
    secrets: List[Config],
    key: Optional[str],
    known: Set[str],
    texts: bool,
) -> Dict[str, object]:
    """Returns the services with references in place of kept values, and data about the values of each stack.

    :param texts: whether to return the values themselves.
    """
    values: Dict[str, Dict[str, object]] = {}
    notices = []
    for stack in sorted({stack_of(service) for service in services} & known):
        try:
            its = referring(client, info, stack)
        except StackwrightError as error:
            notices.append(why_not(stack, error))
            continue
        if its is not None:
            its.find_secrets(secrets, key)
            services = [its.in_service(service) if stack_of(service) == stack else service for service in services]
            values[stack] = {
                "generators": its.generators,
                "secrets": its.secrets,
                **({"texts": its.texts} if texts else {}),
            }
    return {"services": services, "values": values, "notices": notices}


def _is_ours(obj: Mapping[str, object]) -> bool:
    """Whether this is bookkeeping of the collection: a lock, a revision, values, the record of routes."""
    return is_bookkeeping(obj) or name_of(obj).startswith(PRIVATE)


def _without_data(config: Config) -> Config:
    return {**config, "Spec": {**config["Spec"], "Data": ""}}
