# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers the last run of a stack without changes, or the last check of its proxy, in a file on the target.

The file has digests (trace.py) and the result as it was shown. It is a cache: without it, a run reads everything.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import Any, Dict, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core import files
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import Map, Obj, wrong
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.trace import are_unchanged

LARGEST = 4 << 20  # bytes
CALL = Obj(path_=str, query_=Obj(), digest_=str)
SHAPE = Obj(request_=str, calls_=[CALL], files_=Map(str), result_=Obj())


class Remembered:
    """The file of one run of one stack (``key``). ``request`` is the digest of the run's inputs."""

    def __init__(self, root: str, key: str, request: str = "") -> None:
        self._folder, self._request = root, request
        self._name = f"seen-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def result(self, client: object) -> Optional[Dict[str, Any]]:
        """Returns the result if a run with this request would return it again, else None."""
        found = self._read()
        if not found or found["request"] != self._request or not _is_unchanged(found["files"], found["calls"], client):
            return None
        return dict(found["result"])

    def last(self, client: object) -> Dict[str, Any]:
        """Returns ``request`` and ``result`` of the last run if it would end the same way again, else {}."""
        found = self._read()
        if not found or not _is_unchanged(found["files"], found["calls"], client):
            return {}
        return {name: found[name] for name in ("request", "result")}

    def save(
        self, calls: Sequence[Mapping[str, object]], read: Mapping[str, str], result: Mapping[str, object]
    ) -> None:
        """Saves a result, its calls, and ``read``: the digests of the files that it depends on. Never raises."""
        data = {"request": self._request, "calls": list(calls), "files": dict(read), "result": dict(result)}
        with suppress(OSError, ValueError, StackwrightError):
            content = json.dumps(data).encode()
            if len(content) > LARGEST:
                return
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            with files.opened(self._folder, self._folder) as folder:
                files.replace(self._name, content, folder)

    def _read(self) -> Optional[Dict[str, Any]]:
        path = os.path.join(self._folder, self._name)
        try:
            content = files.read(path, path, owned=True, largest=LARGEST)
            found = parse(content) if content is not None else None
        except (OSError, ValueError, StackwrightError):
            return None
        return None if wrong(found, SHAPE) is not None else found


def _is_unchanged(files: Mapping[str, str], calls: Sequence[Mapping[str, object]], client: object) -> bool:
    """Whether the files and the responses are still the same."""
    if not calls or any(content_digest(path) != known for path, known in files.items()):
        return False
    try:
        return are_unchanged(client, calls)
    except StackwrightError:
        return False  # the run itself reports the error


def proxy_key(stack: str, admin: str) -> str:
    """Returns the key of a check of one proxy for the routes of one stack."""
    return json.dumps(["proxy", stack, admin])


def run_key(params: Mapping[str, object], run: str, defer: bool, check: bool) -> str:
    """Returns the key of a run. Each stack has only a few keys, so the number of files stays small."""
    return json.dumps([params["name"], params["docker_host"], run, defer, check])


def content_digest(path: str) -> str:
    """Returns the digest of a file; ``none`` if it does not exist, empty if it can't be read."""
    try:
        content = files.read(path, path, owned=True)
    except (OSError, StackwrightError):
        return ""
    return hashlib.sha256(content).hexdigest() if content is not None else "none"
