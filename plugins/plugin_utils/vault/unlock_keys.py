# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that unlock the managers of autolocked Swarms, in a vault on the controller.

Other stores don't work: a locked manager can't read the Swarm, and a key on its own disk would protect nothing.
Why: docs/decisions/0052-unlock-keys.md.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible import context

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import SET, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import StoreConflict, update
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultStore, vault_path

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.task_types import StoreAsked
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

#: The section of the vault; no stack can have this name.
SECTION = "stackwright.cluster"
#: How many keys of each Swarm are kept.
KEPT = 3


class UnlockKeys:
    """The keys in the vault that ``options`` (path, vault_id) name."""

    def __init__(self, loader: Any, variables: Variables, options: StoreAsked) -> None:
        inventories = [source for source in context.CLIARGS.get("inventory") or () if "," not in source]
        folder = str(variables.get("playbook_dir") or loader.get_basedir())
        path = vault_path(options.get("path"), variables.get("inventory_dir"), inventories, folder)
        self._store = VaultStore(SECTION, path, loader._vault, options.get("vault_id"))

    def of(self, cluster: str) -> list[str]:
        """Returns the keys of a Swarm, newest first; of all Swarms if ``cluster`` is empty. Raises ValueStoreError."""
        kept = self._store.read()[0]
        names = [name for name in kept.entries if not cluster or name == _name(cluster)]
        versions = [version for name in names for version in reversed(kept.entries[name].versions)]
        return [version.value for version in versions if version.value]

    def has(self, cluster: str, key: str) -> bool:
        """Whether this is the newest key of the Swarm. Raises ValueStoreError."""
        return self.of(cluster)[:1] == [key]

    def check(self) -> None:
        """Writes the current keys again. Raises ValueStoreError if a new key could not be written."""
        kept, token = self._store.read()
        with suppress(StoreConflict):
            self._store.write(kept, token)

    def put(self, cluster: str, key: str) -> None:
        """Stores ``key`` as the newest one and keeps the latest KEPT keys. Raises ValueStoreError."""
        name = _name(cluster)

        def added(kept: Kept) -> Kept:
            current = kept.current(name)
            if current is not None and current.value == key:
                return kept
            created = iso(time.time())
            kept = kept.added(name, key, SET, secrets.token_hex(4), created)
            entry = kept.entries[name]
            return replace(kept, entries={**kept.entries, name: replace(entry, versions=entry.versions[-KEPT:])})

        update(self._store, added)


def _name(cluster: str) -> str:
    return f"unlock_key_{cluster}"
