# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences between two normal forms."""

from __future__ import annotations

from typing import Iterator, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change

NESTED = ("Mounts", "Secrets", "Configs", "Networks", "Ulimits")


def differences(before: object, after: object) -> Tuple[Change, ...]:
    """Returns all differences, sorted by path. Compares lists as a whole, maps key by key."""
    return tuple(_walk(before, after, ""))


def leaves(value: object, path: str = "") -> Iterator[Change]:
    """Yields each value of a new object. An empty text counts: a variable or label may have it."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from leaves(value[key], f"{path}.{key}" if path else key)
    elif value not in (None, [], ()):
        yield Change(path, None, value)


def _walk(before: object, after: object, path: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(set(before) | set(after)):
            yield from _walk(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, dict) and after is None and _is_open(path):
        yield from _walk(before, {}, path)
    elif isinstance(after, dict) and before is None and _is_open(path):
        yield from _walk({}, after, path)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Change(path, before, after)


def _is_open(path: str) -> bool:
    """Whether a map that is absent on one side is shown entry by entry, as those with the user's own keys are."""
    return path.rpartition(".")[2] in ("Env", "Labels", "Placement", *NESTED)
