# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's HTTP API: one kept connection, JSON in and out, counted calls, errors with a code."""

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

NEWEST_API = (1, 51)  # the newest that was tested (engine 28.5); a newer engine still speaks it
OLDEST_API = (1, 41)  # engine 20.10


NO_ENGINE = "Check that docker_host is the address of a Docker Engine."


class EngineClient:
    """Speaks to one engine. ``calls`` counts the requests; ``api_version`` is a pair, known after the first answer."""

    def __init__(self, connection: Connection, transport: Any = None) -> None:
        self.connection = connection
        self.calls = 0
        self.api_version: Optional[Tuple[int, int]] = _given_version(connection.api_version)
        #: Seconds for the answer to a GET that names no limit of its own; None leaves it to the connection.
        self.read_timeout: Optional[float] = None
        #: What is asked and answered is noted in it, where there is one (trace.py).
        self.trace: Any = None
        #: Called with each block of an archive that is read or written: a lock has to be kept meanwhile.
        self.beat: Callable[[], None] = lambda: None
        self._transport = transport
        self.node = ""  # its name, known after /info
        #: Asks the Engines of other nodes through whoever follows this run, where somebody does (adapter/worker.py).
        self.elsewhere: Optional[Callable[[Dict[str, Any]], Dict[str, Any]]] = None
        #: Has a step on a volume done on another node; the second argument is called while it is done.
        self.on_node: Optional[Callable[[Question, Callable[[], None]], Dict[str, Any]]] = None

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
        """The parsed answer (bytes with ``stream``). A dict or list in ``query`` is sent as JSON (filters)."""
        return self.request("GET", path, query, None, headers, stream, timeout)

    def list(
        self, path: str, query: Optional[Mapping[str, object]] = None, timeout: Optional[float] = None
    ) -> List[Any]:
        """The objects at ``path``. Raises EngineError also if the answer is not a list of objects."""
        found = self.get(path, query, timeout=timeout) or []
        if not isinstance(found, list):
            raise self._bad_answer(f"GET {path}", "the answer is not a list")
        return found

    def create(self, path: str, body: Mapping[str, object], headers: Optional[Dict[str, str]] = None) -> str:
        """Creates an object with ``POST path`` and gives its id."""
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
        """Sends ``body`` as JSON and gives the parsed answer."""
        return self.request("POST", path, query, body, headers, False, timeout)

    def delete(
        self,
        path: str,
        query: Optional[Mapping[str, object]] = None,
        headers: Optional[Dict[str, str]] = None,
        timeout: Optional[float] = None,
    ) -> bool:
        """Deletes what is at ``path``; False if it was gone already, as desired."""
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
        """One call. Raises EngineError for every answer of 400 and above and for every broken connection.

        ``timeout`` (seconds, from the connection to the answer's last byte) replaces the connection's for this call.
        ``stream`` gives the body as bytes: a log may come slowly, so there ``timeout`` is for each wait.
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
            self.trace.begins(method, path, headers, stream)
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
        # An empty list may come as null.
        if shape is not None and (found is not None or not isinstance(shape, list)):
            fault = wrong(found, shape)
            if fault is not None:
                raise self._bad_answer(what, f"the answer{fault}", answer.status)
        if path == "/info" and isinstance(found, dict):
            self.node = str(found.get("Name") or "")
        if self.trace is not None:
            self.trace.ends(path, query, found)
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
        """Closes the connection; the next request makes a new one."""
        # Not kept: a transport over ssh can't be opened again.
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
