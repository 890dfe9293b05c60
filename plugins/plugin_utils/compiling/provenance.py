# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a deployment, for its revision: the Compose files with their hashes, and their git commit."""

from __future__ import annotations

import base64
import hashlib
import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN, masked_text

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired


#: The most files that are recorded, and the most bytes of their text.
MOST_FILES, MOST_TEXT = 100, 1_000_000
#: The least length of a secret, and of a line of one: shorter ones can't be distinguished from other text.
SHORTEST, SHORTEST_LINE = 3, 8
LONGEST_REFS = 20_000_000  # bytes
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


def provenance(
    opened: Sequence[tuple[str, bytes]], desired: Desired, directory: str, keep_files: bool
) -> dict[str, Any]:
    """Returns ``files`` (path, sha256, with ``keep_files`` also text) of the Compose files ``opened``, in order.

    Paths are relative to ``directory``, that of the project. The text is from before interpolation, and without the
    values that a revision of ``desired`` hides. Env files and files of secrets are left out, because the value of a
    short one could be guessed from its hash.
    """
    files: list[dict[str, Any]] = []
    left = MOST_TEXT
    hidden = sorted(set(_secrets(desired)), key=len, reverse=True) if keep_files else []
    for path, content in list(dict(opened).items())[:MOST_FILES]:
        entry = {"path": _short(path, directory), "sha256": hashlib.sha256(content).hexdigest()}
        if keep_files and len(content) <= left:
            left -= len(content)
            entry["text"] = without(content.decode("utf-8", "replace"), hidden)
        files.append(entry)
    return {"files": files} if files else {}


def without(text: str, secrets: Sequence[str]) -> str:
    """Returns ``text`` without ``secrets``, and with texts masked that look like a secret."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return masked_text(text)


def commit_of(folder: str) -> dict[str, str]:
    """Returns the checked-out commit of ``folder`` (``id``, ``branch``), or {} if it is in no repository.

    Only reads git's files: git itself would run commands that the repository configures.
    """
    where = os.path.realpath(folder or ".")
    try:
        while not os.path.lexists(os.path.join(where, ".git")):
            if where == os.path.dirname(where):
                return {}
            where = os.path.dirname(where)
        git = os.path.join(where, ".git")
        if os.path.isfile(git):  # a worktree, or a submodule
            git = os.path.join(where, _read(git).partition("gitdir:")[2].strip())
        head = _read(os.path.join(git, "HEAD")).strip()
        name = head.partition("ref:")[2].strip()
        found = _of_ref(git, name) if name else head
    except (OSError, ValueError):
        return {}
    branch = name[len("refs/heads/") :] if name.startswith("refs/heads/") else ""
    return {"id": found, "branch": branch} if COMMIT.match(found) else {}


def _of_ref(git: str, name: str) -> str:
    common = os.path.join(git, "commondir")
    folders = [git, *([os.path.join(git, _read(common).strip())] if os.path.isfile(common) else [])]
    for folder in folders:
        path = os.path.join(folder, *name.split("/"))
        if ".." not in name.split("/") and os.path.isfile(path):
            return _read(path).strip()
    for folder in folders:
        packed = os.path.join(folder, "packed-refs")
        for line in _read(packed).splitlines() if os.path.isfile(packed) else ():
            if line.endswith(" " + name):
                return line.partition(" ")[0]
    return ""


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(LONGEST_REFS).decode("utf-8", "replace")


def _short(path: str, directory: str) -> str:
    """Returns ``path`` relative to its project, or unchanged if it is elsewhere."""
    below = posixpath.relpath(path, directory) if directory and posixpath.isabs(path) else path
    return path if below.startswith("../../") else below


def _secrets(desired: Desired) -> Iterator[str]:
    """Yields the texts that a revision hides: contents of secrets, and texts in a specification that look like one."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import hidden_values

    for entry in desired["secrets"]:
        content = base64.b64decode(entry.get("data") or "").decode("utf-8", "replace").strip()
        yield from (part for part in (content,) if len(part) >= SHORTEST)
        yield from (part for part in content.splitlines() if len(part.strip()) >= SHORTEST_LINE)
    for value in desired.get("values") or ():
        if value.get("sensitive") and len(str(value.get("given") or "")) >= SHORTEST:
            yield str(value["given"])
    for kind, entries in (
        ("network", desired["networks"]),
        ("config", desired["configs"]),
        ("secret", desired["secrets"]),
        ("service", desired["services"]),
    ):
        for entry in entries:
            for value in hidden_values(kind, entry.get("spec") or {}):
                yield from (part for part in _texts(value) if len(part) >= SHORTEST and "\0" not in part)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
