# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of stack_values to the stores."""

from __future__ import annotations

import os
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED, kept_state
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.vaults import (
    TO_VAULT,
    VAULT,
    handed_over,
    values_options,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import refuse_if_known
from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import (
    AUTO,
    SWARM,
    managers_of,
    open_store,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.store.edit import Edit
from ansible_collections.stackwright.swarm.plugins.module_utils.store.swarm import SwarmStore, is_encrypted
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack, full_name
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import NONCE, seal
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import StoreConflict

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import Ciphertext, Compiled


def change_values(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """Sets, removes, lists, regenerates or moves kept values, according to ``state``."""
    compiled = params[COMPILED]
    params = {**params, "state": kept_state(params)}
    if "ciphertext" in compiled:
        return _ciphertext(client, full_name(params) or "", compiled["ciphertext"])
    places = [values_options(params, compiled)]
    if params["state"] == "moved":
        places.append(values_options(params["to"], compiled, TO_VAULT))
    if not compiled and any(place["store"] == "vault" or place.get("encrypted") for place in places):
        raise StackwrightError(
            "stack_values was run without its action plugin, which reads the vault.",
            error_code="usage",
            hint="Run it as the task stackwright.swarm.stack_values, not by the path of the module file.",
        )
    meets = bool(compiled.get("meet"))
    info: Any = client.get("/info") if meets or any(place["store"] == AUTO for place in places) else {}
    managers = managers_of(info) if any(place["store"] == AUTO for place in places) else 1
    stack, clock = full_name(params) or "", SystemClock()
    named = Stack.of(params)
    places = [{**place, "owner": named.owner} for place in places]
    if params["state"] != "listed":
        refuse_if_known(client, named.data, named.full_name)
    slots = zip(places, (VAULT, TO_VAULT))
    try:
        stores = [open_store(client, clock, stack, managers, place, slot) for place, slot in slots]
        edit = Edit(stores[0], SystemRandom(), clock.wall(), check)
        result = handed_over(lambda: edit.run(params, stores[-1]), compiled)
        if params["state"] == "read":
            result = {**result, "sealed_values": _sealed(edit.read(params["names"]), compiled)}
        kind = stores[0].kind
    except StackwrightError as error:
        if not meets or error.error_code != "values_encrypted":
            raise
        result, kind = {"changed": False}, SWARM
    if meets and kind == SWARM:
        result["cluster_id"] = str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or "")
    return result


def _sealed(values: Mapping[str, str], compiled: Compiled) -> str:
    """Encrypts values for the action plugin. Raises StackwrightError (``usage``) if there is none."""
    if not compiled.get("read_key"):
        raise StackwrightError("state: read needs the module's action plugin.", "usage")
    return seal(compiled["read_key"], os.urandom(NONCE), dict(values))


def _ciphertext(client: EngineClient, stack: str, request: Ciphertext) -> Dict[str, Any]:
    """Reads the encrypted values in the Swarm for the controller, or writes those of the controller; both sealed."""
    store = SwarmStore(stack, client)
    store.owner = str(request.get("owner") or "")
    answer: Dict[str, Any] = {"conflict": False}
    if "put" in request:
        try:
            store.put(request["put"].encode("utf-8", "surrogateescape"), request["number"])
        except StoreConflict:
            answer["conflict"] = True
    else:
        number, content = store.newest()
        text = content.decode("utf-8", "surrogateescape") if is_encrypted(content) else ""
        answer = {"number": number, "text": text, "readable": not text and not store.read()[0].empty}
    return {"changed": False, "vault_writes": seal(request["key"], os.urandom(NONCE), answer)}
