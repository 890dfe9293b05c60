# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last run without changes of a stack, or look at its proxy, in a file of this user on the target; see trace.py.

The file holds digests and the result as it was shown. It is a memory only: without it a run looks at everything.
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
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.trace import would_repeat

LARGEST = 4 << 20  # bytes
CALL = Obj(path_=str, query_=Obj(), digest_=str)
SHAPE = Obj(request_=str, calls_=[CALL], files_=Map(str), result_=Obj())


class Remembered:
    """``request`` is the digest of all that the run was given; ``place`` says which run of which stack it is."""

    def __init__(self, root: str, place: str, request: str = "") -> None:
        self._folder, self._request = root, request
        self._name = f"seen-{hashlib.sha256(place.encode()).hexdigest()[:32]}.json"

    def result(self, client: object) -> Optional[Dict[str, Any]]:
        """The result, if a run with this request would end with it again; None if that is not known."""
        found = self._read()
        if not found or found["request"] != self._request or not _again(found["files"], found["calls"], client):
            return None
        return dict(found["result"])

    def known(self, client: object) -> Dict[str, Any]:
        """The ``request`` and ``result`` of the last run, whatever it was, if it would end so again; else nothing."""
        found = self._read()
        if not found or not _again(found["files"], found["calls"], client):
            return {}
        return {name: found[name] for name in ("request", "result")}

    def keep(
        self, calls: Sequence[Mapping[str, object]], read: Mapping[str, str], result: Mapping[str, object]
    ) -> None:
        """Remembers a result of these calls; ``read`` are the files that it depends on. Never raises."""
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


def _again(files: Mapping[str, str], calls: Sequence[Mapping[str, object]], client: object) -> bool:
    """Whether the files and the answers are as they were."""
    if not calls or any(content_digest(path) != known for path, known in files.items()):
        return False
    try:
        return would_repeat(client, calls)
    except StackwrightError:
        return False  # the run itself reports the error


def place_of_proxy(stack: str, admin: str) -> str:
    """The look at one proxy for the routes of one stack."""
    return json.dumps(["proxy", stack, admin])


def place_of(params: Mapping[str, object], run: str, defer: bool, check: bool) -> str:
    """Which run of which stack it is: a few for each stack, so that the files do not pile up."""
    return json.dumps([params["name"], params["docker_host"], run, defer, check])


def content_digest(path: str) -> str:
    """The digest of a file's content; empty if it can't be read."""
    try:
        content = files.read(path, path, owned=True)
    except (OSError, StackwrightError):
        return ""
    return hashlib.sha256(content).hexdigest() if content is not None else "none"
