# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store ``vault``: values in a file on the controller, encrypted with a vault identity of the play.

Only the values that a run needs are decrypted, because each one costs a key derivation.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, match_encrypt_secret

from ansible_collections.stackwright.swarm.plugins.module_utils.core import files
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept, damaged, is_other, refuse_other
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store, StoreConflict
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_text import (
    Cipher,
    Document,
    Section,
    parse_section,
    split,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import KeptData

FILE = "stackwright_values.yml"
#: How often a module is run again because other runs have changed the vault.
TRIES = 20
PATIENCE = 60.0  # seconds to wait for another writer
LARGEST = 64 << 20  # bytes, of all stacks


def vault_path(given: str | None, inventory_dir: str | None, inventories: Collection[str], folder: str) -> str:
    """Returns the path of the vault: ``given`` (relative to ``folder``, the playbook's), or beside the inventory.

    If the inventory is a folder, the file is beside that folder, because Ansible parses every file inside.
    """
    if given:
        return os.path.join(folder, os.path.expanduser(given))
    if not inventory_dir:
        return os.path.join(folder, FILE)
    here = os.path.abspath(inventory_dir)
    while any(os.path.abspath(source) == here for source in inventories) and os.path.dirname(here) != here:
        here = os.path.dirname(here)
    return os.path.join(here, FILE)


class Clock:
    """The real one."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    sleep = staticmethod(time.sleep)


class VaultText(Store):
    """The values of one stack in a text with a section for each stack. Subclasses store the text.

    :param vault: the play's VaultLib with its secrets.
    :param wanted: the names of the values to decrypt; None for all.
    :param anew: encrypts all values again, for example with another password.
    :param owner: as in Store.
    """

    def __init__(
        self,
        stack: str,
        where: str,
        vault: VaultLib,
        vault_id: str | None = None,
        wanted: Collection[str] | None = None,
        anew: bool = False,
        owner: str = "",
    ) -> None:
        self.stack, self.where, self.vault, self.vault_id = stack, where, vault, vault_id
        self.wanted, self.anew, self.owner = wanted, anew, owner
        #: Whether the next write replaces the same values in another form.
        self.in_place = False

    def handed(self, kept: Kept, token: object) -> dict[str, Any]:
        """Returns the values in the form that is passed to a module."""
        return {"kept": kept.as_data(), "where": self.where}

    def opened(self, text: str) -> tuple[Kept, str | None]:
        """Returns the values of the stack in ``text``, and the text of its section. Raises ValueStoreError."""
        document = self._split(text)
        section = self._section(document)
        if section is None:
            return Kept(self.stack, owner=self.owner), None
        parsed = self._parsed(section)
        # Before decryption: only the play of the other stack has the password.
        refuse_other(_owner(parsed), self.owner, self.stack, self._place(section))
        data = self._opened(parsed)
        return Kept.from_data(data, self.stack, self._place(section), self.owner), section.text

    def closed(self, text: str, kept: Kept, token: str | None) -> str:
        """Returns ``text`` with the new values. Raises StoreConflict if the section differs from ``token``."""
        document = self._split(text)
        section = self._section(document)
        if (section.text if section else None) != token:
            raise StoreConflict
        before = self._parsed(section) if section else None
        return document.replaced(self.stack, None if kept.empty else self._closed(kept, before))

    def _split(self, text: str) -> Document:
        if text.startswith("$ANSIBLE_VAULT"):
            raise ValueStoreError(
                f"The vault {self.where} is encrypted as a whole.",
                "store_damaged",
                "Run `ansible-vault decrypt` on it: each value in it is encrypted separately.",
            )
        try:
            return split(text)
        except ValueError as error:
            raise damaged(self.where, str(error)) from None

    def _section(self, document: Document) -> Section | None:
        try:
            return document.section(self.stack)
        except ValueError as error:
            raise self._damaged(str(error)) from None

    def _parsed(self, section: Section) -> Any:
        try:
            return parse_section(section)
        except ValueError as error:
            raise self._damaged(str(error)) from None

    def _place(self, section: Section) -> str:
        return f"{self.where} (the section of {self.stack}, line {section.line})"

    def _damaged(self, why: str) -> ValueStoreError:
        return ValueStoreError(
            f"The section of {self.stack} in the value store {self.where} is damaged: {why}.",
            "store_damaged",
            "Restore that section from a backup (git diff shows the changes), or remove it and run with on_lost: "
            "adopt, which uses the values of the running services. Other stacks are not affected.",
        )

    # -- encrypted values

    def _opened(self, section: KeptData) -> dict[str, Any]:
        opened = dict(section)
        try:
            opened["values"] = {
                name: {**entry, "versions": [self._open(name, version) for version in entry["versions"]]}
                for name, entry in section["values"].items()
            }
            if _has_cipher(opened):
                raise self._damaged("something other than a value is encrypted")
        except (KeyError, TypeError, AttributeError, RecursionError):
            raise self._damaged("its structure is not valid") from None
        return opened

    def _open(self, name: str, version: Mapping[str, object]) -> dict[str, Any]:
        cipher = version["value"]
        if not isinstance(cipher, Cipher):
            raise self._damaged(f"the value of {name} is not encrypted")
        if self.wanted is not None and name not in self.wanted:
            return {**version, "value": None}
        if not self.vault.secrets:
            raise ValueStoreError(
                f"{self.where} can't be decrypted: Ansible has no vault password for it.",
                "vault_password_missing",
                "Run with --ask-vault-pass, --vault-id or --vault-password-file.",
            )
        try:
            value = self.vault.decrypt(cipher.encode("ascii", "replace")).decode("utf-8", "surrogateescape")
        except (AnsibleError, ValueError, TypeError, IndexError) as error:
            if "Decryption failed" not in str(error):
                raise self._damaged(f"the value of {name} is not an Ansible Vault string") from None
            raise ValueStoreError(
                f"No vault password of this play decrypts {name} in {self.where}.",
                "vault_password_wrong",
                "Use the password that it was encrypted with, or restore the file if it is damaged.",
            ) from None
        return {**version, "value": value}

    def _closed(self, kept: Kept, before: KeptData | None) -> Any:
        """Returns the section for ``kept``. Values that were there ``before`` keep their ciphertext."""
        data: Any = kept.as_data()
        known = {
            (name, version["number"], version["mark"]): version["value"]
            for name, entry in ((before or {}).get("values") or {}).items()
            for version in entry["versions"]
        }
        for name, entry in data["values"].items():
            for version in entry["versions"]:
                cipher = known.get((name, version["number"], version["mark"]))
                mine = cipher is None or self.anew
                version["value"] = self._encrypt(version["value"]) if mine else cipher
        return data

    def _encrypt(self, value: str) -> Cipher:
        identity = self.vault_id or C.DEFAULT_VAULT_ENCRYPT_IDENTITY
        secret = None
        try:
            if self.vault.secrets:
                identity, secret = match_encrypt_secret(self.vault.secrets, encrypt_vault_id=identity)
        except AnsibleError as error:
            raise ValueStoreError(str(error), "vault_password_missing", "Use a vault identity of this play.") from None
        if secret is None:
            raise ValueStoreError(
                f"Values for {self.where} can't be encrypted: Ansible has no vault password.",
                "vault_password_missing",
                "Run with --ask-vault-pass, --vault-id or --vault-password-file.",
            )
        named = None if identity == C.DEFAULT_VAULT_IDENTITY else identity
        text = self.vault.encrypt(value.encode("utf-8", "surrogateescape"), secret, named).decode("ascii")
        header, _newline, body = text.partition("\n")
        return Cipher(header + "\n" + body.replace("\n", ""))


class VaultStore(VaultText):
    """The values of one stack in a vault file. Symbolic links are followed."""

    kind = "vault"

    def __init__(
        self,
        stack: str,
        path: str,
        vault: VaultLib,
        vault_id: str | None = None,
        wanted: Collection[str] | None = None,
        anew: bool = False,
        owner: str = "",
        clock: type[Clock] = Clock,
    ) -> None:
        super().__init__(stack, os.path.realpath(path), vault, vault_id, wanted, anew, owner)
        self.clock = clock

    def has_values(self) -> bool:
        """Whether the file has values of this stack, and not of another one with the same name.

        Decrypts nothing. Raises ValueStoreError.
        """
        section = self._section(self._split(self._content()))
        return section is not None and not is_other(_owner(self._parsed(section)), self.owner)

    def read(self) -> tuple[Kept, Any]:
        return self.opened(self._content())

    def write(self, kept: Kept, token: Any) -> None:
        folder, name = os.path.split(self.where)
        try:
            # The group may write: people who share a repository share the vault, and have its password.
            with files.opened(folder, self.where, group=True) as handle, files.only_writer(
                handle, self.clock, PATIENCE, self.where, folder
            ):
                text = self.closed(self._content(handle), kept, token)
                files.replace(name, text.encode("utf-8", "surrogateescape"), handle, keep=True)
        except OSError as error:
            raise ValueStoreError(
                f"The vault {self.where} can't be written: {error.strerror}. Nothing was changed: values that can't "
                "be stored are never used.",
                "store_unwritable",
                files.hint_for(error, "path", "store the values in the Swarm (store: swarm, encrypted: vault)"),
            ) from None

    def _content(self, folder: int | None = None) -> str:
        try:
            name = self.where if folder is None else os.path.basename(self.where)
            content = files.read(name, self.where, folder, largest=LARGEST)
        except OSError as error:
            raise ValueStoreError(
                f"The vault {self.where} can't be read: {error.strerror}.", "store_unreadable"
            ) from None
        # Invalid UTF-8 only damages one section.
        return (content or b"").decode("utf-8", "surrogateescape")


def _owner(section: KeptData) -> str:
    return str(section.get("owner") or "")


def with_vaults(
    stores: Mapping[str, VaultText], run: Callable[[dict[str, Any], bool], dict[str, Any]]
) -> dict[str, Any]:
    """Returns the result of ``run(vaults, again)``, which runs a module with the data of each vault, by slot.

    If the module returns values to store instead of a result, writes them and runs it ``again``.
    """
    from secrets import token_hex

    again = False
    made: dict[str, str] = {}
    before: dict[str, str] = {}
    for _number in range(TRIES):
        key = token_hex(32)
        found = {slot: store.read() for slot, store in stores.items()}
        sent = {slot: stores[slot].handed(*read) for slot, read in found.items()}
        result = run({**sent, "key": key, "made": made, "before": before}, again)
        made_now, before_now = result.pop("vault_made", {}), result.pop("vault_before", {})
        final, sealed = result.pop("vault_final", False), result.pop("vault_writes", None)
        if sealed is None:
            return result
        try:
            slot, data, in_place = unseal(key, sealed)
            store = stores[slot]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueStoreError(
                "The manager's answer does not contain the values to store.",
                "store_damaged",
                "Run again. No values were stored, and nothing was changed.",
            ) from None
        store.in_place = bool(in_place)
        try:
            store.write(Kept.from_data(data, store.stack, store.where), found[slot][1])
        except StoreConflict:
            if result.get("failed"):
                return _with_warning(result, f"Another run changed {store.where} at the same time.")
            continue
        except ValueStoreError as error:
            if result.get("failed"):
                return _with_warning(result, str(error))
            raise
        if final:
            return result
        again, made, before = True, made_now, before_now
    places = " and ".join(store.where for store in stores.values())
    raise ValueStoreError(f"The vault {places} was changed by others during every attempt.", hint="Run again later.")


def _with_warning(result: dict[str, Any], why: str) -> dict[str, Any]:
    """Returns a failed result with a warning that the vault has newer versions than the stack."""
    text = f"The stack was rolled back, but the earlier versions of its values could not be made current again. {why}"
    return {**result, "warnings": [*result.get("warnings", []), text]}


def _has_cipher(node: object) -> bool:
    if isinstance(node, Mapping):
        return any(_has_cipher(part) for pair in node.items() for part in pair)
    return isinstance(node, Cipher) or (isinstance(node, list) and any(_has_cipher(part) for part in node))
