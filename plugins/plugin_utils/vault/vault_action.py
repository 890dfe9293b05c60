# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of action plugins whose module may need values from a vault on the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Collection, Dict, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction, Result

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.task_types import StoreAsked
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class VaultAction(ClusterAction):
    """Passes the vault's values to the module, and writes the values that it returns. Without a vault, as its base."""

    _vault: Any = None
    #: The arguments of use_vault, in case a manager finds encrypted values.
    _wanted: Tuple[Any, ...] = ()

    def use_vault(
        self,
        stack: Mapping[str, Any],
        values: StoreAsked,
        needed: Optional[Collection[str]],
        variables: Variables,
        if_used: bool = False,
    ) -> None:
        """Uses the vault that ``values`` (store, path, vault_id) name.

        :param stack: the stack's data (name, id, project, environment), from which the owner is computed.
        :param needed: the names of the values to decrypt; None for all.
        :param if_used: only if the file has values of the stack.
        """
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.play_vault import task_vault

        vault: Any = task_vault(self, variables, stack, values, needed)
        self._vault = vault if vault is not None and (not if_used or vault.has_values()) else None
        self._wanted = (stack, values, needed)

    def find_vault(self, stack: Mapping[str, object], values: StoreAsked, variables: Variables) -> None:
        """Uses the vault that the task names for a revision's values; with ``auto``, the one beside the inventory if it
        has values of the stack."""
        if values["store"] == "auto" and not values["encrypted"]:
            values = {"store": "vault", "vault_id": values["vault_id"]}
            self.use_vault(stack, values, None, variables, if_used=True)
        else:
            self.use_vault(stack, values, None, variables)

    def may_remember(self, arguments: Mapping[str, object]) -> bool:
        # The manager's memory can't compare the content of a vault.
        return self._vault is None

    def repeated(self, arguments: Mapping[str, object], last: Result, kept: bool) -> Mapping[str, Any]:
        """Returns the arguments of a run after one with the result ``last``; ``kept`` if its values are now stored."""
        del last, kept
        return arguments

    def _followed(self, arguments: Mapping[str, object], handed: Mapping[str, object], variables: Variables) -> Result:
        follow = super()._followed
        if self._vault is None:
            done = follow(arguments, handed, variables)
            return self._followed(arguments, handed, variables) if self._met_encrypted(done, variables) else done
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import with_vaults

        last: Result = {}

        def run(vaults: Dict[str, object], again: bool) -> Result:
            given = self.repeated(arguments, dict(last), again) if last else arguments
            result = follow(given, {**handed, "vaults": vaults}, variables)
            last.update(result)
            return result

        return with_vaults({"vault": self._vault}, run)

    def _call(self, arguments: Mapping[str, object], handed: Mapping[str, object], variables: Variables) -> Result:
        if self._vault is not None and handed.get("defer"):
            handed = {**handed, "vaults": {"vault": self._vault.handed(*self._vault.read()), "key": ""}}
        done = super()._call(arguments, handed, variables)
        if handed.get("defer") and self._met_encrypted(done, variables):
            return self._call(arguments, handed, variables)
        return done

    def _met_encrypted(self, done: Result, variables: Variables) -> bool:
        """Whether a manager has found encrypted values. If so, the next run gets them decrypted."""
        if self._vault is not None or not self._wanted or done.get("error_code") != "values_encrypted":
            return False
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.play_vault import task_vault

        stack, values, needed = self._wanted
        self._vault = task_vault(self, variables, stack, values, needed, found=True)
        return True
