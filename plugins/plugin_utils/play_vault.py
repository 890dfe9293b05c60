# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vaults that a task needs, from its options and the play that it stands in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible import context

from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault_store import VaultStore, vault_path


def play_vault(
    loader: Any, variables: Mapping[str, Any], stack: str, options: Mapping[str, Any], wanted: Collection[str] | None
) -> VaultStore | None:
    """The vault that ``options`` (store, path, vault_id) name; None where they name another store."""
    if options.get("store") != "vault":
        return None
    inventories = [source for source in context.CLIARGS.get("inventory") or () if "," not in source]
    folder = str(variables.get("playbook_dir") or loader.get_basedir())
    path = vault_path(options.get("path"), variables.get("inventory_dir"), inventories, folder)
    return VaultStore(stack, path, loader._vault, options.get("vault_id"), wanted)
