# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in the Swarm: the stack's full name, its id, and the aliases of its services on shared networks.

They depend only on the user's input, so all controllers and managers compute the same names.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX

#: The longest name of a service or a network (swarmkit's manager/controlapi).
MAX_NAME = 63
#: The length of a shortened full name: it leaves room for ``_SERVICE`` within MAX_NAME.
SHORTENED_NAME = 40

#: The longest name of a config or secret, and the part for the stack's name in that of a lock or a revision.
MAX_OBJECT_NAME = 64
STACK_PART = 32

_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\Z")
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")


def stack_id(name: str, project: Optional[str] = None, environment: Optional[str] = None) -> str:
    """Returns the stack's id: 32 characters of lower-case base32, the first 20 bytes of a SHA-256.

    It covers ``project/environment/name``. No part may contain a slash, so no two stacks have the same id.
    """
    return id_of_text("/".join((project or "", environment or "", name)))


def id_of_text(text: str) -> str:
    """Returns the id of the stack that is written as ``project/environment/name``."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()[:20]).decode().lower()


def stack_hash(name: str, project: Optional[str] = None, environment: Optional[str] = None) -> str:
    """Returns the short form of the stack's id, 8 characters."""
    return stack_id(name, project, environment)[:8]


def stack_name(name: str, project: Optional[str] = None, environment: Optional[str] = None) -> str:
    """Returns the stack's name in the Swarm: ``name``, or PROJECT-ENVIRONMENT-NAME if both are given.

    A derived name of more than 63 characters is shortened to 40 that end in the stack's hash.
    """
    if not (project and environment):
        return name
    joined = "-".join((project, environment, name))
    if len(joined) <= MAX_NAME:
        return joined
    digest = stack_hash(name, project, environment)
    return joined[: SHORTENED_NAME - len(digest) - 1].rstrip("-_") + "-" + digest


def hashed_name(service: str, digest: str) -> str:
    """Returns the alias of a service on shared networks, HASH_SERVICE."""
    return digest + "_" + service


def host_name(service: str, digest: str) -> str:
    """Returns the same alias as a valid host name: a DNS label has only letters, digits and ``-``."""
    return digest + "-" + re.sub(r"[^a-z0-9-]", "-", service.lower())


def lock_name(stack: str) -> str:
    """Returns the name of the config that is the lock of a stack (its full name)."""
    return "stackwright.lock." + _shortened(stack)


def revision_name(stack: str, number: int, part: int = 0) -> str:
    """Returns the name of a config of a revision; ``part`` 0 has its record, further parts have its snapshot."""
    return f"stackwright.rev.{_shortened(stack)}.{number}" + (f".{part}" if part else "")


def values_name(stack: str) -> str:
    """Returns the prefix of the configs with a stack's values in the store ``swarm``."""
    return f"stackwright.values.{_shortened(stack)}."


def _shortened(stack: str) -> str:
    if len(stack) <= STACK_PART:
        return stack
    digest = hashlib.sha256(stack.encode()).hexdigest()[:10]
    return stack[: STACK_PART - len(digest) - 1].rstrip("-_.") + "-" + digest


@dataclass(frozen=True)
class Stack:
    """A stack, identified by name, project and environment together.

    Raises StackwrightError (``invalid_name``) for a part that can't be in the name of a Swarm object.
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
        """Returns the stack of the modules' options ``name``, ``project``, ``environment`` and ``label_prefix``."""
        return cls(options["name"], options["project"], options["environment"], options["label_prefix"])

    @property
    def full_name(self) -> str:
        """The name in the Swarm, as in ``docker stack ls``."""
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
        """The full name, the id and their parts, for modules."""
        parts = {"project": self.project or "", "environment": self.environment or "", "given": self.name}
        return {"name": self.full_name, "id": self.id, **parts}

    def scoped(self, key: str) -> str:
        """Returns the name of the object for ``key`` in the file, as Docker's CLI creates it."""
        return self.full_name + "_" + key


def full_name(params: Dict[str, object]) -> Optional[str]:
    """Returns the stack's name in the Swarm; None if the options have no name."""
    return Stack.of(params).full_name if params["name"] else None
