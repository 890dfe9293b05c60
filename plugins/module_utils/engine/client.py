# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the Engine's HTTP API: one persistent connection, JSON in and out, a count of calls, error codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple
from urllib.parse import quote, urlencode

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.http import (
    LARGEST,
    LARGEST_STREAM,
    Bounds,
    TooLarge,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import wrong
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Answer, Torn
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import refusal, unreachable
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.shapes import shape_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Question

NEWEST_API = (1, 51)  # the newest tested version (Engine 28.5); newer Engines still support it
OLDEST_API = (1, 41)  # Engine 20.10

NO_ENGINE = "Check that docker_host is the address of a Docker Engine."


class EngineClient:
    """Calls one Engine. ``calls`` counts the requests; ``api_version`` is set by the first response."""

    def __init__(self, connection: Connection, transport: Any = None) -> None:
        self.connection = connection
        self.calls = 0
        self.api_version: Optional[Tuple[int, int]] = _given_version(connection.api_version)
        #: The timeout of a GET without its own, in seconds; None is the connection's.
        self.read_timeout: Optional[float] = None
        #: Records each request and its response, if set (trace.py).
        self.trace: Any = None
        #: Called for each block of an archive that is read or written, to keep a lock.
        self.heartbeat: Callable[[], None] = lambda: None
        self._transport = transport
        self.node = ""  # the node's name, known after /info
        #: Reads from the Engines of other nodes, through the action plugin that follows this run (adapter/worker.py).
        self.ask_nodes: Optional[Callable[[Dict[str, Any]], Dict[str, Any]]] = None
        #: Carries out a step on a volume on another node. It calls its second argument while it waits.
        self.run_on_node: Optional[Callable[[Question, Callable[[], None]], Dict[str, Any]]] = None

    @property
    def where(self) -> str:
        """The engine's address, for messages."""
        return self.connection.docker_host

    def get(
        self,
        path: str,
        query: Optional[Mapping[str, object]] = None,
        headers: Optional[Dict[str, str]] = None,
        stream: bool = False,
        timeout: Optional[float] = None,
    ) -> Any:
        """Returns the parsed response (bytes with ``stream``). Sends a dict or list in ``query`` as JSON (filters)."""
        return self.request("GET", path, query, None, headers, stream, timeout)

    def list(
        self, path: str, query: Optional[Mapping[str, object]] = None, timeout: Optional[float] = None
    ) -> List[Any]:
        """Returns the objects at ``path``. Raises EngineError also if the response is not a list."""
        found = self.get(path, query, timeout=timeout) or []
        if not isinstance(found, list):
            raise self._bad_answer(f"GET {path}", "the answer is not a list")
        return found

    def create(self, path: str, body: Mapping[str, object], headers: Optional[Dict[str, str]] = None) -> str:
        """Creates an object with ``POST path`` and returns its id."""
        made = self.post(path, body=body, headers=headers)
        found = (made.get("ID") or made.get("Id")) if isinstance(made, dict) else None
        if not isinstance(found, str):
            raise self._bad_answer(f"POST {path}", "the answer has no id")
        return found

    def post(
        self,
        path: str,
        query: Optional[Mapping[str, object]] = None,
        body: object = None,
        headers: Optional[Dict[str, str]] = None,
        timeout: Optional[float] = None,
    ) -> Any:
        """Sends ``body`` as JSON and returns the parsed response."""
        return self.request("POST", path, query, body, headers, False, timeout)

    def delete(
        self,
        path: str,
        query: Optional[Mapping[str, object]] = None,
        headers: Optional[Dict[str, str]] = None,
        timeout: Optional[float] = None,
    ) -> bool:
        """Deletes the object at ``path``. Returns False if it did not exist."""
        try:
            self.request("DELETE", path, query, None, headers, False, timeout)
        except EngineError as error:
            if error.error_code != "not_found":
                raise
            return False
        return True

    def request(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, object]] = None,
        body: object = None,
        headers: Optional[Dict[str, str]] = None,
        stream: bool = False,
        timeout: Optional[float] = None,
    ) -> Any:
        """Sends one request. Raises EngineError for a status of 400 and above and for every broken connection.

        ``timeout`` (seconds, until the last byte of the response) replaces the connection's. ``stream`` returns the
        body as bytes. A log may arrive slowly, so ``timeout`` then limits each wait for data.
        """
        if self.api_version is None and path not in ("/info", "/_ping"):
            self.request("GET", "/_ping", stream=True)
        what = f"{method} {path}"
        sent = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        elif method == "POST":
            data = b""
        if timeout is None and method == "GET":
            timeout = self.read_timeout
        timeout = self.connection.timeout if timeout is None else timeout
        whole = max(timeout, self.connection.timeout) if stream else timeout
        bounds = Bounds(timeout, whole, LARGEST_STREAM if stream else LARGEST)
        if self.trace is not None:
            self.trace.sent(method, path, headers, stream)
        answer = self._exchange(method, self._target(path, query), data, sent, what, bounds)
        self._negotiate(answer)
        if answer.status >= 400:
            raise refusal(answer.status, answer.body, what, self.where, self.node)
        if stream:
            return answer.body
        try:
            found = parse(answer.body) if answer.body.strip() else None
        except ValueError as error:
            raise self._bad_answer(what, f"the answer {error}", answer.status) from None
        shape = shape_of(path) if method == "GET" else None
        # The Engine may send null for an empty list.
        if shape is not None and (found is not None or not isinstance(shape, list)):
            fault = wrong(found, shape)
            if fault is not None:
                raise self._bad_answer(what, f"the answer{fault}", answer.status)
        if path == "/info" and isinstance(found, dict):
            self.node = str(found.get("Name") or "")
        if self.trace is not None:
            self.trace.answered(path, query, found)
        return found

    def _exchange(
        self,
        method: str,
        target: str,
        data: Optional[bytes],
        headers: Dict[str, str],
        what: str,
        bounds: Bounds,
    ) -> Answer:
        self.calls += 1
        try:
            if self._transport is None:
                self._transport = _transport(self.connection)
            answer: Answer = self._transport.send(method, target, data, headers, bounds)
            return answer
        except Torn as error:
            raise EngineError(
                f"{what} on {self.where}: the Engine closed the connection before its answer was complete ({error}).",
                "daemon_unreachable",
                "Check that the Engine runs, then run again: it continues from where it stopped.",
            ) from None
        except TooLarge as error:
            raise EngineError(
                f"{what} on {self.where}: {error}.",
                "answer_too_large",
                "Request fewer lines." if "/logs" in target else NO_ENGINE,
            ) from None
        except OSError as error:
            raise unreachable(error, self.where, what) from None

    def _bad_answer(self, what: str, wrong: str, status: int = 200) -> EngineError:
        return EngineError(f"{what} on {self.where}: {wrong}.", "bad_answer", NO_ENGINE, status)

    def _target(self, path: str, query: Optional[Mapping[str, object]]) -> str:
        version = "" if self.api_version is None or path == "/_ping" else "/v{}.{}".format(*self.api_version)
        target = version + quote(path, safe="/:@")
        if query:
            target += "?" + urlencode({k: _query_text(v) for k, v in sorted(query.items()) if v is not None})
        return target

    def _negotiate(self, answer: Answer) -> None:
        if self.api_version is not None or not answer.api_version:
            return
        newest = _given_version(answer.api_version)
        if newest is not None:
            if newest < OLDEST_API:
                raise EngineError(
                    f"The Engine at {self.where} speaks API {answer.api_version}; 1.41 (Engine 20.10) is the minimum.",
                    "api_too_old",
                    "Update the engine.",
                )
            self.api_version = min(newest, NEWEST_API)

    def close(self) -> None:
        """Closes the connection; the next request opens a new one."""
        # A closed SSH transport can't be opened again.
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()


def _transport(connection: Connection) -> Any:
    path = connection.socket_path
    if path is not None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.engine.unix import UnixTransport

        return UnixTransport(path)
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.sdk import SdkTransport

    return SdkTransport(connection)


def _given_version(text: str) -> Optional[Tuple[int, int]]:
    major, _dot, minor = (text or "auto").strip().partition(".")
    if major.isdigit() and minor.isdigit():
        return int(major), int(minor)
    if major == "auto":
        return None
    raise EngineError(f"api_version must be 'auto' or a version such as '1.41', not '{text}'.")


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
