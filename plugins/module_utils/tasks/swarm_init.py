# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates a Swarm if there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import NO_ENGINE, EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import check_manager

if TYPE_CHECKING:
    pass

Result = Dict[str, Any]


def init_swarm(client: EngineClient, wanted: Mapping[str, object], check: bool) -> Result:
    """Makes the engine the first manager of a new Swarm, unless it is a manager already.

    :param wanted: ``listen_addr``, ``advertise_addr``, ``data_path_addr`` (texts, empty if the engine chooses),
        ``default_addr_pool`` (list of subnets), ``subnet_size`` (bits).
    :raises EngineError: ``not_a_manager`` for a worker of a Swarm, ``no_quorum``; the engine's own refusal.
    """
    info = client.get("/info")
    if not isinstance(info, dict):
        raise EngineError(f"GET /info on {client.where}: the answer is not a JSON object.", hint=NO_ENGINE)
    try:
        check_manager(info, client.where)
    except EngineError as error:
        if error.error_code != "not_in_swarm":
            raise
    else:
        return _result(info, changed=False)
    if check:
        return _result(info, changed=True)
    body: Dict[str, Any] = {
        "ListenAddr": wanted["listen_addr"],
        "AdvertiseAddr": wanted["advertise_addr"],
        "DataPathAddr": wanted["data_path_addr"],
    }
    if wanted["default_addr_pool"]:
        body.update(DefaultAddrPool=wanted["default_addr_pool"], SubnetSize=wanted["subnet_size"])
    client.post("/swarm/init", body=body)
    return _result(manager_info(client), changed=True)


def _result(info: Mapping[str, Any], changed: bool) -> Result:
    swarm = info.get("Swarm") or {}
    return {
        "changed": changed,
        "node": str(info.get("Name") or ""),
        "node_id": str(swarm.get("NodeID") or ""),
        "cluster_id": str((swarm.get("Cluster") or {}).get("ID") or ""),
        "address": str(swarm.get("NodeAddr") or ""),
    }
