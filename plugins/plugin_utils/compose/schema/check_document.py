# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first check of each document: does it have the shape of a Compose file?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.keywords import fits, violations
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.loader import schema
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import problem_at
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.preconditions import check_shape

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import Finding

#: The most problems of one document that are shown; the others are counted.
MOST_SHOWN = 100
MOST_COUNTED = 10_000


def check_document(tree: object, file: str) -> List[Problem]:
    """Returns all problems of one document's shape, after interpolation and before the canonical form.

    :param tree: the YAML reader's result: mappings, lists and scalars, with or without marks.
    :param file: the file's name in problems if the tree has no mark.
    """
    problems, rest = check_shape(tree, file)
    shown: Dict[Tuple[str, str], Problem] = {(p.key, p.message): p for p in problems[:MOST_SHOWN]}
    hidden = len(problems) - len(shown)
    for finding in _findings(rest):
        if len(shown) < MOST_SHOWN:
            path, message, code, hint, _known = finding
            text = hint if isinstance(hint, str) else hint()
            problem = problem_at(tree, file, path, message, code=code, hint=text)
            shown.setdefault((problem.key, problem.message), problem)
        else:
            hidden += 1
            if hidden >= MOST_COUNTED:
                break
    result = list(shown.values())
    if hidden > 0:
        count = f"{hidden}" if hidden < MOST_COUNTED else f"at least {hidden}"
        last = max(result, key=lambda p: (p.line, p.column))
        more = f"and {count} more problems in this file are not shown"
        result.append(Problem(more, file=last.file, line=last.line, column=last.column, code="more"))
    return result


def _findings(tree: object) -> Iterator[Finding]:
    if tree is None or fits(tree, schema()):
        return
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import FOLLOWS, findings

    for violation in violations(tree, schema()):
        yield from (finding for finding in findings(violation) if finding.code != FOLLOWS)
