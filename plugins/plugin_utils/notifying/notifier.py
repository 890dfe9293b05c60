# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends notifications in threads. Receivers that fail or hang cost a warning and at most two seconds in total."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Sequence
from urllib.parse import urlsplit

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.message import Message, body

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.task_types import Target

PATIENCE = 2.0  # seconds to wait for all unfinished notifications at the end of the task
TIMEOUT = 10.0  # seconds for one call
APPRISE = "apprise"
#: Apprise's type of an event.
KINDS = {"success": "success", "failure": "failure", "rollback": "warning", "drift": "warning"}

Send = Callable[["Target", Message, str], None]


class Notifier:
    """Notifies the targets of a task, each only of its events. Raises nothing.

    :param targets: each with url, format, events, headers.
    """

    def __init__(self, targets: Sequence[Target], clock: Callable[[], float] = time.monotonic) -> None:
        self._targets = [
            (target, _Apprise(target["url"]) if target["format"] == APPRISE else _post) for target in targets
        ]
        self._clock = clock
        self._sending: List[_Sending] = []

    def send(self, message: Message) -> None:
        """Sends a message in the background."""
        now = iso(time.time())
        for target, send in self._targets:
            if message.event in target["events"]:
                sending = _Sending(target, send, message, now)
                self._sending.append(sending)
                sending.thread.start()

    def close(self) -> List[str]:
        """Waits up to PATIENCE seconds. Returns a sentence for each target whose notification may not have arrived.

        It only names the target's host: the rest of an address is often a password.
        """
        deadline = self._clock() + PATIENCE
        failures: Dict[str, str] = {}
        for sending in self._sending:
            sending.thread.join(max(deadline - self._clock(), 0))
            why = f"no answer within {PATIENCE:.0f} s" if sending.thread.is_alive() else sending.failure
            if why:
                failures[sending.name] = why
        return [f"The notification for {name} may not have arrived: {why}." for name, why in failures.items()]


class _Sending:
    def __init__(self, target: Target, send: Send, message: Message, now: str) -> None:
        self._target, self._send, self._message, self._now = target, send, message, now
        self.name, self.failure = _name(target), ""
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._send(self._target, self._message, self._now)
        # The thread must not print a traceback, which could contain the address.
        except Exception as error:
            self.failure = _reason(error)


def _post(target: Target, message: Message, now: str) -> None:
    if not str(target["url"]).startswith(("http://", "https://")):
        raise _NotSent("its address must begin with http:// or https://")
    data = json.dumps(body(target["format"], message, now)).encode()
    headers = {"Content-Type": "application/json", **(target.get("headers") or {})}
    request = urllib.request.Request(target["url"], data, {str(k): str(v) for k, v in headers.items()}, method="POST")
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
        answer.read(1)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: another address would get the headers."""

    def redirect_request(self, *_given: object) -> None:
        return None


class _Apprise:
    """Sends with Apprise, which takes seconds to load. So it is loaded from the start of the task."""

    def __init__(self, url: str) -> None:
        self._url, self._sender, self._failure = url, None, ""
        self._thread = threading.Thread(target=self._load, daemon=True)
        self._thread.start()

    def _load(self) -> None:
        try:
            import apprise

            logging.getLogger("apprise").disabled = True  # its log contains addresses
            sender: Any = apprise.Apprise()
            if sender.add(self._url):
                self._sender = sender
            else:
                self._failure = "Apprise does not know such an address"
        except ImportError:
            self._failure = "install the Python package apprise on the controller"
        # As in _Sending: no traceback.
        except Exception as error:
            self._failure = f"Apprise could not be loaded: {type(error).__name__}"

    def __call__(self, target: Target, message: Message, now: str) -> None:
        del target, now
        self._thread.join()
        if self._sender is None:
            raise _NotSent(self._failure or "Apprise could not be loaded")
        text = "\n".join(message.lines) or message.title
        if not self._sender.notify(title=message.title, body=text, notify_type=KINDS.get(message.event, "info")):
            raise _NotSent("Apprise could not send it")


class _NotSent(Exception):
    """A message was not sent. The text contains no part of the address."""


def _reason(error: Exception) -> str:
    if isinstance(error, _NotSent):
        return str(error)
    status = getattr(error, "code", None)
    if isinstance(status, int):
        return f"HTTP status {status}"
    reason = getattr(error, "reason", None)
    text = getattr(reason, "strerror", None) or getattr(error, "strerror", None)
    return str(text or type(reason if isinstance(reason, Exception) else error).__name__)


def _name(target: Target) -> str:
    try:
        parts = urlsplit(target["url"])
        host = parts.hostname
    except ValueError:
        return "an address that is not valid"
    return str(parts.scheme if target["format"] == APPRISE or not host else host)
