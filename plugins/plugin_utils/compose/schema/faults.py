# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places of schema errors: the same check as ``check_document``, for code instead of users."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import (
    MOST_COUNTED,
    MOST_SHOWN,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.keywords import violations
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.loader import schema
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import closest, findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.preconditions import judge_shape


class Fault(NamedTuple):
    """An invalid entry. ``meant`` is the known key that the user may have meant by an unknown one, or ""."""

    path: Tuple[Any, ...]
    code: str
    meant: str = ""


def find_faults(tree: object, file: str) -> Optional[List[Fault]]:
    """Returns all invalid entries of one document; None if there are too many, or if it can't be checked at all."""
    _problems, paths, rest = judge_shape(tree, file)
    if rest is None:
        return None
    # In version 1, services were at the top level, where sections are now.
    found = [Fault(path, "shape", "services" if len(path) == 1 else "") for path in paths]
    meant: Dict[Tuple[Any, int], str] = {}
    for violation in violations(rest, schema()):
        for path, _message, code, _hint, known in findings(violation):
            word = (path[-1], id(known)) if code == "unknown_key" else ("", 0)
            # Comparing words is slow, so only the first unknown keys are compared.
            if known and word not in meant and len(meant) < MOST_SHOWN:
                meant[word] = closest(path[-1], known)
            found.append(Fault(path, code, meant.get(word, "")))
        if len(found) >= MOST_COUNTED:
            return None
    return found
