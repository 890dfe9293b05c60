# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``env_overrides``: environment variables of the task. A service's win over the stack's, these over the files'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.casts import to_bool
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import kind_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.inline import PlainMark
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.value_names import ValueNames

OPTION = "env_overrides"
_LONG = frozenset(("value", "sensitive"))


@dataclass(frozen=True)
class Override:
    """One override; with ``text`` None it removes the variable."""

    text: str | None = field(repr=False)
    sensitive: bool
    place: Place


@dataclass
class Overrides:
    """The overrides for the whole stack, and by service."""

    place: Place
    stack: dict[str, Override] = field(default_factory=dict)
    services: dict[str, dict[str, Override]] = field(default_factory=dict)

    def variables(self, names: ValueNames) -> dict[str, str]:
        """Returns the stack's overrides as variables for ``${NAME}``."""
        found = {}
        for key, override in self.stack.items():
            if override.text is not None:
                found[key] = _text(override, "stack", key, names)
        return found

    def apply(self, tree: Map, known: set[str], names: ValueNames) -> None:
        """Changes the environments of the services of ``tree``. Reports services that are not in ``known``."""
        services = tree.get("services")
        if not isinstance(services, Map):
            return
        unknown = set(self.services) - known if ANYTHING not in services.lost and ANYTHING not in tree.lost else ()
        for key in sorted(unknown):
            available = ", ".join(sorted(known)) or "none"
            self.place.at({}, "services").at({}, key).problem(
                "the files have no such service", hint=f"available: {available}", code="unknown_service"
            )
        # The files themselves use the names of an x-env where they need them.
        everywhere = {key: override for key, override in self.stack.items() if key not in names.stack_keys}
        for key, service in services.items():
            own = self.services.get(key, {})
            if isinstance(service, Map) and (own or everywhere):
                service.put("environment", self._environment(key, service, everywhere, own, names))

    def _environment(
        self,
        service: str,
        node: Map,
        everywhere: Mapping[str, Override],
        own: Mapping[str, Override],
        names: ValueNames,
    ) -> Map:
        before = node.get("environment")
        new = Map(self.place.mark)
        if isinstance(before, Map):
            new = before.like()  # a service that extends this one may share the other
            for key, text in before.items():
                new.put(key, text, before.mark(key))
        for owner, overrides in (("stack", everywhere), (service, own)):
            for key, override in overrides.items():
                if override.text is None:
                    new.drop(key)
                elif override.sensitive and owner == service and names.owner_fault(service):
                    override.place.problem(names.owner_fault(service), hint="rename it", code="value_owner")
                elif key not in own or owner == service:
                    new.put(key, _text(override, owner, key, names), override.place.mark)
        return new


def _text(override: Override, owner: str, key: str, names: ValueNames) -> str:
    text = override.text or ""
    return names.give(f"{owner}/{key}", text, override.place) if override.sensitive else text


def read_overrides(option: object, report: Report) -> Overrides:
    """Parses the option ``{stack: {KEY: …}, services: {SERVICE: {KEY: …}}}``.

    Each override is a value, null, or ``{value: …, sensitive: true}``. Problems never contain a value.
    """
    place = Place(report, (), PlainMark(OPTION))
    overrides = Overrides(place)
    given = _mapping(option, place)
    for key in given:
        if key not in ("stack", "services"):
            place.at({}, key).problem("is unknown here", hint="use 'stack' and 'services'", code="env_overrides")
    overrides.stack = _entries(given.get("stack"), place.at({}, "stack"))
    here = place.at({}, "services")
    for service, entries in _mapping(given.get("services"), here).items():
        overrides.services[str(service)] = _entries(entries, here.at({}, str(service)))
    return overrides


def _mapping(value: object, place: Place) -> Mapping[Any, Any]:
    if value is None or isinstance(value, Mapping):
        return value or {}
    place.problem(f"must be a mapping, not {kind_of(value)}", code="type")
    return {}


def _entries(value: object, place: Place) -> dict[str, Override]:
    found = {}
    for key, given in _mapping(value, place).items():
        name = str(key)
        here = place.at({}, name)
        override = _override(given, here)
        if not name or "=" in name or "\0" in name:
            here.problem("is not a valid name of an environment variable", code="env_overrides")
        elif override is not None:
            found[name] = override
    return found


def _override(given: object, place: Place) -> Override | None:
    sensitive: Any = False
    if isinstance(given, Mapping):
        unknown = sorted(str(key) for key in given if key not in _LONG)
        if unknown or "value" not in given:
            what = f"has the unknown key {unknown[0]}" if unknown else "has no 'value'"
            place.problem(what, hint="use a text, or {value: TEXT, sensitive: true}", code="env_overrides")
            return None
        sensitive = to_bool(given.get("sensitive", False), place.at({}, "sensitive"))
        if not isinstance(sensitive, bool):
            return None
        given = given["value"]
    if isinstance(given, (Mapping, list, tuple)):
        place.problem(f"must be one value, not {kind_of(given)}", hint="join it, or use to_json", code="type")
        return None
    text = None if given is None else scalar_text(given)
    if text is not None and "\0" in text:
        place.problem("contains a NUL, which environment variables can't contain", code="encoding")
        return None
    return Override(text, sensitive, place)
