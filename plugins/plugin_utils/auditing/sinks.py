# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The destinations of an audit's lines: a file, the system's log, an HTTP receiver."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import secrets
import syslog
import threading
import urllib.parse
import urllib.request
from typing import Any, Dict, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.chain import Head, begun, head_of, written

BLOCK = 65536  # bytes
PATIENCE = 2.0  # seconds for the receiver, at each line and at the end of the run
WAITING = 1000  # lines that may wait for the receiver


class File:
    """An append-only file of one chain, with mode 0600. Several runs may write to it at the same time.

    A second file, NAME.head, has the digest of the last line, to detect lines that were cut off the end.
    """

    def __init__(self, path: str, key: bytes = b"") -> None:
        self.path, self.key = os.path.expanduser(path), key

    def write(self, fields: Mapping[str, object]) -> str:
        """Appends a line and returns it. Raises OSError."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            head, lead = self._head(handle)
            if head is None:
                first, head = begun(secrets.token_hex(8), _when(fields), lead, self.key)
                # The last line is incomplete if its writer died, or the disk was full.
                _append(handle, ("\n" if _is_torn(handle) else "") + first + "\n")
            line, head = written(fields, head, self.key)
            _append(handle, line + "\n")
            os.fsync(handle)
            self._write_head(head)
        finally:
            os.close(handle)
        return line

    def _head(self, handle: int) -> Tuple[Any, str]:
        """Returns the end of the file's chain; or None for a new chain, with the digest of the last valid line."""
        if _is_torn(handle):
            lines = _tail(handle).split(b"\n")[:-1]
        else:
            lines = _tail(handle).rstrip(b"\n").split(b"\n")
            try:
                return head_of(lines[-1].decode()), ""
            except ValueError:
                lines.pop()
        for line in reversed(lines):
            try:
                return None, head_of(line.decode()).digest
            except ValueError:
                continue
        return None, ""

    def _write_head(self, head: Head) -> None:
        path = f"{self.path}.head"
        new = f"{path}.{os.getpid()}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as target:
            target.write(head.digest + "\n")
        os.replace(new, path)


class Syslog:
    """The system's log of this machine, facility auth."""

    def write(self, line: str) -> None:
        syslog.openlog("stackwright.swarm", 0, syslog.LOG_AUTH)
        syslog.syslog(syslog.LOG_INFO, line)


class Http:
    """A receiver that gets each line as a POST of JSON, in a thread. Only ``close`` waits for it.

    ``lost`` counts the lines that did not arrive. ``host`` names the receiver; the rest of an address may be secret.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url, self.headers, self.lost, self.reason = url, dict(headers), 0, ""
        try:
            self.host = urllib.parse.urlsplit(url).hostname or "http_url"
        except ValueError:
            self.host = "http_url"
        self._lines: queue.Queue[Any] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.lost, self.reason = self.lost + 1, "too many lines wait"

    def close(self) -> None:
        """Waits up to PATIENCE seconds for the lines that are still queued."""
        left = self._lines.qsize()
        self._end()
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self.lost, self.reason = self.lost + max(left, 1), "it does not answer"

    def _end(self) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)

    def _run(self) -> None:
        headers = {"Content-Type": "application/json", **self.headers}
        for line in iter(self._lines.get, None):
            try:
                request = urllib.request.Request(self.url, line.encode(), headers, method="POST")
                with urllib.request.build_opener(_NoRedirect).open(request, timeout=PATIENCE):
                    pass
            # A receiver may answer anything, even no HTTP. If the thread ended, all further lines would be lost.
            except Exception as error:
                # The text of other errors may contain the address, and so a password.
                text = str(error) if isinstance(error, OSError) else ""
                self.lost, self.reason = self.lost + 1, text or type(error).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: another address would get the headers, but not the line."""

    def redirect_request(self, *_given: object) -> None:
        return None


def _when(fields: Mapping[str, object]) -> Dict[str, Any]:
    return {name: fields[name] for name in ("time", "who", "controller") if name in fields}


def _append(handle: int, text: str) -> None:
    data = text.encode()
    while data:
        data = data[os.write(handle, data) :]


def _tail(handle: int) -> bytes:
    """Returns the end of the file: its last BLOCK bytes."""
    size = os.fstat(handle).st_size
    return os.pread(handle, BLOCK, max(size - BLOCK, 0))


def _is_torn(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


def key_of(path: str) -> bytes:
    """Returns the key in a file, without white space around it. Raises OSError, and ValueError for a short key."""
    with open(os.path.expanduser(path), "rb") as handle:
        key = handle.read(BLOCK).strip()
    if len(key) < 16:
        raise ValueError("a key has at least 16 characters")
    return key


def headers_of(text: str) -> Dict[str, str]:
    """Returns the HTTP headers of the option, which is a JSON object. Raises ValueError."""
    found = json.loads(text) if text else {}
    if not isinstance(found, dict):
        raise ValueError("http_headers must be a JSON object")
    return {str(name): str(value) for name, value in found.items()}
