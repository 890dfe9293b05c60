# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder with the snapshots of one volume: archives, a sealed description of each, and notes of unfinished runs.

An archive counts only with its description, which is written last. An altered description makes it damaged.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
from typing import IO, TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.content import (
    Content,
    blocks_of,
    damaged,
    scan,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Meta

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
FORMAT = 1


class Busy(StackwrightError):
    """Another run is using the folder."""

    default_code = "snapshot_busy"


SNAPSHOT, BEFORE = "snapshot", "before_restore"  # kinds
RESTORING, QUIESCED = ".restoring.json", ".quiesced.json"


def check_name(what: str, name: str) -> str:
    """Returns ``name``. Raises StackwrightError (``invalid_options``) if it can't be a file name."""
    if not NAME.match(name):
        raise StackwrightError(f"{name[:60]!r} is not a valid name of a {what}.", "invalid_options")
    return name


class Shelf:
    """The snapshots of ``volume`` in ``dest``/``volume``. Its methods raise OSError, see ``folder_errors``."""

    def __init__(self, dest: str, volume: str) -> None:
        self.volume = check_name("volume", volume)
        self.folder = os.path.join(dest, volume)

    def path(self, name: str, end: str = "") -> str:
        """Returns the path of a file in the folder."""
        return os.path.join(self.folder, name + end)

    def all(self, kind: str = SNAPSHOT, strict: bool = False) -> List[Meta]:
        """Returns the valid descriptions, the oldest first. ``strict`` raises StackwrightError for a damaged one."""
        found = []
        for name in os.listdir(self.folder) if os.path.isdir(self.folder) else []:
            if name.endswith(".json") and not name.startswith("."):
                try:
                    found.append(self.meta(name[:-5]))
                except StackwrightError:
                    if strict:
                        raise
        return sorted((one for one in found if one["kind"] == kind), key=lambda one: (one["taken"], one["id"]))

    def meta(self, name: str) -> Meta:
        """Returns one description. Raises StackwrightError (``no_snapshot``, ``snapshot_damaged``)."""
        found: Optional[Meta] = load(self.path(check_name("snapshot", name), ".json"))  # type: ignore[assignment]
        if found is None:
            names = ", ".join(one["id"] for one in self.all()) or "none"
            raise StackwrightError(
                f"There is no snapshot {name} of the volume {self.volume} in {self.folder}.",
                "no_snapshot",
                f"Available: {names}.",
            )
        seal = found.pop("seal", None)
        about = (found.get("format"), found.get("volume"), found.get("id"))
        if seal != _seal(found) or about != (FORMAT, self.volume, name):
            raise self._named(name, damaged("its description was altered"))
        return found

    def verify(self, meta: Meta) -> None:
        """Reads the whole archive. Raises StackwrightError (``snapshot_damaged``) if it was altered."""
        try:
            with open(self.path(meta["id"], ".tar"), "rb") as file:
                found = scan(blocks_of(file))
        except FileNotFoundError:
            raise self._named(meta["id"], damaged("its file is missing")) from None
        except StackwrightError as error:
            raise self._named(meta["id"], error) from None
        if found._asdict() != meta["content"]:
            raise self._named(meta["id"], damaged("its checksum differs"))

    def write(self, name: str, blocks: Iterable[bytes]) -> Content:
        """Writes an archive, which counts as a snapshot only after ``describe``."""
        with _new(self.path(name, ".tar")) as file:
            return scan(blocks, file)

    def describe(self, meta: Meta) -> None:
        """Writes the description of an archive, which makes it a snapshot."""
        save(self.path(meta["id"], ".json"), {**meta, "seal": _seal(meta)})

    def remove(self, name: str) -> None:
        """Removes a snapshot. Its description goes first, so an interrupted removal leaves no snapshot."""
        for end in (".json", ".tar"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(name, end))

    def sweep(self) -> None:
        """Removes incomplete files of killed runs."""
        for name in os.listdir(self.folder):
            base = name[:-4]
            if name.endswith(".new") or (name.endswith(".tar") and not os.path.exists(self.path(base, ".json"))):
                os.unlink(self.path(name))

    def retain(self, keep: int, kind: str = SNAPSHOT) -> List[str]:
        """Removes the oldest beyond ``keep`` (0 is no limit). Returns their names."""
        old = [one["id"] for one in self.all(kind)[: -keep if keep else 0]]
        for name in old:
            self.remove(name)
        return old

    def _named(self, name: str, error: StackwrightError) -> StackwrightError:
        text = f"Snapshot {name} of the volume {self.volume} ({self.path(name, '.tar')}): {error.message}"
        return StackwrightError(text, error.error_code, "Nothing was changed. Choose another snapshot.")


@contextlib.contextmanager
def opened(dest: str, volumes: Iterable[str]) -> Iterator[List[Shelf]]:
    """Locks the folder ``dest`` for this run, creates the volumes' folders, and yields their shelves.

    Raises StackwrightError (``snapshot_busy``, and as ``folder_errors``).
    """
    shelves = [Shelf(dest, volume) for volume in volumes]
    with folder_errors(dest):
        for folder in (dest, *(shelf.folder for shelf in shelves)):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        for shelf in shelves:
            os.chmod(shelf.folder, 0o700)
        handle = os.open(os.path.join(dest, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                hint = "Run again when it has ended."
                raise Busy(f"Another run is using the snapshots in {dest}.", hint=hint) from None
            for shelf in shelves:
                shelf.sweep()
            yield shelves
        finally:
            os.close(handle)


def unfinished(dest: str) -> List[str]:
    """Returns the volumes in ``dest`` with an unfinished restore."""
    names = os.listdir(dest) if os.path.isdir(dest) else []
    return sorted(name for name in names if os.path.exists(os.path.join(dest, name, RESTORING)))


@contextlib.contextmanager
def folder_errors(dest: str) -> Iterator[None]:
    """Converts OSError to StackwrightError (``disk_full``, ``snapshot_unwritable``)."""
    try:
        yield
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StackwrightError(
            f"The snapshots in {dest} can't be written: {error.strerror or error}.",
            "disk_full" if full else "snapshot_unwritable",
            f"{'Free space there' if full else 'Run the task as root'}, or choose another folder.",
        ) from None


def load(path: str) -> Optional[Dict[str, Any]]:
    """Returns the JSON object in a file; None if there is no file, {} if it has no JSON object."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(1 << 20).decode())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def save(path: str, content: Mapping[str, object]) -> None:
    """Writes a JSON object atomically, and flushes it to the disk."""
    with _new(path) as file:
        file.write(json.dumps(content, indent=1, sort_keys=True).encode())


@contextlib.contextmanager
def _new(path: str) -> Iterator[IO[bytes]]:
    new = path + ".new"
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, path)
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise


def _seal(meta: Meta) -> str:
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()
