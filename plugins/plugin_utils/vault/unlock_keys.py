# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that unlock the managers of autolocked Swarms, in a vault on the controller.

No other store will do: a locked manager can't read the Swarm's, and a key on its own disk would unlock it for anybody.
Why: docs/decisions/0052-unlock-keys.md.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from ansible import context

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import StoreConflict
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultStore, vault_path

#: The section of the vault; no stack can have this name.
SECTION = "stackwright.cluster"
#: How often others may write the vault meanwhile, and how many keys are kept of each Swarm.
TRIES, KEPT = 20, 3


class UnlockKeys:
    """The keys in the vault that ``options`` (path, vault_id) name."""

    def __init__(self, loader: Any, variables: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        inventories = [source for source in context.CLIARGS.get("inventory") or () if "," not in source]
        folder = str(variables.get("playbook_dir") or loader.get_basedir())
        path = vault_path(options.get("path"), variables.get("inventory_dir"), inventories, folder)
        self._store = VaultStore(SECTION, path, loader._vault, options.get("vault_id"))

    def of(self, cluster: str) -> list[str]:
        """The keys of a Swarm, newest first; those of all Swarms if its id is not known. Raises ValueStoreError."""
        kept = self._store.read()[0]
        names = [name for name in kept.entries if not cluster or name == _name(cluster)]
        versions = [version for name in names for version in reversed(kept.entries[name].versions)]
        return [version.value for version in versions if version.value]

    def has(self, cluster: str, key: str) -> bool:
        """Whether this is the newest key of the Swarm. Raises ValueStoreError."""
        return self.of(cluster)[:1] == [key]

    def put(self, cluster: str, key: str) -> None:
        """Keeps ``key`` as the newest one; the ones before stay for a while. Raises ValueStoreError."""
        for _number in range(TRIES):
            kept, token = self._store.read()
            current = kept.current(_name(cluster))
            if current is not None and current.value == key:
                return
            created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            kept = kept.added(_name(cluster), key, "set", secrets.token_hex(4), created)
            versions = kept.entries[_name(cluster)].versions[-KEPT:]
            kept = kept.collected({**_all(kept), _name(cluster): {version.label for version in versions}})
            try:
                self._store.write(kept, token)
                return
            except StoreConflict:
                continue
        raise ValueStoreError(f"The vault {self._store.where} was changed by others during every attempt.")


def _name(cluster: str) -> str:
    return f"unlock_key_{cluster}"


def _all(kept: Any) -> dict[str, set[str]]:
    return {name: {version.label for version in entry.versions} for name, entry in kept.entries.items()}
