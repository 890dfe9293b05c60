# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store ``host_facts``: a file of facts on the manager, which Ansible shows under ``ansible_local``."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from contextlib import contextmanager
from typing import Any, Iterator, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept, damaged
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store, StoreConflict

FOLDER = "/etc/ansible/facts.d"
#: Before the stack's name, as the name of the fact.
FACT = "stackwright_"
PATIENCE, PAUSE = 30.0, 0.02  # seconds to wait for another writer, and between looks


class HostFacts(Store):
    """One file for each stack, readable by its owner only. ``clock`` has ``now()`` and ``sleep(seconds)``."""

    kind = "host_facts"

    def __init__(self, stack: str, clock: Any, folder: str = "") -> None:
        self.stack, self.clock = stack, clock
        self.folder = folder or FOLDER
        self.where = os.path.join(self.folder, f"{FACT}{stack}.fact")
        self._lock = os.path.join(self.folder, f".{FACT}{stack}.lock")
        self._new = os.path.join(self.folder, f".{FACT}{stack}.new")

    def read(self) -> Tuple[Kept, Any]:
        content = self._content()
        if content is None:
            return Kept(self.stack), None
        try:
            data = json.loads(content.decode("utf-8"))
        except ValueError:
            why = "it is no JSON" if content.strip() else "it is empty"
            raise damaged(self.where, why) from None
        return Kept.from_data(data, self.stack, self.where), content

    def write(self, kept: Kept, token: Any) -> None:
        content = json.dumps(kept.as_data(), indent=1, sort_keys=True).encode() + b"\n"
        try:
            os.makedirs(self.folder, mode=0o755, exist_ok=True)
            with self._locked():
                if self._content() != token:
                    raise StoreConflict
                if kept.empty:
                    self._remove()
                else:
                    self._replace(content)
        except OSError as error:
            raise _unwritable(error, self.where) from None

    def _content(self) -> Optional[bytes]:
        try:
            handle = os.open(self.where, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(error, self.where) from None
        try:
            _check(os.fstat(handle), self.where)
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read()
        except OSError as error:
            raise _unreadable(error, self.where) from None
        finally:
            os.close(handle)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            deadline = self.clock.now() + PATIENCE
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if self.clock.now() > deadline:
                        raise ValueStoreError(
                            f"The value store {self.where} is being written by another run for {PATIENCE:.0f} seconds.",
                            "store_locked",
                            f"End that run; it holds {self._lock}.",
                        ) from None
                self.clock.sleep(PAUSE)
            yield
        finally:
            os.close(handle)

    def _replace(self, content: bytes) -> None:
        """Whole and on the disk before it takes the old one's place."""
        handle = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                os.fchmod(handle, 0o600)
                rest = memoryview(content)
                while rest:
                    rest = rest[os.write(handle, rest) :]
                os.fsync(handle)
            finally:
                os.close(handle)
            os.rename(self._new, self.where)
        except OSError:
            os.unlink(self._new)
            raise
        self._sync()

    def _remove(self) -> None:
        try:
            os.unlink(self.where)
        except FileNotFoundError:
            return
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _check(found: os.stat_result, where: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ValueStoreError(f"The value store {where} is no file.", "store_unreadable", "Move away what is there.")
    if found.st_uid not in (0, os.geteuid()):
        raise ValueStoreError(
            f"The value store {where} belongs to another user (uid {found.st_uid}).",
            "store_permissions",
            "If its values can be trusted: chown it to root. Else remove it, and regenerate the values.",
        )
    if found.st_mode & 0o077:
        raise ValueStoreError(
            f"The value store {where} is open to others (mode {stat.S_IMODE(found.st_mode):04o}, 0600 is right).",
            "store_permissions",
            f"`chmod 600 {where}`, and regenerate the values if somebody may have read them.",
        )


def _unreadable(error: OSError, where: str) -> ValueStoreError:
    hint = "Run the task as root (become: true)." if error.errno in (errno.EACCES, errno.EPERM) else ""
    if error.errno == errno.ELOOP:
        return ValueStoreError(
            f"The value store {where} is a symbolic link.", "store_permissions", "Put the file there."
        )
    return ValueStoreError(f"The value store {where} can't be read: {error.strerror}.", "store_unreadable", hint)


def _unwritable(error: OSError, where: str) -> ValueStoreError:
    hints = {
        errno.EACCES: "Run the task as root (become: true).",
        errno.EPERM: "Run the task as root (become: true).",
        errno.ENOSPC: "Make room on the disk.",
        errno.EDQUOT: "Make room on the disk.",
        errno.EFBIG: "Raise the limit for the size of files.",
        errno.EROFS: "Mount the file system for writing, or name another folder (values.path) or store.",
    }
    hint = hints.get(error.errno or 0, "")
    return ValueStoreError(
        f"The value store {where} can't be written: {error.strerror}. Nothing was changed: a value that can't be kept "
        "is never used.",
        "store_unwritable",
        hint,
    )
