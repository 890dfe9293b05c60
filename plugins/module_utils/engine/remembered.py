# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last run without changes of a stack, in a file of this user on the manager; see trace.py.

The file holds digests and the result as it was shown. It is a memory only: without it a run looks at everything.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import Any, Dict, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core import files
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import Map, Obj, wrong
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.trace import Trace, would_repeat

LARGEST = 4 << 20  # bytes
CALL = Obj(path_=str, query_=Obj(), digest_=str)
SHAPE = Obj(request_=str, calls_=[CALL], files_=Map(str), result_=Obj())


class Remembered:
    """``request`` is the digest of all that the run was given; ``place`` says which run of which stack it is."""

    def __init__(self, root: str, place: str, request: str) -> None:
        self._folder, self._request = root, request
        self._name = f"seen-{hashlib.sha256(place.encode()).hexdigest()[:32]}.json"

    def result(self, client: object) -> Optional[Dict[str, Any]]:
        """The result, if a run with this request would end with it again; None if that is not known."""
        found = self._read()
        if found is None or found["request"] != self._request or not found["calls"]:
            return None
        if any(content_digest(path) != known for path, known in found["files"].items()):
            return None
        try:
            return dict(found["result"]) if would_repeat(client, found["calls"]) else None
        except StackwrightError:
            return None  # the run itself reports the error

    def keep(self, trace: Trace, read: Mapping[str, str], result: Mapping[str, object]) -> None:
        """Remembers a result; ``read`` are the files that it depends on. Never raises."""
        data = {"request": self._request, "calls": trace.calls, "files": dict(read), "result": dict(result)}
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
