# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receives requests for deployments: a small HTTP server in the event loop of ansible-rulebook.

The token of a stack is one of its kept values, and is read for each request. So it is rotated like any other value.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import ssl
import time
import uuid
from http import HTTPStatus
from typing import Any, Dict, Mapping, Optional, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    EngineError,
    StackwrightError,
    plain_text,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.store.swarm import SwarmStore
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.webhook_options import Options, options_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.webhook_request import (
    Rate,
    Refused,
    head_of,
    variables_of,
)

TOKEN = "stack/DEPLOY_TOKEN"
SHORTEST = 16  # characters of a token
WRONG = 10.0  # wrong tokens of one address in a minute
PATIENCE = 10.0  # seconds for a request to arrive, and for the queue to take its event
MOST = 32  # requests at the same time
LARGEST_HEAD = 8192  # bytes


async def receive(queue: asyncio.Queue[Dict[str, object]], args: Mapping[str, object], log: logging.Logger) -> None:
    """Puts an event on ``queue`` for each valid request, until it is cancelled.

    Raises StackwrightError for invalid options, and OSError if the port can't be used.
    """
    options = options_of(args)
    context = None
    if options.certfile:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certfile, options.keyfile)
    receiver = _Receiver(queue, options, log)
    server = await asyncio.start_server(
        receiver.serve, options.host, options.port, limit=LARGEST_HEAD, ssl=context, backlog=MOST
    )
    log.warning("listens on %s", ", ".join("{}:{}".format(*s.getsockname()[:2]) for s in server.sockets))
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        server.close()
        receiver.end()


class _Receiver:
    def __init__(self, queue: asyncio.Queue[Dict[str, object]], options: Options, log: logging.Logger) -> None:
        self._queue, self._options, self._log = queue, options, log
        self._wrong, self._rate = Rate(WRONG), Rate(options.rate)
        self._reading = asyncio.Lock()
        self._tasks: Set[Any] = set()

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request and closes the connection."""
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            if len(self._tasks) > MOST:
                status, answer = 503, {"error": "Too many requests at the same time."}
            else:
                status, answer = await self._answer(reader, str((writer.get_extra_info("peername") or [""])[0]))
            body = json.dumps(answer).encode() + b"\n"
            head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
            head += "Retry-After: 60\r\n" if status == 429 else ""
            writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            await asyncio.wait_for(writer.drain(), PATIENCE)
        except (OSError, asyncio.TimeoutError):
            pass  # the client has closed the connection
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, address: str) -> Tuple[int, Dict[str, str]]:
        try:
            return 202, {"id": await self._accept(reader, address)}
        except Refused as refused:
            if refused.status != 429:  # a flood of requests must not flood the log
                self._log.warning("%s: %s %s", address, refused.status, refused.message)
            return refused.status, {"error": refused.message}
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError):
            return 400, {"error": "The request is incomplete, too slow or too large."}

    async def _accept(self, reader: asyncio.StreamReader, address: str) -> str:
        head = head_of((await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE))[:-4])
        # Read before any answer: closing a connection with unread bytes loses the answer.
        body = await asyncio.wait_for(reader.readexactly(head.length), PATIENCE)
        now = time.monotonic()
        if self._wrong.is_used_up(address, now):
            raise Refused(429, "Too many wrong tokens.")
        target = self._options.targets.get(head.path)
        token = await self._token(target.stack) if target else None
        # Also compared for an unknown stack, so that the duration doesn't show which stacks exist.
        same = hmac.compare_digest(*(text.encode("utf-8", "surrogateescape") for text in (head.token, token or "")))
        if target is None or not token or not same:
            self._wrong.count(address, now)
            raise Refused(401, "The stack or the token is wrong.")
        variables = variables_of(body, target.variables)
        if self._rate.is_used_up(head.path, now):
            raise Refused(429, f"This stack is deployed at most {self._options.rate:g} times a minute.")
        self._rate.count(head.path, now)
        stack, identity = target.stack, uuid.uuid4().hex
        event = {
            "type": "deploy_requested",
            "stack": stack.full_name,
            "owner": {
                "project": stack.project or "",
                "environment": stack.environment or "",
                "name": stack.name,
            },
            "src": target.src,
            "variables": variables,
            "address": address,
            "id": identity,
            "time": iso(time.time()),
        }
        try:
            await asyncio.wait_for(self._queue.put(event), PATIENCE)
        except asyncio.TimeoutError:
            raise Refused(503, "The rulebook is busy.") from None
        return identity

    async def _token(self, stack: Stack) -> Optional[str]:
        # One at a time, and not for addresses that guess, so that requests can't overload the manager.
        async with self._reading:
            try:
                token = await asyncio.get_running_loop().run_in_executor(None, _read, self._options, stack)
            except StackwrightError as error:
                self._log.warning("%s: %s", stack.full_name, plain_text(str(error), lines=False))
                raise Refused(503, "The token can't be read now.") from None
        if token is not None and len(token) < SHORTEST:
            self._log.warning("%s: %s has less than %d characters", stack.full_name, TOKEN, SHORTEST)
            return None
        return token


def _read(options: Options, stack: Stack) -> Optional[str]:
    """Returns the current token of a stack, or None if it has none. Raises StackwrightError."""
    if options.store == "host_facts":
        return _current(HostFacts(stack.full_name, None, options.path), stack)
    error: Optional[EngineError] = None
    for manager in options.managers:
        client = EngineClient(manager)
        try:
            return _current(SwarmStore(stack.full_name, client), stack)
        except EngineError as failed:
            error = failed
        finally:
            with contextlib.suppress(OSError):
                client.close()
    raise error or StackwrightError("There is no manager to ask.")


def _current(store: Store, stack: Stack) -> Optional[str]:
    store.owner = stack.owner
    version = store.read()[0].current(TOKEN)
    return None if version is None else version.value
