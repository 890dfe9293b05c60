# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One digest of the content of a volume's tar stream, independent of who packed it and when."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import IO, Iterable, Iterator, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

#: Where volumes are mounted in containers of ours, and so the first part of each name in an archive.
ROOT = "stackwright-volume"
BLOCK = 1 << 20  # bytes
XATTR = "SCHILY.xattr."


class Content(NamedTuple):
    """``digest`` is of all entries, their owners, modes, times of files, and bytes. ``size`` is in bytes, of the files.
    ``sha256`` and ``length`` (bytes) are those of the stream itself."""

    digest: str
    entries: int
    size: int
    sha256: str
    length: int


def scan(blocks: Iterable[bytes], sink: Optional[IO[bytes]] = None) -> Content:
    """Reads a whole stream, and writes it to ``sink``. Raises StackwrightError (``snapshot_damaged``) where it is no
    complete tar stream of a volume, and what ``blocks`` and ``sink`` raise."""
    stream = _Stream(iter(blocks), sink)
    digest, entries, size = hashlib.sha256(), 0, 0
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK) as tar:  # type: ignore[call-overload]
            for entry in tar:
                digest.update(_line(tar, entry))
                entries += 1
                size += entry.size if entry.isreg() else 0
                tar.members = []  # or each entry would stay in memory
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise damaged(f"it is not a valid tar archive ({error})") from None
    while stream.read(BLOCK):
        pass
    if stream.tail.strip(b"\0") or len(stream.tail) < 1024 or not entries:
        raise damaged("it ends too early")
    return Content(digest.hexdigest(), entries, size, stream.sha256.hexdigest(), stream.length)


def damaged(why: str) -> StackwrightError:
    """The error for an archive that can't be used."""
    return StackwrightError(f"The archive is damaged: {why}.", "snapshot_damaged")


def blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    """The content of an open file."""
    return iter(lambda: file.read(BLOCK), b"")


class _Stream:
    """Blocks as a file that can only be read forward."""

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
    # The time of a folder changes with a pid file in it.
    time = int(entry.mtime) if entry.isreg() else 0
    owner = [entry.mode & 0o7777, entry.uid, entry.gid, time]
    device = [entry.devmajor, entry.devminor] if entry.isdev() and not entry.isfifo() else []
    said = ["/".join(parts[1:]), entry.type.decode(), owner, entry.linkname, device, sorted(extra.items())]
    return json.dumps([*said, content.hexdigest()]).encode() + b"\n"
