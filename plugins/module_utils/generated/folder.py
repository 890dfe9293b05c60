# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of generated files on the target: reads it in one call and changes it in one call, never through links.

It opens each folder of a path without following links, so that no other user can redirect a write.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import hashlib
import os
import stat
import zlib
from contextlib import contextmanager, suppress
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.files import replace

#: The largest file in bytes, and the most files.
LARGEST, MOST = 8_000_000, 2000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ENDS = (".yml", ".yaml")


class FolderError(StackwrightError):
    """The destination can't be read or written."""

    default_code = "dest_unusable"


def packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 1)).decode("ascii")


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def read_sources(paths: Collection[str]) -> List[Dict[str, str]]:
    """Returns the files at ``paths``: each with ``path``, and ``data`` (packed) or ``problem`` and ``code``."""
    return [{"path": path, **_source(path)} for path in paths]


def _source(path: str) -> Dict[str, str]:
    try:
        # A link is followed: the user named it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_ISDIR(found.st_mode):
                return {"problem": "is a directory", "code": "file_unreadable"}
            if not stat.S_ISREG(found.st_mode):
                return {"problem": "is not a regular file", "code": "file_unreadable"}
            if found.st_size > LARGEST:
                return {"problem": f"has {found.st_size} bytes, more than {LARGEST}", "code": "too_large"}
            return {"data": packed(file.read(LARGEST + 1))}
    except FileNotFoundError:
        return {"problem": "does not exist", "code": "file_missing"}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not valid"
        return {"problem": f"can't be read: {reason}", "code": "file_unreadable"}


def look(dest: str, folder: str, names: Collection[str]) -> Dict[str, Any]:
    """Returns ``files`` (packed, by path) in ``dest``: those in ``names``, and the YAML files below ``folder``.

    ``odd`` has the paths that are not regular files or lead through a link, with the reason.

    :raises FolderError: ``dest`` can't be used at all.
    """
    found: Dict[str, Any] = {"files": {}, "odd": {}}
    try:
        root = os.open(dest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        _check_parent(dest)
        return found
    except OSError as error:
        raise _refused(dest, error) from None
    try:
        if not os.access(dest, os.W_OK | os.X_OK):
            raise FolderError(f"The destination {dest} is not writable.", hint=_denied())
        for path in sorted({*names, *(_below(root, folder, found["odd"]) if folder else ())}):
            _add(root, path, found)
    finally:
        os.close(root)
    return found


def _check_parent(dest: str) -> None:
    parent = os.path.dirname(os.path.abspath(dest))
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise FolderError(
            f"The destination {dest} can't be made: {parent} is not a directory.", hint="Choose another dest."
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise FolderError(f"The destination {dest} can't be made: {parent} is not writable.", hint=_denied())


def _denied() -> str:
    return "Run the task as a user who may write there (become), or choose another dest."


def _refused(dest: str, error: OSError) -> FolderError:
    if error.errno == errno.ENOTDIR:
        return FolderError(
            f"The destination {dest} is not a directory.", hint="Choose a directory, or one that is not there yet."
        )
    return FolderError(f"The destination {dest} can't be used: {error.strerror}.", hint=_denied())


def _below(root: int, folder: str, odd: Dict[str, str]) -> Iterator[str]:
    waiting, count = [folder], 0
    while waiting:
        place = waiting.pop()
        try:
            with _opened(root, place.split("/")) as handle:
                entries = sorted(os.listdir(handle))
                kinds = {name: os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode for name in entries}
        except FileNotFoundError:
            continue
        except OSError:
            odd[place] = "leads through a link or a file"
            continue
        for name, mode in kinds.items():
            path = f"{place}/{name}"
            if stat.S_ISDIR(mode):
                waiting.append(path)
            elif stat.S_ISLNK(mode):
                odd[path] = "leads through a link or a file"
            elif name.endswith(_ENDS) and count < MOST:
                count += 1
                yield path


def _add(root: int, path: str, found: Dict[str, Any]) -> None:
    parts = path.split("/")
    try:
        with _opened(root, parts[:-1]) as handle:
            content = _read(parts[-1], handle)
    except FileNotFoundError:
        return
    except OSError as error:
        linked = error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)
        found["odd"][path] = "leads through a link or a file" if linked else f"can't be read: {error.strerror}"
        return
    if content is None:
        found["odd"][path] = "is not a regular file, or is too large"
    else:
        found["files"][path] = packed(content)


def _read(name: str, folder: int) -> Optional[bytes]:
    with os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            return None
        return file.read(LARGEST + 1)


@contextmanager
def _opened(root: int, parts: Collection[str], make: bool = False) -> Iterator[int]:
    """Opens the folder at ``parts`` below ``root``. Raises OSError, also for a link in the path."""
    handle = os.dup(root)
    try:
        for part in parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o777, dir_fd=handle)
            below = os.open(part, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def digest(content: Optional[bytes]) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def write(
    dest: str,
    files: Mapping[str, str],
    remove: Collection[str],
    seen: Mapping[str, str],
    private: Collection[str] = (),
) -> Tuple[List[str], List[str]]:
    """Writes ``files`` (packed, by path) in order, then removes; returns the written and the removed paths.

    ``seen`` has the digest of each path's earlier content; nothing is written if one differs.
    ``private`` are paths that only the owner may read if they are new.

    :raises FolderError: its ``details`` have the written and removed paths.
    """
    written: List[str] = []
    removed: List[str] = []
    path = ""
    try:
        os.makedirs(dest, exist_ok=True)
        root = os.open(dest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Two hosts of a play may write the same files: the second one must find those of the first. On a file
            # system without locks, write all the same.
            with suppress(OSError):
                fcntl.flock(root, fcntl.LOCK_EX)
            for path in (*files, *remove):
                _check_seen(root, path, seen.get(path, ""))
            mask = os.umask(0)
            os.umask(mask)
            for path, content in files.items():
                parts = path.split("/")
                with _opened(root, parts[:-1], make=True) as folder:
                    replace(
                        parts[-1],
                        unpacked(content),
                        folder,
                        keep=True,
                        mode=0o600 if path in private else 0o666 & ~mask,
                    )
                written.append(path)
            for path in remove:
                _remove(root, path.split("/"))
                removed.append(path)
        finally:
            os.close(root)
    except OSError as error:
        done = {"changed": bool(written or removed), "written": written, "removed": removed}
        hint = "The next run writes the remaining files."
        message = f"The file {path or '.'} of {dest} can't be written: {error.strerror}."
        raise FolderError(message, "dest_unusable", hint, done) from None
    return written, removed


def _check_seen(root: int, path: str, before: str) -> None:
    parts = path.split("/")
    try:
        with _opened(root, parts[:-1]) as folder:
            content = _read(parts[-1], folder)
    except FileNotFoundError:
        content = None
    if digest(content) != before:
        hint = "Run the task again."
        raise FolderError(f"The file {path} was changed by another process during the run.", "conflict", hint)


def _remove(root: int, parts: List[str]) -> None:
    """Removes a file, and the folders that become empty."""
    with _opened(root, parts[:-1]) as folder, suppress(FileNotFoundError):
        os.unlink(parts[-1], dir_fd=folder)
    for end in range(len(parts) - 1, 0, -1):
        with suppress(OSError), _opened(root, parts[: end - 1]) as folder:
            os.rmdir(parts[end - 1], dir_fd=folder)
