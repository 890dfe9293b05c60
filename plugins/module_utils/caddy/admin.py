# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy's admin API: reads with their ETag, guarded writes, and its errors as messages."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.transport import (
    Answer,
    Broken,
    Late,
    NotHttp,
    Unreachable,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.http import TooLarge
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import wrong
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import APPS, APPS_SHAPE, Write

#: Seconds that a proxy may be without its listener: each reload replaces it.
PATIENCE = 3.0
#: Characters of the proxy's message in ours.
MOST_TEXT = 1500
_HASH = re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]*")

DONE, STALE, UNKNOWN = "done", "stale", "unknown"


class Seen(NamedTuple):
    """A value in the proxy's configuration. ``modern``: version 2.8 or later, which sends the ETag as a header.

    ``etag()`` returns None if there is none. It may be slow, and only a write needs it.
    """

    value: Any
    etag: Callable[[], Optional[str]]
    modern: bool


class Admin:
    """One admin API. ``requests`` and ``writes`` count its calls.

    :param pause: waits a random time that grows with each turn (0, 1, ...); returns False when the time is over.
    """

    def __init__(self, transport: Any, pause: Callable[[int], bool]) -> None:
        self.transport = transport
        self.where = transport.at.shown
        self.requests = 0
        self.writes = 0
        self._pause = pause

    def read(self, path: str) -> Seen:
        """Returns the value at ``path``; None if there is nothing.

        :raises RouteError: ``admin_unreachable``, ``admin_timeout``, ``admin_refused``, ``admin_answer``,
            ``answer_too_large``, ``admin_tls``.
        """
        answer = self.get(path)
        # If a parent is missing, the answer is 400 "invalid traversal path".
        if answer.status == 400 and b"traversal" in answer.body:
            return Seen(None, lambda: None, False)
        if answer.status != 200:
            raise self._refusal(answer, "GET " + path)
        try:
            value = parse(answer.body)
        except ValueError as error:
            raise self._not_caddy(f"its answer {error}") from None
        fault = wrong(value, APPS_SHAPE) if path == APPS and value is not None else None
        if fault is not None:
            raise self._not_caddy(f"its answer to GET {path}{fault}")

        def etag() -> Optional[str]:
            return etag_of(path, answer.headers, answer.body, answer.trailers)

        return Seen(value, etag, "etag" in answer.headers)

    def get(self, path: str) -> Answer:
        """Sends a GET, and repeats it if the connection breaks.

        :raises RouteError: ``admin_unreachable``, ``admin_timeout``, ``admin_answer``, ``answer_too_large``,
            ``admin_tls``.
        """
        turn = 0
        while True:
            self.requests += 1
            try:
                answer: Answer = self.transport.send("GET", path, None, {"Accept": "application/json"})
                return answer
            except NotHttp:
                raise self._not_caddy("the answer is not HTTP") from None
            except Late:
                raise self._late() from None
            except TooLarge as error:
                raise RouteError(
                    f"GET {path} at {self.where}: {error}.",
                    "answer_too_large",
                    "Check that this is the address of a proxy's admin API.",
                ) from None
            except (Unreachable, Broken) as error:
                if not self._pause(turn):
                    raise self._unreachable(error) from error
            turn += 1

    def write(self, write: Write, etag: str) -> str:
        """Sends ``write`` guarded by ``etag``; returns ``DONE``, ``STALE`` (another client was faster) or ``UNKNOWN``.

        :raises RouteError: ``route_refused`` with the proxy's message; ``admin_refused``.
        """
        body = json.dumps(write.body, separators=(",", ":"), ensure_ascii=False).encode()
        self.requests += 1
        self.writes += 1
        try:
            answer = self.transport.send(
                write.method, write.path, body, {"Content-Type": "application/json", "If-Match": etag}
            )
        except (Unreachable, Broken, Late, NotHttp, TooLarge):
            return UNKNOWN
        if answer.status == 200:
            return DONE
        if answer.status == 412:
            return STALE
        if answer.status >= 500 and not _message(answer.body):
            return UNKNOWN
        raise self._refusal(answer, f"{write.method} {write.path}")

    def _refusal(self, answer: Answer, call: str) -> RouteError:
        text = _message(answer.body)
        if answer.status == 403:
            return RouteError(
                f"The admin API at {self.where} refuses this host{': ' + text if text else ''}.",
                "admin_refused",
                "Add the host of the address to the proxy's admin.origins, or use its unix socket.",
            )
        if not text:
            return self._not_caddy(f"it answered {call} with status {answer.status}")
        code = "admin_answer" if call.startswith("GET") else "route_refused"
        what = "refused the routes and kept its configuration" if code == "route_refused" else f"refused {call}"
        return RouteError(
            f"The proxy at {self.where} {what}: {text}",
            code,
            "The proxy's message names the part that it refuses.",
            {"status": answer.status, "proxy_message": text},
        )

    def _not_caddy(self, what: str) -> RouteError:
        return RouteError(
            f"{self.where} is not a Caddy admin API: {what}.",
            "admin_answer",
            "Check the address; the admin API's port is 2019 by default, not the port of the sites.",
        )

    def _late(self) -> RouteError:
        return RouteError(
            f"The admin API at {self.where} did not answer in time ({self.transport.timeout:g} s).",
            "admin_timeout",
            "Check the proxy's log and the network between; the option admin_timeout sets the limit.",
        )

    def _unreachable(self, error: Exception) -> RouteError:
        return RouteError(
            f"The admin API at {self.where} can't be reached: {error}.",
            "admin_unreachable",
            "Check that the proxy runs, that admin.listen is this address, and that this user may open the socket.",
        )


def no_guard(where: str) -> RouteError:
    """Returns the error for an API without ETags: an unguarded write could undo changes of other clients."""
    return RouteError(
        f"The admin API at {where} sends no ETag, so nothing was written.",
        "admin_answer",
        "Another proxy in between may drop headers. Connect to Caddy directly, version 2.6.2 or later.",
    )


def _message(body: bytes) -> str:
    """Returns the proxy's message, without password hashes."""
    try:
        found = parse(body)
    except ValueError:
        return ""
    text = found.get("error") if isinstance(found, dict) else None
    return _HASH.sub("********", text)[:MOST_TEXT] if isinstance(text, str) else ""


_OFFSET = 0x811C9DC5
_PRIME = 0x01000193


def fnv1a(data: bytes) -> int:
    """Returns the 32-bit FNV-1a hash of ``data``."""
    value, prime = _OFFSET, _PRIME
    for byte in data:
        value = ((value ^ byte) * prime) & 0xFFFFFFFF
    return value


def etag_of(
    path: str, headers: Mapping[str, str], body: bytes, trailers: Optional[Mapping[str, str]] = None
) -> Optional[str]:
    """Returns the ETag of an answer, None if there is none.

    Caddy 2.8 and later send it as a header. Earlier versions send it as a trailer, which the header ``Trailer``
    announces. If the trailer got lost, it is computed, which takes about 30 ms for 1,000 routes.

    :param headers: names in lower case, as in ``trailers``.
    """
    sent = headers.get("etag") or (trailers or {}).get("etag")
    if sent:
        return sent
    if "etag" in headers.get("trailer", "").lower():
        return f'"{path} {fnv1a(body):08x}"'
    return None
