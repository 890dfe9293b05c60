# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a conversion and of each service in it, and the registry of functions that create the spec's fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.keys_service import SERVICE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.waves import (
    COMPLETED,
    becomes_job,
    waited_for,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import clipped
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Invalid, Path, dotted

Result = TypeVar("Result")


@dataclass
class Context:
    """One conversion: its inputs, and its problems, notices and used networks."""

    project: Project
    stack: Stack
    options: ConvertOptions
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)
    used_networks: set[str] = field(default_factory=set)
    used_predefined: set[str] = field(default_factory=set)

    # -- problems

    def at(self, message: str, path: Path, hint: str = "", code: str = "invalid") -> Problem:
        """Returns a Problem at ``path``."""
        path = self._in_file(path)
        mark = self.project.where(path)
        return Problem(clipped(message), dotted(path), mark.file, mark.line, mark.column, clipped(hint), code)

    def _in_file(self, path: Path) -> Path:
        """Returns the path in the file; that of a generated job leads to its step or service."""
        step = self.project.steps.get(str(path[1])) if path[:1] == ("services",) and path[1:] else None
        if step is None:
            return path
        service, index = step
        given = self.project.services[service]["pre_start"][index]
        below = ("pre_start", index) if not path[2:] or path[2] in given else ()
        return ("services", service, *below, *path[2:])

    def guard(self, convert: Callable[..., Result], *given: object) -> Result | None:
        """Calls ``convert`` with ``given``; on Invalid, adds a problem and returns None."""
        try:
            return convert(*given)
        except Invalid as error:
            self.problems.append(self.at(error.message, error.path, error.hint, error.code))
            return None

    # -- the project's objects

    def entries(self, kind: str) -> Mapping[str, Any]:
        entries = getattr(self.project, kind, None)
        return entries if isinstance(entries, dict) else {}

    def definition(self, kind: str, key: str, path: Path) -> Mapping[str, Any]:
        """Returns the file's definition of an object. Raises Invalid (``undefined``) if there is none."""
        entries = self.entries(kind)
        if key not in entries and not (kind == "networks" and key == "default"):
            known = ", ".join(sorted(map(str, entries))) or "none"
            raise Invalid(
                f"the {kind[:-1]} {key!r} is not defined",
                path,
                hint=f"Add it under the top-level '{kind}' (defined: {known}).",
                code="undefined",
            )
        entry = entries.get(key)
        return entry if isinstance(entry, dict) else {}

    def is_external(self, kind: str, key: str) -> bool:
        entry = self.entries(kind).get(key)
        return bool(isinstance(entry, dict) and entry.get("external"))

    def object_name(self, kind: str, key: str, path: Path) -> str:
        """Returns the object's name in the Swarm: its ``name``, or STACK_KEY, or KEY if it is external."""
        name = self.definition(kind, key, path).get("name")
        if name is not None and str(name).strip():
            return str(name)
        return key if self.is_external(kind, key) else self.stack.scoped(key)

    def use_network(self, key: str, path: Path) -> str:
        """Records that a service joins a network, and returns the network's name."""
        name = self.object_name("networks", key, path)
        self.used_networks.add(key)
        return name

    def use_predefined(self, name: str) -> None:
        self.used_predefined.add(name)

    # -- how services name each other

    @cached_property
    def jobs(self) -> frozenset[str]:
        """Returns the services that become jobs, since others wait until they have completed."""
        services = self.entries("services")
        return frozenset(key for key in waited_for(services, COMPLETED) if becomes_job(services.get(key) or {}))

    @cached_property
    def link_aliases(self) -> dict[str, list[str]]:
        """Returns for each service the aliases in the ``links`` of other services."""
        found: dict[str, list[str]] = {}
        if "links" not in self.options.apply_ignored:
            return found
        for service in self.entries("services").values():
            links = service.get("links") if isinstance(service, dict) else None
            for link in links if isinstance(links, list) else []:
                target, _colon, alias = str(link).partition(":")
                if alias and alias != target and alias not in found.setdefault(target, []):
                    found[target].append(alias)
        return {target: sorted(aliases) for target, aliases in found.items() if aliases}

    @cached_property
    def _hosts_named(self) -> dict[str, str | None]:
        """Returns all host names in the services' settings, each with its service (None: several)."""
        found: dict[str, str | None] = {}
        for key, service in self.entries("services").items():
            for host in hosts_named(service) if isinstance(service, dict) else ():
                if found.setdefault(host, key) != key:
                    found[host] = None
        return found

    def is_named_as_host(self, host: str, key: str) -> bool:
        """Returns whether a service other than ``key`` uses ``host`` as a host name."""
        return self._hosts_named.get(host, key) != key


