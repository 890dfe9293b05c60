# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The holder of a lock, read and shown. Its data comes from the Swarm, so it may contain anything."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import LOCK, labels_of

#: In a lock's data: it has no holder, and only marks a revision as open.
FREE = "free"
LONGEST = 200  # characters of a text that is shown


def describe(holder: Mapping[str, object]) -> str:
    """Returns who holds a lock, since when and for what: ``ann@laptop (process 42 on m1) since ...: deploy "v7"``."""
    if not holder:
        return "an unknown run (its labels can't be read)"
    text = _text(holder.get("who")) or "somebody"
    if holder.get("pid"):
        host = _text(holder.get("host"))  # ``who`` may name another machine
        text += f" (process {_text(holder['pid'])}{f' on {host}' if host else ''})"
    since = moment(holder.get("since"))
    text += f" since {since}" if since else ""
    doing = _text(holder.get("operation"))
    message = _text(holder.get("message"))
    if message:
        doing = f'{doing} "{message}"'.strip()
    return f"{text}: {doing}" if doing else text


def locked_by(lock: Optional[Mapping[str, object]]) -> str:
    """Returns who holds a lock, given as its Docker config; empty text if nobody does."""
    if lock is None:
        return ""
    holder = holder_of(lock)
    return "" if is_free(holder) else describe(holder)


def holder_of(config: Mapping[str, object]) -> Dict[str, Any]:
    """Returns the holder's data in a lock; empty if it is damaged."""
    try:
        data = parse(labels_of(config).get(LOCK, ""))
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def is_free(holder: Mapping[str, object]) -> bool:
    """Whether a lock has no holder, and only marks a revision as open."""
    return bool(holder.get(FREE))


def moment(seconds: object) -> str:
    """Returns a time as ``2026-11-21 12:00:01 UTC``; empty if ``seconds`` (since 1970) is not a time."""
    return iso(number(seconds, 0.0)).replace("T", " ").replace("Z", " UTC")


def number(value: object, default: float) -> float:
    """Returns ``value`` if it is a number, else ``default``."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _text(value: object) -> str:
    return " ".join(str(value).split())[:LONGEST] if value is not None else ""
