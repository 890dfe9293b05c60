# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of raft data on the controller: encrypted by Ansible Vault or a command, each with a manifest beside it."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import match_encrypt_secret

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

if TYPE_CHECKING:
    from ansible.parsing.vault import VaultLib

KIND, SUFFIX, MANIFEST = "swarm", ".raft", ".json"
#: The suffix of a file until it is complete.
NEW = ".new"
VAULT = "ansible-vault"
#: Seconds for the command that encrypts or decrypts.
TIMEOUT = 600


class Cipher:
    """Encrypts with ``command`` (from its stdin to its stdout), or with the play's vault password."""

    def __init__(self, vault: VaultLib, vault_id: str | None, command: str | None) -> None:
        self.vault, self.vault_id, self.command = vault, vault_id, (command or "").strip()

    @property
    def name(self) -> str:
        """The command without its arguments, which may contain a password; or ansible-vault."""
        return self.command.split()[0] if self.command else VAULT

    def encrypt(self, content: bytes) -> bytes:
        """Raises StackwrightError (``backup_not_encrypted``)."""
        if self.command:
            return self._run(content, "backup_not_encrypted")
        try:
            if not self.vault.secrets:
                raise AnsibleError("Ansible has no vault password")
            vault_id, secret = match_encrypt_secret(self.vault.secrets, self.vault_id)
            encrypted: bytes = self.vault.encrypt(content, secret, vault_id)
        except AnsibleError as error:
            raise StackwrightError(
                f"The backup can't be encrypted: {error}.",
                "backup_not_encrypted",
                "Give ansible-playbook a vault password (--vault-id), or set encrypt_command. Nothing was changed.",
            ) from None
        return encrypted

    def decrypt(self, content: bytes) -> bytes:
        """Raises StackwrightError (``backup_not_decrypted``)."""
        if self.command:
            return self._run(content, "backup_not_decrypted")
        try:
            plain: bytes = self.vault.decrypt(content)
        except AnsibleError as error:
            raise StackwrightError(
                f"The backup can't be decrypted: {error}.",
                "backup_not_decrypted",
                "Give ansible-playbook the vault password of the backup (--vault-id), or set decrypt_command.",
            ) from None
        return plain

    def _run(self, content: bytes, code: str) -> bytes:
        try:
            command = shlex.split(self.command)
            ran = subprocess.run(command, input=content, capture_output=True, timeout=TIMEOUT, check=False)
            error_text = ran.stderr.decode(errors="replace").strip()
            wrong = f"exit code {ran.returncode}: {error_text}" if ran.returncode else ""
            if not wrong and not ran.stdout:
                wrong = "it wrote nothing"
        except subprocess.TimeoutExpired:
            wrong = f"it took longer than {TIMEOUT} s"
        except (OSError, ValueError) as error:
            wrong = str(error)
        if wrong:
            raise StackwrightError(f"The command {self.name!r} failed: {wrong}.", code, "Nothing was changed.")
        return ran.stdout


