# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines while operations are carried out: one each, or a count for many of one kind."""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation

MANY = 20  # operations of one kind that each get a line
NAMED = 3  # names in a line about more
TELL_EVERY = 10.0  # seconds


def progress_reporter(
    operations: Sequence[Operation], progress: Callable[[str], None], clock: Clock
) -> Callable[[Operation], None]:
    """Returns a function to call with each of ``operations``, just before it is carried out."""
    groups: Dict[Tuple[str, str], List[str]] = {}
    for operation in operations:
        groups.setdefault((operation.action, operation.kind), []).append(operation.name)
    counts: Dict[Tuple[str, str], int] = {}
    last_line = clock.now()

    def tell(operation: Operation) -> None:
        nonlocal last_line
        key = operation.action, operation.kind
        names, count = groups[key], counts.get(key, 0)
        counts[key] = count + 1
        if len(names) <= MANY:
            progress(str(operation))
        elif not count:
            some = ", ".join(names[:NAMED])
            progress(f"{key[0]} {len(names)} {key[1]}s: {some} and {len(names) - NAMED} more")
        elif clock.now() - last_line >= TELL_EVERY:
            progress(f"{key[0]} {key[1]}s: {count} of {len(names)} done")
        else:
            return
        last_line = clock.now()

    return tell
