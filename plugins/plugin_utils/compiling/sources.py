# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of Compose files: converts the options of a task to sources and a reader."""

from __future__ import annotations

import base64
import errno
import posixpath
import re
import stat
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import (
    forbidden,
    parts_of,
    refuse_kernel,
    refuse_outside,
)

#: The name of an inline definition in messages.
INLINE = "definition"


#: The command that prints a path's mode and size, the type of its filesystem, and its real path.
LOOK = (
    "p=$(readlink -f -- {0} || readlink -m -- {0}) && "
    'printf "%s\\n" stackwright: "$(stat -c "%f %s" -- "$p" 2>/dev/null)" "$(stat -f -c %t -- "$p" 2>/dev/null)" "$p"'
)
#: The line after which its output begins: a shell may print a banner before. A terminal adds \r.
MARK = re.compile(r"stackwright:\r?\n")
#: The types of the kernel's virtual filesystems, as ``stat -f`` prints them.
KERNEL_KINDS = frozenset(
    (
        "9fa0", "62656572", "1cd1", "64626720", "74726163", "73636673", "27e0eb", "63677270", "de5e81e4", "6165676c",
        "cafe4a11", "62656570", "19800202", "42494e4d", "6e736673",
    )
)  # fmt: skip
LONGEST = 10_000_000


class SlurpedFiles:
    """Reads files of the manager with a module of Ansible, each once.

    ``look`` returns the output of the command LOOK for a path.
    """

    def __init__(self, slurp: Callable[[str], Mapping[str, object]], look: Callable[[str], str]) -> None:
        self._slurp = slurp
        self._look = look
        self._read: Dict[str, bytes] = {}
        self._folders: Dict[str, Tuple[str, ...]] = {}

    def read(self, path: str, below: Optional[str] = None) -> bytes:
        """Returns the bytes of a file of the manager.

        :raises OSError: it does not exist, or can't be read.
        :raises FileRefused: as LocalFiles does.
        """
        if path.startswith("/"):
            refuse_kernel(parts_of(posixpath.normpath(path)))
        mode, size, kind, real = self._looked(path)
        refuse_kernel(parts_of(real))
        refuse_outside(parts_of(real), None if below is None else self._folder(below))
        if kind in KERNEL_KINDS:
            raise forbidden()
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        if mode and not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        if size > LONGEST:
            raise OSError(errno.EFBIG, f"It has {size} bytes, more than {LONGEST}", path)
        if real not in self._read:
            answer = self._slurp(real)
            if answer.get("failed"):
                raise _os_error(str(answer.get("msg", "")), path)
            self._read[real] = base64.b64decode(str(answer["content"]))
        return self._read[real]

    def _looked(self, path: str) -> Tuple[int, int, str, str]:
        """Returns mode, size, type of filesystem and real path; only the path if it doesn't exist.

        Raises FileNotFoundError if the shell can't resolve the path: links in it could lead anywhere.
        """
        output = self._look(path)
        mark = MARK.search(output)
        lines = output[mark.end() :].split("\n", 2) if mark else []
        if len(lines) < 3 or not lines[2].startswith("/"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        mode, _blank, size = lines[0].strip().partition(" ")
        return int(mode or "0", 16), int(size or 0), lines[1].strip(), lines[2].rstrip("\r\n")

    def _folder(self, path: str) -> Tuple[str, ...]:
        if path not in self._folders:
            self._folders[path] = parts_of(self._looked(path)[3])
        return self._folders[path]


def _os_error(message: str, path: str) -> OSError:
    for text, kind in (
        ("not found", FileNotFoundError),
        ("not readable", PermissionError),
        ("directory", IsADirectoryError),
    ):
        if text in message:
            return kind(f"{path}: {message}")
    return OSError(errno.EIO, message, path)


def sources_of(
    src: Optional[Sequence[str]], definition: object, directory: Optional[str], find: Callable[[str], str]
) -> Tuple[List[Source], str]:
    """Returns the sources of the options ``src`` and ``definition`` in merge order, and the base of relative paths.

    :param directory: the option ``project_directory``.
    :param find: returns the path of a file in ``src``.
    :raises ComposeError: neither ``src`` nor ``definition`` is set.
    """
    sources = [Source(path=find(path)) for path in src or ()]
    if definition is not None:
        parts = definition if isinstance(definition, list) else [definition]
        names = [INLINE] if len(parts) == 1 else [f"{INLINE}[{number}]" for number in range(len(parts))]
        sources += [Source(path=name, text=part) for name, part in zip(names, parts)]
    if not sources:
        raise ComposeError([Problem("no Compose file was given", hint="set src, definition or both", code="no_files")])
    if not directory and src:
        directory = posixpath.dirname(sources[0].path)
    return sources, directory or ""
