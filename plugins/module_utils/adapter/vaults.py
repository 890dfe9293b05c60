# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data that action plugins and modules exchange if a stack's values are in a vault."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import NONCE, seal

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import Compiled
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import StoreOptions

#: The vaults that an action plugin may send: those of ``store`` and of ``to``.
VAULT, TO_VAULT = "vault", "to_vault"


def values_options(given: Mapping[str, object], compiled: Compiled, slot: str = VAULT) -> StoreOptions:
    """Returns the options of a store: those of the user, and the data of the controller's vault."""
    sent = compiled.get("vaults") or {}
    vault = sent.get(slot) or {}
    own = {"carried": vault.get("kept"), "where": vault.get("where"), "number": vault.get("number")}
    return cast("StoreOptions", {**given, **own, "made": sent.get("made"), "before": sent.get("before")})


def handed_over(work: Callable[[], Dict[str, object]], compiled: Compiled) -> Dict[str, Any]:
    """Returns the result of ``work``; with sealed ``vault_writes`` if the controller must write its vault."""
    vaults = compiled.get("vaults")
    if vaults is None:
        return work()
    from ansible_collections.stackwright.swarm.plugins.module_utils.store.carried import NotYetKept

    try:
        return work()
    except NotYetKept as needed:
        data = [needed.slot, needed.kept.as_data(), needed.in_place]
        sealed = seal(vaults["key"], os.urandom(NONCE), data)
        fields = {"vault_writes": sealed, "vault_made": needed.made, "vault_before": needed.before}
        if needed.failure is not None:
            needed.failure.details = {**needed.failure.details, **fields, "vault_final": True}
            raise needed.failure from None
        return {**(needed.result or {}), "changed": True, **fields, "vault_final": needed.result is not None}