_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
#: As in ``postgres://user@NAME/``, ``NAME:5432`` and ``--host=NAME``.
_HOST = re.compile(rf"(?:://|@)({_NAME})|(?<![A-Za-z0-9_./-])({_NAME})(?=:[0-9])|host(?:name)?[= ]({_NAME})", re.I)
_HOST_VARIABLE = re.compile(r"HOST|SERVER|ADDR|ENDPOINT|BROKER|UPSTREAM", re.I)
_WHOLE = re.compile(_NAME + r"\Z")


def hosts_named(service: Mapping[str, object]) -> Iterator[str]:
    """Yields the names in places of hosts; not all words, since users and databases often have the same name."""
    environment = service.get("environment")
    for name, value in environment.items() if isinstance(environment, dict) else ():
        if isinstance(value, str):
            if _HOST_VARIABLE.search(str(name)) and _WHOLE.match(value):
                yield value
            yield from _in(value)
    for key in ("entrypoint", "command"):
        words = service.get(key)
        if isinstance(words, list):
            yield from _in(" ".join(str(word) for word in words))


def _in(text: str) -> Iterator[str]:
    for match in _HOST.finditer(text):
        yield next((name for name in match.groups() if name), "")


#: Keys that ``docker stack deploy`` accepts and ignores, although Swarm supports them.
IGNORED_BY_DOCKER = frozenset(key.removeprefix("volumes[].") for key, row in SERVICE.items() if row.ignored)


@dataclass(frozen=True)
class ConvertOptions:
    """The options of convert().

    ``home`` replaces a leading ``~`` in the source of a bind. ``apply_ignored``: the keys of IGNORED_BY_DOCKER that
    take effect; with an empty set, the result is exactly that of ``docker stack deploy``.
    ``generic_resources`` maps a device driver or capability (``nvidia``, ``gpu``) to the kind that the nodes advertise.
    """

    home: str = "/root"
    apply_ignored: frozenset[str] = IGNORED_BY_DOCKER
    generic_resources: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Scope:
    """One service of the project, by its key."""

    context: Context
    key: str
    service: Mapping[str, Any]

    @property
    def stack(self) -> Stack:
        return self.context.stack

    def path(self, *keys: str | int) -> Path:
        return ("services", self.key, *keys)

    def invalid(self, message: str, *keys: str | int, hint: str = "", code: str = "invalid") -> Invalid:
        return Invalid(message, self.path(*keys), hint, code)

    def notice(self, message: str, *keys: str | int, hint: str = "", code: str = "approximated") -> None:
        self.context.notices.append(self.context.at(message, self.path(*keys), hint, code))

    def applies(self, ignored_key: str, *keys: str | int) -> bool:
        """Returns whether a key that docker's CLI ignores takes effect; a notice reports if not."""
        if ignored_key in self.context.options.apply_ignored:
            return True
        self.notice(
            "has no effect, as with 'docker stack deploy'", *(keys or (ignored_key,)), code="ignored_like_docker"
        )
        return False


class Field(NamedTuple):
    """A field of the spec and the function that creates it: always, or if the service has one of ``keys``."""

    name: str
    make: Callable[[Scope], object]
    keys: tuple[str, ...]


FIELDS: list[Field] = []
_Make = TypeVar("_Make", bound=Callable[[Scope], object])


def makes(name: str, *keys: str) -> Callable[[_Make], _Make]:
    """Registers the function that creates the field ``name`` (its path in the ServiceSpec) from ``keys``."""

    def mark(make: _Make) -> _Make:
        FIELDS.append(Field(name, make, keys))
        return make

    return mark
