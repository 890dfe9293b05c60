# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Compose files come from: the options of a task turned into sources and a reader."""

from __future__ import annotations

import base64
import posixpath
from typing import Any, Callable, Dict, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load import Source

#: What an inline definition is called in messages.
INLINE = "definition"


class SlurpedFiles:
    """Reads files of the manager through a module of Ansible's, each once."""

    def __init__(self, slurp: Callable[[str], Mapping[str, Any]]) -> None:
        self._slurp = slurp
        self._read: Dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        """The bytes of a file of the manager.

        :raises OSError: it is not there, or can't be read.
        """
        if path not in self._read:
            answer = self._slurp(path)
            if answer.get("failed"):
                raise _os_error(str(answer.get("msg", "")), path)
            self._read[path] = base64.b64decode(answer["content"])
        return self._read[path]


def _os_error(message: str, path: str) -> OSError:
    for text, kind in (
        ("not found", FileNotFoundError),
        ("not readable", PermissionError),
        ("directory", IsADirectoryError),
    ):
        if text in message:
            return kind(f"{path}: {message}")
    return OSError(f"{path}: {message}")


def sources_of(options: Mapping[str, Any], find: Callable[[str], str]) -> Tuple[List[Source], str]:
    """The sources that the options name, in the order of their merging, and the folder that relative paths mean.

    :param options: the validated options ``src``, ``definition``, ``project_directory``, ``remote_src``.
    :param find: the path of a file of the controller for the text in ``src``.
    :raises ComposeError: neither ``src`` nor ``definition`` is given.
    """
    sources = [Source(path=path if options["remote_src"] else find(path)) for path in options["src"] or []]
    definition = options["definition"]
    if definition is not None:
        parts = definition if isinstance(definition, list) else [definition]
        names = [INLINE] if len(parts) == 1 else [f"{INLINE}[{number}]" for number in range(len(parts))]
        sources += [Source(path=name, text=part) for name, part in zip(names, parts)]
    if not sources:
        raise ComposeError(
            [Problem("no Compose file is given", hint="give src, or definition, or both", code="no_files")],
        )
    directory = options["project_directory"]
    if not directory and options["src"]:
        directory = posixpath.dirname(sources[0].path)
    return sources, directory or ""
