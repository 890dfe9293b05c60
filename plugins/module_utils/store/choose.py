# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the store of a stack's values."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.store.carried import Carried
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.store.swarm import SwarmStore
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import StoreOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info

#: The stores that a user can choose.
AUTO, HOST_FACTS, SWARM, VAULT = "auto", "host_facts", "swarm", "vault"


def open_store(
    client: EngineClient,
    clock: Optional[Clock],
    stack: str,
    managers: int,
    options: StoreOptions,
    slot: str = VAULT,
) -> Store:
    """Returns the store that ``options`` (store, path) name.

    ``auto`` is the store that has values of the stack. If none has any, it is ``host_facts`` for a Swarm with one
    manager, and ``swarm`` for one with several, so that each of them finds the same values. ``options["carried"]`` is
    the content of the vault that the controller calls ``slot``, ``options["owner"]`` the owner of the stack.
    Raises ValueStoreError and EngineError if ``auto`` can't read a store.
    """
    kind, owner = options.get("store") or AUTO, str(options.get("owner") or "")
    if is_carried(options):
        where = options.get("where") or options.get("path") or "vault"
        return Carried(stack, options.get("carried"), where, slot, options.get("number"), owner)
    order: List[Store] = []
    if kind in (HOST_FACTS, AUTO):
        order.append(HostFacts(stack, clock, options.get("path") or ""))
    if kind in (SWARM, AUTO):
        order.insert(1 if managers < 2 else 0, SwarmStore(stack, client))
    for store in order:
        store.owner = owner
    if len(order) == 1:
        return order[0]
    for store in order:
        store.seen = store.read()
        if not store.seen[0].empty:
            return store
    return order[0]


def is_carried(options: StoreOptions) -> bool:
    """Whether the controller sends these values: from its vault, or decrypted from Docker config ``number``."""
    return options.get("store") == VAULT or options.get("number") is not None


def managers_of(info: Info) -> int:
    """Returns the number of managers in an answer of /info."""
    return int((info.get("Swarm") or {}).get("Managers") or 1)
