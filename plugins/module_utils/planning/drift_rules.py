# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which drift is to be ignored: rules of a service, an object, a kind and a path. What a rule does not name, it leaves
open; all that it names has to fit."""

from __future__ import annotations

from typing import Any, Collection, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError

EDITED, SCALED, FORCED, VOLUME = "edited", "scaled", "forced", "volume"
PAUSED, ROLLED_BACK = "paused", "rolled_back"
MISSING, EXTRA, REPLACED, BEHIND = "missing", "extra", "replaced", "behind"
KINDS = (EDITED, SCALED, FORCED, VOLUME, PAUSED, ROLLED_BACK, MISSING, EXTRA, REPLACED, BEHIND)
#: How paths in a ServiceSpec or a network begin.
ROOTS = (
    "Labels",
    "TaskTemplate",
    "Mode",
    "UpdateConfig",
    "RollbackConfig",
    "EndpointSpec",
    "Driver",
    "Options",
    "Internal",
    "Attachable",
    "EnableIPv6",
    "IPAM",
)


class Rule(NamedTuple):
    """``service`` and ``name`` are keys of the files, or full names; ``name`` is that of any object."""

    service: str = ""
    name: str = ""
    kind: str = ""
    path: str = ""

    def fits(self, kind: str, obj: str, names: Collection[str], path: str = "") -> bool:
        """Whether a difference is meant: its kind, the kind of object, the object's names, and the path."""
        if self.service and (obj != "service" or self.service not in names):
            return False
        if self.name and self.name not in names:
            return False
        if self.kind and self.kind != kind:
            return False
        return not self.path or path == self.path or path.startswith(self.path + ".")


def rules_of(given: Sequence[Mapping[str, Any]]) -> Tuple[Rule, ...]:
    """The rules that a user gave. Raises StackwrightError (``invalid_options``) with all that is wrong."""
    wrong: List[str] = []
    rules: List[Rule] = []
    for number, item in enumerate(given, 1):
        rule = Rule(*(str(item.get(field) or "") for field in Rule._fields))
        if rule == Rule():
            wrong.append(f"ignore {number} names nothing: it would ignore everything.")
        if rule.kind and rule.kind not in KINDS:
            wrong.append(f"ignore {number}: there is no kind {rule.kind!r}; there are {', '.join(KINDS)}.")
        if rule.path and rule.path.partition(".")[0] not in ROOTS:
            wrong.append(
                f"ignore {number}: no path begins like {rule.path!r}; they do with {', '.join(ROOTS[:6])}, "
                "as 'changes' in the result shows them."
            )
        rules.append(rule)
    if wrong:
        raise StackwrightError(" ".join(wrong), "invalid_options")
    return tuple(rules)
