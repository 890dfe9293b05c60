# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads many stacks in one run of a module, with one set of the Engine's answers, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import Module, failure
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.target import connection_of
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.shared_reads import SharedReads

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient

Change = Callable[["EngineClient", Dict[str, Any], Dict[str, Any]], Dict[str, Any]]


def look_at_all(
    module: Module,
    looks: List[Dict[str, object]],
    work: Change,
    remember: Callable[[Module, Dict[str, object]], object],
) -> Dict[str, Any]:
    """Returns the module's result; its ``looks`` has the result of each of ``looks``, in order.

    A look has the module's options (``params``), and data of the action plugin (``handed``, with ``defer``). Its result
    may be a failure, with the code ``not_shared`` if it needs more than reading. The whole call fails if this is not a
    manager.
    """
    try:
        client = SharedReads(connection_of(module))
        client.many = len(looks) > 1
        try:
            client.begin()
            cluster = manager_info(client).get("Swarm", {}).get("Cluster") or {}
            results = [_look(module, client, one, work, remember) for one in looks]
        finally:
            client.close()
    except StackwrightError as error:
        return failure(error)
    return {"changed": False, "cluster_id": str(cluster.get("ID") or ""), "looks": results}


def _look(
    module: Module,
    client: SharedReads,
    one: Dict[str, Any],
    work: Change,
    remember: Callable[[Module, Dict[str, Any]], Any],
) -> Dict[str, Any]:
    module.params = {**module.params, **one["params"]}
    # These passwords are not in the module's own options, where Ansible would find them.
    module.no_log_values.update(str(entry["password"]) for entry in one["params"].get("registry_auth") or ())
    memory = remember(module, one["handed"])
    client.begin(memory.trace)
    run = {"check": module.check_mode, "detach": None, "progress": None, **one["handed"]}
    try:
        result = work(client, module.params, run)
    except StackwrightError as error:
        return module.told(failure(error))
    if not module._diff:
        result.pop("diff", None)
    memory.keep(result)
    shown = module.told(result)
    for name in ("invocation", "deferred"):
        shown.pop(name, None)
    return shown
