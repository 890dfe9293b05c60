# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data that the export of a service needs: the Swarm's names, the stack's own objects, and their keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import names_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    CRON_RUNS,
    IMAGE,
    NAMESPACE,
    PRIVATE,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import Owner, labels_in, recorded


class Expressed(TypedDict):
    generators: dict[str, tuple[str, dict[str, object]]]
    secrets: dict[str, str]


class Values(Expressed, total=False):
    """The kept values of a stack: their generators, and the keys of secrets with such a value, by their real names.

    ``texts`` are the values themselves, if a bundle has requested them.
    """

    texts: dict[str, str]


if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Config,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

    class Snapshot(Observed, total=False):
        """The observed state of a Swarm from ``cluster/observe.py`` and ``parts/stack_export.py``."""

        values: dict[str, Values]
        notices: list[str]
else:
    Snapshot = dict

ContentKind = Literal["configs", "secrets"]
_NOT_A_KEY = re.compile(r"[^A-Za-z0-9._-]")


@dataclass
class Surroundings:
    """One stack in the Swarm, and the parts of its file so far.

    :param keys: the keys of objects in the file, by kind and real name.
    :param top: the definitions of the file's top-level sections.
    :param renamed: the real names of recreated volumes, by their names in the file.
    :param contents: the contents of the files that the file refers to, by path.
    :param tracked: whether objects have tracking labels.
    :param shared: networks on which all services have hash aliases; ``hashed``: only some.
    """

    stack: Stack
    observed: Snapshot
    names: Mapping[str, str] = field(init=False)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    top: dict[str, dict[str, Any]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    tracked: bool = False
    shared: list[str] = field(default_factory=list)
    hashed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = names_of(self.observed)

    @property
    def values(self) -> Values:
        """The known kept values of the stack."""
        none: Values = {"generators": {}, "secrets": {}}
        return (self.observed.get("values") or {}).get(self.stack.full_name, none)

    @property
    def platform(self) -> dict[str, Any]:
        """The policies of the platform with which the stack was deployed, except shared networks."""
        found: dict[str, Any] = {"hash_aliases": list(self.hashed)} if self.hashed else {}
        if self.tracked != bool(self.stack.project or self.shared):
            found["tracking_labels"] = self.tracked
        return found

    def contents_of(self, kind: ContentKind) -> dict[str, Config]:
        """Returns the Swarm's configs or secrets by name."""
        return {name_of(obj): obj for obj in self.observed[kind]}

    def is_own(self, obj: Mapping[str, object]) -> bool:
        return stack_of(obj) == self.stack.full_name

    def short(self, name: str) -> str:
        """Returns the name without the stack's prefix, for use as a key."""
        start = self.stack.full_name + "_"
        return name[len(start) :] if name.startswith(start) and len(name) > len(start) else name

    def define(self, kind: str, name: str, wanted: str, definition: Mapping[str, object]) -> str:
        """Returns the key of the object ``name`` in the file: ``wanted``, or with a number. Defines it if it is new."""
        if (kind, name) not in self.keys:
            section, key = self.top.setdefault(kind, {}), _NOT_A_KEY.sub("-", wanted) or kind
            number = 1
            while key in section:
                number += 1
                key = f"{_NOT_A_KEY.sub('-', wanted)}-{number}"
            default = key if definition.get("external") else self.stack.scoped(key)
            section[key] = {**({"name": name} if default != name else {}), **definition}
            self.keys[kind, name] = key
        return self.keys[kind, name]

    def labels(self, labels: Mapping[str, str] | None, word: str = "", key: str = "") -> dict[str, str]:
        """Returns the labels for the file: without docker's, and without tracking labels, which a task's options set.

        :param word: the object's kind in tracking labels: ``service``, ``volume``; empty for objects without them.
        """
        given = dict(labels or {})
        found = {name: given[name] for name in sorted(given) if name not in (NAMESPACE, IMAGE, CRON_RUNS)}
        prefix, stack = self.stack.prefix, self.stack
        common = {f"{prefix}-managed": "true", f"{prefix}-stack": stack.id}
        if stack.project:
            common.update({f"{prefix}-project": stack.project, f"{prefix}-environment": str(stack.environment)})
        if not word or not common.items() <= found.items():
            return found
        self.tracked = True
        common[f"{prefix}-{word}"] = key
        return {name: value for name, value in found.items() if common.get(name) != value}


def without_private(labels: Mapping[str, str]) -> dict[str, str]:
    """Returns the labels without the bookkeeping of this collection."""
    return {name: value for name, value in labels.items() if not name.startswith(PRIVATE)}


def stack_named(full_name: str, observed: Snapshot, prefix: str) -> Stack:
    """Returns the stack with this name in the Swarm, with the project and environment that its objects record.

    Raises StackwrightError (``invalid_name``) for a name that no stack can have.
    """
    owners = [owner for labels in labels_in(observed, full_name) for owner in [recorded(labels, full_name)] if owner]
    owner = next((owner for owner in owners if owner.name), Owner(""))
    if owner.name and owner.project:
        return Stack(owner.name, owner.project, owner.environment, prefix)
    return Stack(full_name, prefix=prefix)


def prefix_of(full_name: str, observed: Snapshot, default: str) -> str:
    """Returns the label prefix of a stack, from its tracking labels."""
    for labels in labels_in(observed, full_name):
        for label, value in labels.items():
            if label.endswith("-managed") and value == "true":
                return label[: -len("-managed")]
    return default
