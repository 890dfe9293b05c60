# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files with a size limit, and replaces them atomically, in folders that other users can't write to."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from contextlib import contextmanager, suppress
from typing import Any, Iterator, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError

LARGEST = 8 << 20  # bytes; values are passwords and keys
PAUSE = 0.02  # seconds between two tries to lock
_PLAINLY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def read(
    name: str, where: str, folder: Optional[int] = None, owned: bool = False, largest: int = LARGEST
) -> Optional[bytes]:
    """Returns the content of a file, None if it does not exist.

    With ``owned``, the file must belong to root or this user, and no other user may have access. Raises OSError, and
    ValueStoreError if it is not such a file or larger than ``largest`` bytes.
    """
    try:
        handle = os.open(name, os.O_RDONLY | _PLAINLY, dir_fd=folder)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        _check(found, where, owned)
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueStoreError(
            f"The value store {where} is larger than {largest >> 20} MiB.", "store_damaged", "Restore it from a backup."
        )
    return content


@contextmanager
def opened(folder: str, where: str, group: bool = False) -> Iterator[int]:
    """Opens a folder, and creates it if it is missing. With ``group``, its group may write to it.

    Raises OSError, and ValueStoreError (``store_permissions``) if another user could replace files in it.
    """
    os.makedirs(folder, mode=0o755, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        wrong = ""
        if found.st_uid not in (0, os.geteuid()):
            wrong = f"belongs to another user (uid {found.st_uid})"
        elif found.st_mode & (0o002 if group else 0o022) and not found.st_mode & stat.S_ISVTX:
            wrong = f"can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
        if wrong:
            raise ValueStoreError(
                f"The folder of the value store {where} {wrong}: they could replace the values. Nothing was changed.",
                "store_permissions",
                f"`chown {os.geteuid()} {folder}; chmod go-w {folder}`, or name another folder (path) or store: swarm.",
            )
        yield handle
    finally:
        os.close(handle)


@contextmanager
def only_writer(lock: Any, clock: Clock, patience: float, where: str, held: str) -> Iterator[None]:
    """Locks out other writers. ``lock`` is an open file or folder, ``held`` its path, ``patience`` in seconds.

    Raises ValueStoreError (``store_locked``).
    """
    deadline = clock.now() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if clock.now() > deadline:
                raise ValueStoreError(
                    f"The value store {where} has been locked by another run for {patience:.0f} seconds.",
                    "store_locked",
                    f"End that run; it holds {held} (`fuser -v {held}` names it).",
                ) from None
        clock.sleep(PAUSE)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


@contextmanager
def lock_file(path: str, folder: int, wait: Tuple[Clock, float, str, str]) -> Iterator[None]:
    """Enters ``only_writer`` with a file in ``folder`` that only root and this user can open.

    ``wait`` are the other arguments of ``only_writer``.
    """
    handle = os.open(os.path.basename(path), os.O_RDWR | os.O_CREAT | _PLAINLY, 0o600, dir_fd=folder)
    try:
        _check(os.fstat(handle), path, owned=True)
        with only_writer(handle, *wait):
            yield
    finally:
        os.close(handle)


def replace(name: str, content: bytes, folder: int, keep: bool = False, mode: int = 0o600) -> None:
    """Replaces a file atomically, after its content is on the disk. Allows only one writer at a time.

    It gets ``mode``, or with ``keep`` the mode and owner of the old file. Raises OSError, and leaves the old file then.
    """
    new = f".{name}.{os.urandom(8).hex()}.new"
    before = None
    if keep:
        with suppress(FileNotFoundError):
            before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    # Remove the files of killed runs.
    for other in os.listdir(folder):
        if re.match(re.escape(f".{name}.") + r"[0-9a-f]{16}\.new\Z", other):
            with suppress(OSError):
                os.unlink(other, dir_fd=folder)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        try:
            os.fchmod(handle, mode if before is None else _owned_like(handle, before))
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise
    sync(folder)


def remove(name: str, folder: int) -> None:
    """Removes a file, if it exists."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
    sync(folder)


def sync(folder: int) -> None:
    """Writes the folder's entries to the disk. Ignores file systems that can't do this."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def hint_for(error: OSError, option: str, otherwise: str) -> str:
    """Returns what to do if a store can't be written. ``option`` sets its place, ``otherwise`` is another solution."""
    denied = "root can't write there either: check for an immutable file, a network share or SELinux."
    if os.geteuid():
        denied = "Run the task as root (become: true), or make it writable for this user."
    hints = {
        errno.EACCES: denied,
        errno.EPERM: denied,
        errno.ENOSPC: "Free some disk space.",
        errno.EDQUOT: "Free some disk space.",
        errno.EFBIG: "Raise the file size limit.",
        errno.EROFS: "Mount the file system read-write.",
        errno.EBUSY: "The file itself is a mount point: mount its folder instead.",
    }
    first = hints.get(error.errno or 0, "")
    return f"{first} Or set another location ({option}), or {otherwise}.".strip()


def _owned_like(handle: int, before: os.stat_result) -> int:
    """Gives the file the owner and group of ``before`` as far as permitted; returns the mode for it."""
    mode = stat.S_IMODE(before.st_mode) & 0o777
    for uid in (before.st_uid, -1):
        try:
            os.fchown(handle, uid, before.st_gid)
            return mode
        except PermissionError:
            continue
    # The file has our group now, so the rights of the old group don't apply.
    return mode & ~0o070


def _check(found: os.stat_result, where: str, owned: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ValueStoreError(
            f"The value store {where} is not a file.", "store_unreadable", "Move the existing object away."
        )
    if not owned:
        return
    if found.st_uid not in (0, os.geteuid()):
        raise ValueStoreError(
            f"The value store {where} belongs to another user (uid {found.st_uid}).",
            "store_permissions",
            "If its values can be trusted, chown it to root. Otherwise remove it and regenerate the values.",
        )
    if found.st_mode & 0o077:
        raise ValueStoreError(
            f"The value store {where} is open to others (mode {stat.S_IMODE(found.st_mode):04o}, expected 0600).",
            "store_permissions",
            f"`chmod 600 {where}`, and regenerate the values if others may have read them.",
        )
