# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store ``swarm`` with ``encrypted: vault``: the text of a vault in a Docker config.

The controller decrypts and encrypts the values. The manager reads and stores ciphertext, and gets values only in a
module's arguments. The vault password stays on the controller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import values_name
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept, damaged
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import StoreConflict
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultText

if TYPE_CHECKING:
    from ansible.parsing.vault import VaultLib

MODULE = "stackwright.swarm.stack_values"
#: The error code of a module that finds such values and did not get them from the controller.
ENCRYPTED = "values_encrypted"

Run = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class SwarmVault(VaultText):
    """The values of one stack in the Swarm of a manager.

    :param run: passes data to the module stack_values on the manager.
    :param moves: unencrypted values in the Swarm are not an error: the task moves them.
    """

    kind = "swarm"

    def __init__(
        self,
        stack: str,
        run: Run,
        vault: VaultLib,
        vault_id: str | None = None,
        wanted: Collection[str] | None = None,
        anew: bool = False,
        owner: str = "",
        moves: bool = False,
    ) -> None:
        super().__init__(stack, f"swarm (Docker config {values_name(stack)}*)", vault, vault_id, wanted, anew, owner)
        self.run, self.moves = run, moves

    def read(self) -> tuple[Kept, Any]:
        found = self._asked({"get": True})
        number, text, readable = found.get("number"), found.get("text"), found.get("readable")
        if not isinstance(number, int) or not isinstance(text, str):
            raise damaged(self.where, "the manager's answer has no text")
        if readable and not self.moves:
            raise self._readable()
        kept, section = self.opened(text)
        return kept, (number, text, section, readable)

    def write(self, kept: Kept, token: Any) -> None:
        number, text, section, readable = token
        if readable and not self.in_place:
            raise self._readable()
        if self._asked({"put": self.closed(text, kept, section), "number": number}).get("conflict") is not False:
            raise StoreConflict

    def handed(self, kept: Kept, token: Any) -> dict[str, Any]:
        return {**super().handed(kept, token), "number": token[0]}

    def _readable(self) -> ValueStoreError:
        return ValueStoreError(
            f"The values of {self.stack} are already in the Swarm, unencrypted. Nothing was changed.",
            "store_conflict",
            "Encrypt them first: stack_values with state: moved, store: swarm, to: {store: swarm, encrypted: vault}.",
        )

    def _asked(self, request: dict[str, object]) -> Mapping[str, Any]:
        key = token_hex(32)
        result = self.run({"ciphertext": {**request, "owner": self.owner, "key": key}})
        if result.get("failed"):
            raise ValueStoreError(str(result.get("msg")), str(result.get("error_code") or "store_unreadable"))
        try:
            found = unseal(key, str(result.get("vault_writes")))
        except (ValueError, TypeError, RecursionError):
            found = None
        if not isinstance(found, Mapping):
            raise damaged(self.where, "the manager's answer does not match the request")
        return found
