# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connects the thread that watches with the event loop of ansible-rulebook."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from typing import Any, Dict

from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.compare import Event
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.options import options_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.watch import Stopped, Watcher

LAST_WORDS = 3.0  # seconds for the thread to end after a cancellation
TICK = 0.5  # seconds after which a thread that waits for the queue checks whether to continue


async def watch(queue: Any, args: Dict[str, object], log: logging.Logger) -> None:
    """Puts events on ``queue`` until it is cancelled.

    A full queue makes the watcher wait. It compares the changes since then afterwards, and stores none of them.
    Raises StackwrightError for invalid options.
    """
    options = options_of(args)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    stopped = threading.Event()

    def put(event: Event) -> None:
        waiting = asyncio.run_coroutine_threadsafe(queue.put(event), loop)
        while True:
            try:
                waiting.result(TICK)
                return
            except concurrent.futures.TimeoutError:
                if stopped.is_set():
                    waiting.cancel()
                    raise Stopped from None

    def end(error: Any) -> None:
        if not ended.done():
            ended.set_exception(error) if error is not None else ended.set_result(None)

    def run() -> None:
        error = None
        try:
            watcher.run()
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(end, error)

    watcher = Watcher(options, put, log.warning)
    threading.Thread(target=run, name="swarm_events", daemon=True).start()
    try:
        await asyncio.shield(ended)
    finally:
        stopped.set()
        watcher.stop()
        await asyncio.wait({ended}, timeout=LAST_WORDS)
        if ended.done() and not ended.cancelled():
            ended.exception()  # retrieved, so that asyncio logs no warning
