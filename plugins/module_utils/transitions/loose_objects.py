# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets, configs and networks that belong to no stack: existing ones, their users, and the changes to make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    OBJECT,
    PRIVATE,
    id_of,
    labels_of,
    name_of,
    stack_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config, Service

Item = Mapping[str, Any]
CREATE, UPDATE, REMOVE = "create", "update", "remove"


class User(NamedTuple):
    """A service that refers to an object; ``before``: only the spec before its latest update does."""

    service: str
    stack: str
    before: bool

    def __str__(self) -> str:
        whose = f" (stack {self.stack})" if self.stack else ""
        return self.service + whose + (" before its latest update" if self.before else "")


class Step(NamedTuple):
    """One Engine call: the action, the object's name, its id if it exists, and the reason."""

    action: str
    name: str
    id: str
    reason: str

    def line(self, kind: str) -> str:
        """Returns the step as a line of the plan."""
        return f"{self.action} {kind} {self.name}: {self.reason}"


def users_of(kind: str, services: Iterable[Service]) -> Dict[str, List[User]]:
    """Returns the services that refer to each object of a kind, by its id and by its name."""
    found: Dict[str, Set[User]] = {}
    for service in services:
        now = {target for its_kind, target in references(service["Spec"]) if its_kind == kind and target}
        old = {target for its_kind, target in references(service.get("PreviousSpec") or {}) if its_kind == kind}
        for target in now | old - {""}:
            found.setdefault(target, set()).add(User(name_of(service), stack_of(service), target not in now))
    return {target: sorted(users) for target, users in found.items()}


def users_of_one(obj: Mapping[str, object], users: Mapping[str, Sequence[User]]) -> List[User]:
    """Returns the services that refer to this object."""
    return sorted({*users.get(id_of(obj), ()), *users.get(name_of(obj), ())})


def versions(name: str, objects: Iterable[Config]) -> List[Config]:
    """Returns the versions of a secret or config ``name``, newest first: those with our label, and one of that name."""
    found = [obj for obj in objects if labels_of(obj).get(OBJECT) == name or name_of(obj) == name]
    return sorted(found, key=lambda obj: (str(obj.get("CreatedAt") or ""), name_of(obj)), reverse=True)


def own_labels(obj: Mapping[str, object]) -> Dict[str, str]:
    """Returns the labels of an object without our private ones."""
    return {key: text for key, text in labels_of(obj).items() if not key.startswith(PRIVATE)}


def superfluous(found: Sequence[Config], current: str, keep: int, users: Mapping[str, Sequence[User]]) -> List[Step]:
    """Returns removals of unused old versions except for the ``keep`` newest; ``current`` counts as one of them."""
    old = [obj for obj in found if name_of(obj) != current and OBJECT in labels_of(obj)]
    return [
        Step(REMOVE, name_of(obj), id_of(obj), "an old version that no service uses")
        for obj in old[max(0, keep - 1) :]
        if not users_of_one(obj, users)
    ]


def described(obj: Mapping[str, object], current: str, users: Mapping[str, Sequence[User]]) -> Dict[str, Any]:
    """Returns a version as data for the result; never its content."""
    using = [user for user in users_of_one(obj, users) if not user.before]
    return {
        "name": name_of(obj),
        "id": id_of(obj),
        "created": str(obj.get("CreatedAt") or obj.get("Created") or ""),
        "current": name_of(obj) == current,
        "used_by": [user.service for user in using],
        "stacks": sorted({user.stack for user in using if user.stack}),
    }


def outdated(found: Sequence[Config], current: str, users: Mapping[str, Sequence[User]]) -> List[Tuple[User, str]]:
    """Returns the services that still use an old version, each with the version's name."""
    return [
        (user, name_of(obj))
        for obj in found
        if name_of(obj) != current
        for user in users_of_one(obj, users)
        if not user.before
    ]
