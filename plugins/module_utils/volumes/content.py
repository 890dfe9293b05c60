# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of a volume's content from its tar stream, independent of the stream's creator and time."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import IO, Iterable, Iterator, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

#: The mount point of volumes in our containers, so the first part of each name in an archive.
ROOT = "stackwright-volume"
BLOCK = 1 << 20  # bytes
XATTR = "SCHILY.xattr."


class Content(NamedTuple):
    """``digest`` covers all entries: owners, modes, times of files, bytes. ``size`` is that of all files in bytes.
    ``sha256`` and ``length`` (bytes) are those of the stream itself."""

    digest: str
    entries: int
    size: int
    sha256: str
    length: int


def scan(blocks: Iterable[bytes], sink: Optional[IO[bytes]] = None) -> Content:
    """Reads a whole stream, and writes it to ``sink``. Raises StackwrightError (``snapshot_damaged``) if it is not a
    complete tar stream of a volume, and the errors of ``blocks`` and ``sink``."""
    stream = _Stream(iter(blocks), sink)
    digest, entries, size = hashlib.sha256(), 0, 0
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK) as tar:  # type: ignore[call-overload]
            for entry in tar:
                digest.update(_line(tar, entry))
                entries += 1
                size += entry.size if entry.isreg() else 0
                tar.members = []  # else each entry would stay in memory
    # int() raises OverflowError for an endless time in a pax header.
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise damaged(f"it is not a valid tar archive ({error})") from None
    while stream.read(BLOCK):
        pass
    if stream.tail.strip(b"\0") or len(stream.tail) < 1024 or not entries:
        raise damaged("it ends too early")
    return Content(digest.hexdigest(), entries, size, stream.sha256.hexdigest(), stream.length)


def damaged(why: str) -> StackwrightError:
    """Returns the error for a damaged archive."""
    return StackwrightError(f"The archive is damaged: {why}.", "snapshot_damaged")


def blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yields the content of an open file in blocks."""
    return iter(lambda: file.read(BLOCK), b"")


class _Stream:
    """A forward-only file over blocks."""

    def __init__(self, blocks: Iterator[bytes], sink: Optional[IO[bytes]]) -> None:
        self._blocks, self._sink, self._rest = blocks, sink, b""
        self.sha256, self.length, self.tail = hashlib.sha256(), 0, b""

    def read(self, most: int) -> bytes:
        if not self._rest:
            self._rest = next(self._blocks, b"")
            self.sha256.update(self._rest)
            self.length += len(self._rest)
            self.tail = (self.tail + self._rest[-1024:])[-1024:]
            if self._sink is not None:
                self._sink.write(self._rest)
        given, self._rest = self._rest[:most], self._rest[most:]
        return given


def _line(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    parts = entry.name.split("/")
    if parts[0] != ROOT or ".." in parts or (entry.islnk() and entry.linkname.split("/")[0] != ROOT):
        raise ValueError(f"the entry {entry.name[:100]!r} is outside of the volume")
    content = hashlib.sha256()
    if entry.isreg():
        for block in blocks_of(tar.extractfile(entry) or io.BytesIO()):
            content.update(block)
    extra = {name: value for name, value in entry.pax_headers.items() if name.startswith(XATTR)}
    # A pid file changes the time of its folder.
    time = int(entry.mtime) if entry.isreg() else 0
    owner = [entry.mode & 0o7777, entry.uid, entry.gid, time]
    device = [entry.devmajor, entry.devminor] if entry.isdev() and not entry.isfifo() else []
    fields = ["/".join(parts[1:]), entry.type.decode(), owner, entry.linkname, device, sorted(extra.items())]
    return json.dumps([*fields, content.hexdigest()]).encode() + b"\n"
