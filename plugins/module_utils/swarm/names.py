# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that the Swarm sees: the stack's full name, its id, and the aliases of its services on shared networks.

Everything here is derived from what the user wrote, so every controller and every manager computes the same.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX

#: The longest name that the Engine takes for a service or a network (swarmkit's manager/controlapi).
MAX_NAME = 63
#: A full name that had to be shortened leaves room for ``_SERVICE`` within MAX_NAME.
SHORTENED_NAME = 40

#: The longest name of a config or secret, and how much of it a lock or a revision leaves to the stack's name.
MAX_OBJECT_NAME = 64
STACK_PART = 32

_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\Z")
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")


def stack_id(name: str, project: Optional[str] = None, environment: Optional[str] = None) -> str:
    """Return the stack's id: 32 characters of lower-case base32, the first 20 bytes of a SHA-256.

    It covers ``project/environment/name``; no part may hold a slash, so no two stacks share an id.
    """
    return id_of_text("/".join((project or "", environment or "", name)))


def id_of_text(text: str) -> str:
    """Return the id of the stack that is written as ``project/environment/name``."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()[:20]).decode().lower()


def stack_hash(name: str, project: Optional[str] = None, environment: Optional[str] = None) -> str:
    """Return the short form of the stack's id, 8 characters."""
    return stack_id(name, project, environment)[:8]


def stack_name(name: str, project: Optional[str] = None, environment: Optional[str] = None) -> str:
    """Return the stack's name in the Swarm: ``name``, or PROJECT-ENVIRONMENT-NAME if both are given.

    A derived name of more than 63 characters is cut to 40 that end in the stack's hash.
    """
    if not (project and environment):
        return name
    joined = "-".join((project, environment, name))
    if len(joined) <= MAX_NAME:
        return joined
    digest = stack_hash(name, project, environment)
    return joined[: SHORTENED_NAME - len(digest) - 1].rstrip("-_") + "-" + digest


def hashed_name(service: str, digest: str) -> str:
    """Return the alias of a service on shared networks, HASH_SERVICE."""
    return digest + "_" + service


def host_name(service: str, digest: str) -> str:
    """Return the same alias as a host name: ``_`` is none, and DNS labels hold letters, digits and ``-`` only."""
    return digest + "-" + re.sub(r"[^a-z0-9-]", "-", service.lower())


def lock_name(stack: str) -> str:
    """Return the name of the config that is the lock of a stack (its full name)."""
    return "stackwright.lock." + _shortened(stack)


def revision_name(stack: str, number: int, part: int = 0) -> str:
    """Return the name of the config that holds a revision; ``part`` 0 is its record, 1 and on hold its snapshot."""
    return f"stackwright.rev.{_shortened(stack)}.{number}" + (f".{part}" if part else "")


def values_name(stack: str) -> str:
    """Return how the names of the configs begin that hold the values of a stack in the store ``swarm``."""
    return f"stackwright.values.{_shortened(stack)}."


def _shortened(stack: str) -> str:
    if len(stack) <= STACK_PART:
        return stack
    digest = hashlib.sha256(stack.encode()).hexdigest()[:10]
    return stack[: STACK_PART - len(digest) - 1].rstrip("-_.") + "-" + digest


@dataclass(frozen=True)
class Stack:
    """Which stack: unique by name, project and environment together.

    Raises StackwrightError (``invalid_name``) for a part that no object of the Swarm could be named after.
    """

    name: str
    project: Optional[str] = None
    environment: Optional[str] = None
    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        for option in ("name", "project", "environment"):
            value = getattr(self, option)
            if not value and option != "name":
                continue
            if not isinstance(value, str) or not _PART.match(value):
                raise StackwrightError(
                    f"The stack's {option} {value!r} is not a valid name for Swarm objects.",
                    error_code="invalid_name",
                    hint="Use letters, digits, '-' and '_'; begin and end with a letter or digit.",
                )
        if bool(self.project) != bool(self.environment):
            raise StackwrightError(
                "Set both project and environment, or neither.",
                error_code="invalid_name",
                hint="Set the missing option as well.",
            )
        if not isinstance(self.prefix, str) or not _PREFIX.match(self.prefix):
            raise StackwrightError(
                f"The label prefix {self.prefix!r} is not valid.",
                error_code="invalid_name",
                hint="Use lower-case letters, digits, '.', '-' and '_'.",
            )

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Stack:
        """The stack that the modules' options ``name``, ``project``, ``environment`` and ``label_prefix`` name."""
        return cls(options["name"], options["project"], options["environment"], options["label_prefix"])

    @property
    def full_name(self) -> str:
        """The name in the Swarm, what ``docker stack ls`` shows."""
        return stack_name(self.name, self.project, self.environment)

    @property
    def id(self) -> str:
        return stack_id(self.name, self.project, self.environment)

    @property
    def hash(self) -> str:
        return stack_hash(self.name, self.project, self.environment)

    @property
    def owner(self) -> str:
        """PROJECT/ENVIRONMENT/NAME, the source of the id."""
        return "/".join((self.project or "", self.environment or "", self.name))

    @property
    def data(self) -> Dict[str, str]:
        """The data for modules beside the full name: which of the stacks with this name is meant."""
        parts = {"project": self.project or "", "environment": self.environment or "", "given": self.name}
        return {"name": self.full_name, "id": self.id, **parts}

    def scoped(self, key: str) -> str:
        """Return the name of the object that ``key`` of the file stands for, as docker's CLI makes it."""
        return self.full_name + "_" + key


def full_name(params: Dict[str, object]) -> Optional[str]:
    """The Swarm name of the stack in the options; None if they have none."""
    return Stack.of(params).full_name if params["name"] else None
