# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner of a stack's objects. Several stacks can have the same name in the Swarm; their ids always differ.

``acme-dev/eu/shop``, ``acme/dev/eu-shop`` and the plain ``acme-dev-eu-shop`` are all called ``acme-dev-eu-shop`` there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    OWNER,
    labels_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import id_of_text, stack_id

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Lists, Observed

Labels = Mapping[str, str]
_ID = re.compile(r"[a-z2-7]{32}\Z")
_MANAGED, _STACK = "-managed", "-stack"
KINDS: Tuple[Lists, ...] = ("services", "networks", "configs", "secrets")


class Owner(NamedTuple):
    """A stack, by its id and its parts; ``name`` is empty if only the id is known."""

    id: str
    project: str = ""
    environment: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """PROJECT/ENVIRONMENT/NAME, the source of the id; empty if the name is not known."""
        return "/".join((self.project, self.environment, self.name)) if self.name else ""

    @property
    def shown(self) -> str:
        """The owner in messages."""
        if not (self.name or self.project):
            return f"the stack with the id {self.id}"
        parts = [f"project {self.project}, environment {self.environment}"] if self.project else []
        parts.append(f"name {self.name}" if self.name else f"id {self.id}")
        return ", ".join(parts) + ("" if self.project else ", without a project")

    def as_dict(self) -> Dict[str, str]:
        """Returns plain data for results."""
        return {"id": self.id, "project": self.project, "environment": self.environment, "name": self.name}

    def is_same(self, other: Owner) -> bool:
        """Whether both are the same stack."""
        return self.id == other.id or bool(self.text and self.text == other.text)


def owner_of(stack: Mapping[str, object]) -> Owner:
    """Returns the owner from a stack's data (``stack`` of a DesiredState, of a snapshot, or ``Stack.data``)."""
    project, environment, full = (str(stack.get(part) or "") for part in ("project", "environment", "name"))
    if stack.get("given"):
        return Owner(str(stack.get("id") or ""), project, environment, str(stack["given"]))
    return _named(str(stack.get("id") or ""), project, environment, full, sure=True)


def owner_labels(stack: Optional[Mapping[str, object]]) -> Dict[str, str]:
    """Returns the label that records an owner on bookkeeping objects; empty if it is not known."""
    text = owner_of(stack).text if stack else ""
    return {OWNER: text} if text else {}


def of_text(text: str) -> Optional[Owner]:
    """Returns the owner of PROJECT/ENVIRONMENT/NAME, None if the text is not one."""
    parts = text.split("/")
    return Owner(id_of_text(text), *parts) if len(parts) == 3 and parts[2] else None


def recorded(labels: Labels, full: str) -> Optional[Owner]:
    """Returns the owner that the labels of an object record, with any prefix; None if they record none.

    ``full`` is the stack's name in the Swarm.
    """
    found = of_text(labels.get(OWNER, ""))
    if found is not None:
        return found
    for label, value in labels.items():
        start = label[: -len(_STACK)]
        if label.endswith(_STACK) and _ID.match(value) and labels.get(start + _MANAGED) == "true":
            return _named(value, labels.get(f"{start}-project", ""), labels.get(f"{start}-environment", ""), full)
    return None


def _named(identity: str, project: str, environment: str, full: str, sure: bool = False) -> Owner:
    """Returns the owner, with its name if that is in the full name, so if that was not shortened."""
    start = f"{project}-{environment}-" if project else ""
    name = full[len(start) :] if full.startswith(start) else ""
    if name and (sure and not project or stack_id(name, project, environment) == identity):
        return Owner(identity, project, environment, name)
    return Owner(identity, project, environment)


def labels_in(observed: Observed, full: str) -> Iterable[Labels]:
    """Yields the labels of all objects of the stack in the Swarm; ``observed`` is the result of ``observe``."""
    for kind in KINDS:
        for obj in observed.get(kind) or ():
            if stack_of(obj) == full:
                yield labels_of(obj)
    lock = observed.get("lock")
    if lock:
        yield labels_of(lock)


def refuse_others(mine: Optional[Mapping[str, object]], full: str, found: Iterable[Labels]) -> None:
    """Raises EngineError (``conflict``) if labels record another owner than the stack ``mine``; never if that is None.

    Objects without a recorded owner, such as those of Docker's CLI, may be taken over.
    """
    if not mine:
        return
    me = owner_of(mine)
    for labels in found:
        other = recorded(labels, full)
        if other is not None and not me.is_same(other):
            raise conflict(full, me, other)


def conflict(full: str, mine: Owner, other: Owner) -> EngineError:
    """Returns the error that names both owners."""
    return EngineError(
        f"The name {full} belongs to another stack in this Swarm ({other.shown}) than the requested one "
        f"({mine.shown}).",
        "conflict",
        "Give one of them another name, project or environment; or remove the other one first by the name shown here "
        "(stack_cleanup also removes its history). Nothing was changed.",
        details={"owner": other.as_dict(), "asked": mine.as_dict()},
    )
