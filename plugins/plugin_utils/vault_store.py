# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store ``vault``: a file on the controller, read and written by action plugins and lookups.

Encrypted with the play's own vault identity. Only what a run needs is decrypted: each value costs a key derivation.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, match_encrypt_secret

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept, damaged
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store, StoreConflict
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault_file import Cipher, parse, render

FILE = "stackwright_values.yml"
#: How often a module is run because others write the vault meanwhile.
TRIES = 20


def vault_path(given: str | None, inventory_dir: str | None, inventories: Collection[str], folder: str) -> str:
    """Where the vault is: ``given`` (relative to ``folder``, the playbook's), or beside the inventory.

    An inventory that is a folder is parsed whole, so that the file's place is beside that folder.
    """
    if given:
        return os.path.join(folder, os.path.expanduser(given))
    if not inventory_dir:
        return os.path.join(folder, FILE)
    here = os.path.abspath(inventory_dir)
    while any(os.path.abspath(source) == here for source in inventories) and os.path.dirname(here) != here:
        here = os.path.dirname(here)
    return os.path.join(here, FILE)


class VaultStore(Store):
    """The values of one stack in a vault file.

    :param vault: the play's VaultLib with its secrets.
    :param wanted: the names whose values are to be decrypted; None for all.
    """

    kind = "vault"

    def __init__(
        self, stack: str, path: str, vault: VaultLib, vault_id: str | None = None, wanted: Collection[str] | None = None
    ) -> None:
        self.stack, self.vault, self.vault_id, self.wanted = stack, vault, vault_id, wanted
        self.where = os.path.realpath(path)

    def has_values(self) -> bool:
        """Whether the file is there and has values of the stack. Nothing is decrypted. Raises ValueStoreError."""
        return self.stack in self._sections(self._content())

    def read(self) -> tuple[Kept, Any]:
        section = self._sections(self._content()).get(self.stack)
        if section is None:
            return Kept(self.stack), None
        return Kept.from_data(self._opened(section), self.stack, self.where), section

    def write(self, kept: Kept, token: Any) -> None:
        folder = os.path.dirname(self.where)
        try:
            os.makedirs(folder, exist_ok=True)
            with _locked(folder):
                sections = self._sections(self._content())
                if sections.get(self.stack) != token:
                    raise StoreConflict
                sections.pop(self.stack, None)
                if not kept.empty:
                    sections[self.stack] = self._closed(kept, token)
                self._replace(render(sections).encode("utf-8"))
        except OSError as error:
            raise ValueStoreError(
                f"The vault {self.where} can't be written: {error.strerror}. Nothing was changed: a value that can't "
                "be kept is never used.",
                "store_unwritable",
                "Make the file's folder writable for you, make room on the disk, or name another file (path).",
            ) from None

    # -- the file

    def _content(self) -> str:
        try:
            with open(self.where, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError:
            raise damaged(self.where, "it is no text") from None
        except OSError as error:
            raise ValueStoreError(
                f"The vault {self.where} can't be read: {error.strerror}.", "store_unreadable"
            ) from None

    def _sections(self, content: str) -> dict[str, Any]:
        if content.startswith("$ANSIBLE_VAULT"):
            raise ValueStoreError(
                f"The vault {self.where} is encrypted as a whole.",
                "store_damaged",
                "`ansible-vault decrypt` it: each value in it is encrypted by itself.",
            )
        try:
            return parse(content)
        except ValueError as error:
            raise damaged(self.where, str(error)) from None

    def _replace(self, content: bytes) -> None:
        """Whole and on the disk before it takes the old one's place; with its mode, else for the owner only."""
        new = os.path.join(os.path.dirname(self.where), f".{os.path.basename(self.where)}.new")
        mode = os.stat(self.where).st_mode & 0o777 if os.path.exists(self.where) else 0o600
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.rename(new, self.where)
        except OSError:
            os.unlink(new)
            raise

    # -- encrypted values

    def _opened(self, section: Mapping[str, Any]) -> dict[str, Any]:
        opened = dict(section)
        try:
            opened["values"] = {
                name: {**entry, "versions": [self._open(name, version) for version in entry["versions"]]}
                for name, entry in section["values"].items()
            }
        except (KeyError, TypeError, AttributeError):
            raise damaged(self.where, f"the section of {self.stack} is not what was written") from None
        return opened

    def _open(self, name: str, version: Mapping[str, Any]) -> dict[str, Any]:
        if self.wanted is not None and name not in self.wanted:
            return {**version, "value": None}
        cipher = version["value"]
        if not isinstance(cipher, Cipher):
            raise damaged(self.where, f"the value of {name} is not encrypted")
        if not self.vault.secrets:
            raise ValueStoreError(
                f"There is no vault password to read {self.where} with.",
                "vault_password_missing",
                "Run with --ask-vault-pass, --vault-id or --vault-password-file.",
            )
        try:
            value = self.vault.decrypt(cipher.encode("ascii", "replace")).decode("utf-8", "surrogateescape")
        except AnsibleError as error:
            if "Decryption failed" not in str(error):
                raise damaged(self.where, f"the value of {name} is no Ansible Vault string") from None
            raise ValueStoreError(
                f"No vault password of this play opens {name} in {self.where}.",
                "vault_password_wrong",
                "Give the password with which it was encrypted, or restore the file if it was damaged.",
            ) from None
        return {**version, "value": value}

    def _closed(self, kept: Kept, token: Any) -> dict[str, Any]:
        """The section for ``kept``: what it had before keeps its ciphertext."""
        data = kept.as_data()
        known = {
            (name, version["number"], version["mark"]): version["value"]
            for name, entry in ((token or {}).get("values") or {}).items()
            for version in entry["versions"]
        }
        for name, entry in data["values"].items():
            for version in entry["versions"]:
                cipher = known.get((name, version["number"], version["mark"]))
                version["value"] = cipher if cipher is not None else self._encrypt(version["value"])
        return data

    def _encrypt(self, value: str) -> Cipher:
        identity = self.vault_id or C.DEFAULT_VAULT_ENCRYPT_IDENTITY
        secret = None
        try:
            if self.vault.secrets:
                identity, secret = match_encrypt_secret(self.vault.secrets, encrypt_vault_id=identity)
        except AnsibleError as error:
            raise ValueStoreError(str(error), "vault_password_missing", "Name an identity of this play.") from None
        if secret is None:
            raise ValueStoreError(
                f"There is no vault password to encrypt values for {self.where} with.",
                "vault_password_missing",
                "Run with --ask-vault-pass, --vault-id or --vault-password-file.",
            )
        named = None if identity == C.DEFAULT_VAULT_IDENTITY else identity
        text = self.vault.encrypt(value.encode("utf-8", "surrogateescape"), secret, named).decode("ascii")
        header, _newline, body = text.partition("\n")
        return Cipher(header + "\n" + body.replace("\n", ""))


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Other runs on this controller wait: a lock on the folder leaves no file behind."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def with_vaults(
    stores: Mapping[str, VaultStore], run: Callable[[dict[str, Any], bool], dict[str, Any]]
) -> dict[str, Any]:
    """The result of ``run(vaults, again)``, a module's run with what it needs of each vault, by slot.

    A run that needs values kept hands them back in place of a result; they are written, and it is run ``again``.
    """
    from secrets import token_hex

    from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal

    again = False
    made: dict[str, str] = {}
    before: dict[str, str] = {}
    for _number in range(TRIES):
        key = token_hex(32)
        found = {slot: store.read() for slot, store in stores.items()}
        sent = {slot: {"kept": kept.as_data()} for slot, (kept, _token) in found.items()}
        result = run({**sent, "key": key, "made": made, "before": before}, again)
        made_now, before_now = result.pop("vault_made", {}), result.pop("vault_before", {})
        final, sealed = result.pop("vault_final", False), result.pop("vault_writes", None)
        if sealed is None:
            return result
        slot, data = unseal(key, sealed)
        store = stores[slot]
        try:
            store.write(Kept.from_data(data, store.stack, store.where), found[slot][1])
        except StoreConflict:
            if result.get("failed"):
                return _with_warning(result, f"Somebody else has changed {store.where} meanwhile.")
            continue
        except ValueStoreError as error:
            if result.get("failed"):
                return _with_warning(result, str(error))
            raise
        if final:
            return result
        again, made, before = True, made_now, before_now
    places = " and ".join(store.where for store in stores.values())
    raise ValueStoreError(f"The vault {places} is changed all the time.", hint="Run again later.")


def _with_warning(result: dict[str, Any], why: str) -> dict[str, Any]:
    """A failed result is what counts; that the vault has newer versions than the stack is said beside it."""
    told = f"The stack is as it was before, but its earlier versions could not be made the current ones again. {why}"
    return {**result, "warnings": [*result.get("warnings", []), told]}
