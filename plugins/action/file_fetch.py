# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches a large file in parts. ``ansible.builtin.fetch`` with become reads it into the memory of both hosts."""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import contextmanager
from shlex import quote
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, Iterator

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import FETCH, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

MIB = 1024 * 1024
#: Marks the begin and the end of a part that a host sends. Base64 does not have its characters.
MARK = "<-->"


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(FETCH)
            check_ranges(options)
            result.update(
                self._fetched(options["src"], self._loader.path_dwim(options["dest"]), options["part_size"] * MIB)
            )
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result

    def _fetched(self, src: str, dest: str, most: int) -> Dict[str, object]:
        """Returns the task's result. Raises StackwrightError (``file_changed``, ``file_not_written``, as ``_stat``)."""
        try:
            here = _sha256(dest) if os.path.exists(dest) else ""
            before = self._stat(src, bool(here))
            differs = not here or before["checksum"] != here
            if differs and not self._task.check_mode:
                with _replaced(dest) as (part, sink), self._hidden():
                    if self._connection.become:
                        self._fetch_parts(before["path"], sink, before["size"], most)
                    else:
                        # It takes no memory, and is faster.
                        self._connection.fetch_file(before["path"], part)
                    sink.flush()
                    after = self._stat(src, False)
                    same = all(after[key] == before[key] for key in ("size", "mtime", "inode"))
                    if not same or os.stat(part).st_size != after["size"]:
                        raise _changed(src)
        except OSError as error:
            hint = "Correct the cause on the controller, and run it again."
            raise StackwrightError(f"{dest} can't be written: {error.strerror}.", "file_not_written", hint) from None
        return {"changed": differs, "dest": dest, "size": before["size"]}

    def _stat(self, src: str, digest: bool) -> Dict[str, Any]:
        """Returns ``path``, ``size`` (bytes), ``mtime``, ``inode`` of the file; with ``digest`` its ``checksum``.

        :raises StackwrightError: ``file_missing``, ``file_unreadable``.
        """
        wanted = {"get_checksum": digest, "checksum_algorithm": "sha256", "get_mime": False, "get_attributes": False}
        options = {"path": src, "follow": True, **wanted}
        answer = self._execute_module("ansible.legacy.stat", options, task_vars=self._variables)
        if answer.get("failed"):
            raise StackwrightError(f"The host can't read {src}: {answer.get('msg')}", "file_unreadable", "")
        found = answer["stat"]
        if not found["exists"] or not found["isreg"]:
            why = "is not a file" if found["exists"] else "does not exist"
            raise StackwrightError(f"{src} {why} on the host.", "file_missing", "Correct src.")
        if not found.get("readable", True):
            raise StackwrightError(f"The user of the task can't read {src}.", "file_unreadable", "Set become: true.")
        return {"checksum": "", **found}

    def _fetch_parts(self, src: str, sink: BinaryIO, size: int, most: int) -> None:
        """Writes the file to ``sink``, ``most`` bytes at a time.

        :raises StackwrightError: ``file_unreadable``; ``file_changed``: the file is shorter now.
        """
        for number in range(-(-size // most)):
            read = f"dd if={quote(src)} bs={most} skip={number} count=1 2>/dev/null | base64"
            # Not a module: for those, Ansible's time grows with the square of a command's output.
            answer = self._low_level_execute_command(f"echo; echo '{MARK}'; {read}; echo '{MARK}'", sudoable=True)
            # Shells and sudo may print more, and a terminal has other line endings.
            try:
                content = base64.b64decode((answer["stdout"].split(MARK) + ["", ""])[1])
            except ValueError:  # the connection has cut the part
                content = b""
            if len(content) != min(most, size - number * most):
                if content or answer["rc"] == 0:
                    raise _changed(src)
                raise StackwrightError(f"The host can't read {src}: {answer['stderr'].strip()}", "file_unreadable")
            sink.write(content)

    @contextmanager
    def _hidden(self) -> Iterator[None]:
        """Hides the answers of the host: with ``-vvv``, the connection would show them."""
        shown = self._connection._play_context
        before, shown.no_log = shown.no_log, True
        try:
            yield
        finally:
            shown.no_log = before


def _changed(src: str) -> StackwrightError:
    return StackwrightError(f"{src} changed while it was fetched.", "file_changed", "Run it again.")


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        while block := source.read(MIB):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _replaced(dest: str) -> Iterator[tuple[str, BinaryIO]]:
    """Opens a new file beside ``dest``, for this user only. It replaces ``dest``; after an error, it is removed."""
    os.makedirs(os.path.dirname(dest) or ".", mode=0o700, exist_ok=True)
    part = f"{dest}.part"
    with open(part, "wb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o600)) as sink:
        try:
            os.fchmod(sink.fileno(), 0o600)
            yield part, sink
            os.replace(part, dest)
        except BaseException:
            os.remove(part)
            raise
