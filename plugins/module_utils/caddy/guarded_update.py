# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates a proxy to the routes of a stack: one read, one guarded write, and a retry if another client was faster."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Protocol, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.admin import DONE, UNKNOWN, Admin, no_guard
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import APPS, Change


class Wanted(Protocol):
    """The interface of ``routing.change.RouteRequest``."""

    def change(self, apps: object, modern: bool) -> Change:
        """Returns the change for the proxy's current configuration."""


class Updated(NamedTuple):
    """The update of one proxy, with the stack's routes there before and after.

    ``fresh``: the proxy had no route of any stack. ``skipped`` has the routes that were left out, and why.
    ``apps`` is the configuration that the decision is from; it may have secrets.
    """

    changed: bool
    before: List[Any]
    after: List[Any]
    modern: bool
    fresh: bool = False
    skipped: Sequence[Any] = ()
    apps: Any = None


def update(admin: Admin, wanted: Wanted, check: bool, again: Any) -> Updated:
    """Makes the change of ``wanted``; with ``check`` only returns it.

    :param again: ``again(turn)`` waits a random time; returns False when the time for this proxy is over.
    :raises RouteError: ``contended`` if other clients keep writing; errors of ``Admin`` and ``wanted``.
    """
    first: Optional[Change] = None
    written = False
    turn = 0
    while True:
        seen = admin.read(APPS)
        change = wanted.change(seen.value, seen.modern)
        first = change if first is None else first
        found = Updated(True, first.before, change.after, seen.modern, first.fresh, change.skipped, seen.value)
        if change.write is None:
            # If the answer to an earlier write was lost, that write succeeded.
            return found._replace(changed=written)
        if check:
            return found
        etag = seen.etag()
        if etag is None:
            raise no_guard(admin.where)
        outcome = admin.write(change.write, etag)
        if outcome == DONE:
            return found
        written = written or outcome == UNKNOWN
        if not again(turn):
            raise _given_up(admin.where, written)
        turn += 1


def _given_up(where: str, unknown: bool) -> RouteError:
    if unknown:
        return RouteError(
            f"The admin API at {where} closed the connection during every write, and the routes were not saved.",
            "admin_unreachable",
            "Check the proxy's log: it may run out of memory or restart in a loop.",
        )
    return RouteError(
        f"The routes of {where} were changed by other clients during every attempt, so this change could not be "
        "written.",
        "contended",
        "Run it again; if it fails again, find the program that keeps rewriting the proxy's configuration.",
    )
