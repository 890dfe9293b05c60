# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vaults that a task needs, from its options and its play."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from ansible import context

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import owner_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import (
    VaultStore,
    VaultText,
    vault_path,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.swarm_store import MODULE, SwarmVault

if TYPE_CHECKING:
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.action import ActionBase

    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.task_types import StoreAsked
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


def play_vault(
    loader: DataLoader,
    variables: Variables,
    stack: Mapping[str, str],
    options: StoreAsked,
    wanted: Collection[str] | None,
    anew: bool = False,
) -> VaultStore | None:
    """Returns the vault file that ``options`` (store, path, vault_id) name; None if they name another store.

    ``stack`` is the stack's data (name, id, project, environment), from which the owner of the values is computed.
    """
    if options.get("store") != "vault":
        return None
    inventories = [source for source in context.CLIARGS.get("inventory") or () if "," not in source]
    folder = str(variables.get("playbook_dir") or loader.get_basedir())
    path = vault_path(options.get("path"), variables.get("inventory_dir"), inventories, folder)
    return VaultStore(stack["name"], path, loader._vault, options.get("vault_id"), wanted, anew, owner_of(stack).text)


def task_vault(
    action: ActionBase,
    variables: Variables,
    stack: Mapping[str, str],
    options: StoreAsked,
    wanted: Collection[str] | None,
    found: bool = False,
    moves: bool = False,
    anew: bool = False,
) -> VaultText | None:
    """Returns the vault that a task's ``options`` name: a file, or encrypted values in the Swarm; None without either.

    :param found: a manager has found encrypted values in the Swarm, so the options don't matter.
    :param moves: see SwarmVault.
    :param anew: see VaultText.
    :raises StackwrightError: ``invalid_options``.
    """
    encrypted, store = options.get("encrypted"), options.get("store")
    if encrypted and store not in ("swarm", "vault"):
        raise StackwrightError(
            f"encrypted can only be used with the store swarm, not with {store}.",
            "invalid_options",
            "Set store: swarm, or remove encrypted.",
        )
    if not found and (store != "swarm" or not encrypted):
        return play_vault(action._loader, variables, stack, options, wanted, anew)
    run, vault, vault_id = _runner(action, stack["name"], variables), action._loader._vault, options.get("vault_id")
    return SwarmVault(stack["name"], run, vault, vault_id, wanted, anew, owner_of(stack).text, moves=moves)


def _runner(action: ActionBase, stack: str, variables: Variables) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Returns a function that runs stack_values on the task's host, with the task's connection to the Engine."""
    names = {word for name, option in CONNECTION.items() for word in (name, *option.get("aliases", ()))}
    given = {name: value for name, value in action._task.args.items() if name in names}

    def run(handed: Mapping[str, object]) -> Mapping[str, Any]:
        compiled = json.dumps(handed, separators=(",", ":"))
        arguments = {**given, "name": stack, "state": "listed", COMPILED: compiled}
        result: Mapping[str, Any] = action._execute_module(MODULE, module_args=arguments, task_vars=variables)
        return result

    return run
