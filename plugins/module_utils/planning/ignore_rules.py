# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for drift to ignore: a service, an object, a kind and a path. A difference must match all keys of a rule."""

from __future__ import annotations

import re
from typing import Collection, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import WORDS

EDITED, SCALED, FORCED, VOLUME = "edited", "scaled", "forced", "volume"
PAUSED, ROLLED_BACK = "paused", "rolled_back"
MISSING, EXTRA, REPLACED, BEHIND = "missing", "extra", "replaced", "behind"
VOLUME_DIFFERS = "volume_differs"
KINDS = (EDITED, SCALED, FORCED, VOLUME, PAUSED, ROLLED_BACK, MISSING, EXTRA, REPLACED, BEHIND, VOLUME_DIFFERS)
#: The first parts of paths in a ServiceSpec or a network.
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


def path_of(word: str) -> str:
    """Returns the path for a path as shown in changes, or for a key of Compose, such as ``replicas`` or
    ``environment.LOG_LEVEL``; empty text if it is neither."""
    if word.partition(".")[0] in ROOTS:
        return word
    fitting = [(name, path) for path, name in WORDS if name and re.match(re.escape(name) + r"(?:[. ]|\Z)", word)]
    if not fitting:
        return ""
    name, path = max(fitting, key=lambda pair: len(pair[0]))
    rest = word[len(name) + 1 :]
    return f"{path}.{rest}" if rest else path


def unknown_path(word: str) -> str:
    """Returns the message about a path that ``path_of`` does not know."""
    names = ", ".join(name for _path, name in WORDS if name)
    return f"there is no such field; write {names}, or a path as shown in 'changes' of the result"


class Rule(NamedTuple):
    """``service`` and ``name`` are keys of the files, or full names; ``name`` is that of any object."""

    service: str = ""
    name: str = ""
    kind: str = ""
    path: str = ""

    def fits(self, kind: str, obj: str, names: Collection[str], path: str = "") -> bool:
        """Whether the rule matches a difference: its kind, the kind of object, the object's names, and the path."""
        if self.service and (obj != "service" or self.service not in names):
            return False
        if self.name and self.name not in names:
            return False
        if self.kind and self.kind != kind:
            return False
        return not self.path or path == self.path or path.startswith(self.path + ".")


def rules_of(given: Sequence[Mapping[str, object]]) -> Tuple[Rule, ...]:
    """Returns the rules of an option. Raises StackwrightError (``invalid_options``) with all problems."""
    wrong: List[str] = []
    rules: List[Rule] = []
    for number, item in enumerate(given, 1):
        rule = Rule(*(str(item.get(field) or "") for field in Rule._fields))
        path = path_of(rule.path) if rule.path else ""
        if rule == Rule():
            wrong.append(f"ignore {number} is empty: it would ignore everything.")
        if rule.kind and rule.kind not in KINDS:
            wrong.append(f"ignore {number}: unknown kind {rule.kind!r}; the kinds are {', '.join(KINDS)}.")
        if rule.path and not path:
            wrong.append(
                f"ignore {number}: no path begins with {rule.path!r}; paths begin with {', '.join(ROOTS[:6])}, as "
                "shown in 'changes' of the result, or with a Compose key such as replicas."
            )
        rules.append(rule._replace(path=path))
    if wrong:
        raise StackwrightError(" ".join(wrong), "invalid_options")
    return tuple(rules)