def check_folder(folder: str) -> None:
    """Raises StackwrightError (``backup_unwritable``) if no backup can be written there."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        wrong = "" if os.access(folder, os.W_OK | os.X_OK) else "permission denied"
    except OSError as error:
        wrong = str(error.strerror)
    if wrong:
        raise StackwrightError(f"No backup can be written to {folder}: {wrong}.", "backup_unwritable")


def write(folder: str, facts: Mapping[str, object], archive: str, cipher: Cipher, created: str) -> dict[str, Any]:
    """Writes the backup, then its manifest. Returns the manifest with the path of the backup.

    Raises StackwrightError (``backup_not_encrypted``, ``backup_unwritable``).
    """
    content = cipher.encrypt(json.dumps({"facts": facts, "archive": archive}).encode())
    return put_both(folder, KIND, SUFFIX, content, cipher.name, {**facts, "created": created}, _text)


def put_both(
    folder: str,
    kind: str,
    suffix: str,
    content: bytes,
    encryption: str,
    facts: Mapping[str, object],
    text: Callable[[Mapping[str, object]], bytes],
) -> dict[str, Any]:
    """Writes the encrypted ``content``, then its manifest. Returns the manifest with the path of the file.

    :param facts: fields of the manifest; the files are named after ``cluster_id`` and ``created``.
    :param text: renders the manifest.
    :raises StackwrightError: ``backup_unwritable``.
    """
    stamp = str(facts["created"]).replace("-", "").replace(":", "")
    name = f"{kind}-{str(facts['cluster_id'])[:12]}-{stamp}"
    path = os.path.join(folder, name + suffix)
    manifest = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "created": facts["created"],
        "encryption": encryption,
        **facts,
    }
    try:
        _put(path, content)
        _put(os.path.join(folder, name + MANIFEST), text({"file": name + suffix, **manifest}))
    except OSError as error:
        raise StackwrightError(f"{path} can't be written: {error.strerror}.", "backup_unwritable") from None
    return {**manifest, "path": path}


def _text(manifest: Mapping[str, object]) -> bytes:
    return (json.dumps(manifest, indent=2) + "\n").encode()


def read(path: str, cipher: Cipher) -> tuple[dict[str, Any], str]:
    """Returns the facts and the archive of a backup.

    Raises StackwrightError (``damaged_backup``, ``backup_not_decrypted``).
    """
    manifest_path = path[: -len(SUFFIX)] + MANIFEST if path.endswith(SUFFIX) else path + MANIFEST
    try:
        with open(path, "rb") as source:
            content = source.read()
        with open(manifest_path, encoding="utf-8") as source:
            wanted = json.load(source)["sha256"]
    except OSError as error:
        raise StackwrightError(
            f"{error.filename} can't be read: {error.strerror}.",
            "damaged_backup",
            "A backup is a file and its manifest. A backup without a manifest is incomplete.",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise StackwrightError(f"{manifest_path} is not the manifest of a backup.", "damaged_backup") from None
    if hashlib.sha256(content).hexdigest() != wanted:
        raise StackwrightError(
            f"{path} was changed or is incomplete: its checksum differs from the manifest.",
            "damaged_backup",
            "Use another copy or another backup. Nothing was changed.",
        )
    try:
        found = json.loads(cipher.decrypt(content))
        return dict(found["facts"]), str(found["archive"])
    except (ValueError, KeyError, TypeError):
        raise StackwrightError(f"{path} is not a backup of raft data.", "damaged_backup") from None


def expired(folder: str, cluster: str, keep: int, kind: str = KIND, suffix: str = SUFFIX) -> list[str]:
    """Returns the names of a Swarm's backup files, except the newest ``keep`` backups.

    If ``keep`` is 0, only files that killed runs have left: incomplete ones, and those without a manifest, which is
    written last.
    """
    start = f"{kind}-{cluster[:12]}-"
    found = sorted(name for name in os.listdir(folder) if name.startswith(start))
    whole = [name[: -len(MANIFEST)] for name in found if name.endswith(MANIFEST)]
    kept = whole[-keep:] if keep else whole
    return [name for name in found if name.endswith((suffix, MANIFEST, NEW)) and os.path.splitext(name)[0] not in kept]


def remove_expired(folder: str, cluster: str, keep: int, kind: str = KIND, suffix: str = SUFFIX) -> list[str]:
    """Removes what ``expired`` lists, and returns it. Another run may remove the same files.

    Raises StackwrightError (``backup_unwritable``).
    """
    names = expired(folder, cluster, keep, kind, suffix)
    for name in names:
        try:
            os.unlink(os.path.join(folder, name))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StackwrightError(
                f"The new backup is complete, but the old file {os.path.join(folder, name)} can't be removed: "
                f"{error.strerror}.",
                "backup_unwritable",
                "Correct the permissions of the folder, or set keep: 0.",
            ) from None
    return names


def _put(path: str, content: bytes) -> None:
    """Writes a file atomically, with mode 0600."""
    new = f"{path}{NEW}"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    os.replace(new, path)
