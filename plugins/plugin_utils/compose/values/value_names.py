# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a run by name: those of the expressions in the files, and those that the user set."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import GeneratorError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import RESERVED, reference
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import (
    ALIASES,
    FORM,
    Call,
    ExpressionError,
    parse,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Mark

#: Of a function of ALIASES, a service and the project's name: what the service is called on the network.
Alias = Callable[[str, str, "str | None"], str]


@dataclass(frozen=True)
class Declared:
    """One value: made by a generator, or given. ``whole``: nothing stands around it where it was declared."""

    name: str
    generator: str | None
    params: dict[str, Any]
    place: Place = field(repr=False)
    whole: bool = True
    given: str | None = field(default=None, repr=False)

    def as_entry(self) -> dict[str, Any]:
        """The entry in DesiredState's ``values``."""
        mark: Mark = self.place.mark
        return {
            "name": self.name,
            "generator": self.generator,
            "params": self.params,
            "sensitive": True,
            "where": f"{mark.file}:{mark.line}" if mark.line else mark.file,
            "given": self.given,
        }


#: The blocks with the stack's own names; in one file the later of these wins.
BLOCKS = ("x-zane-env", "x-env")
#: So many places of one mistake are told.
MOST_PLACES = 10


def _nearest(word: str, known: Collection[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word[:64], list(known)[:500], n=1, cutoff=0.8)
    return f"did you mean {near[0]}?" if near else ""


class ValueNames:
    """Collects the values of a run.

    ``stack_keys`` are the names that an ``x-env`` of the files has, ``texts`` its entries with variables by their
    place: as they are written, and with the variables replaced.
    """

    def __init__(self) -> None:
        self.found: dict[str, Declared] = {}
        self.stack_keys: set[str] = set()
        self.texts: dict[Mark, tuple[str, str]] = {}
        self.project: str | None = None
        self.alias: Alias = lambda function, service, project: service
        self._named: dict[str, Place] = {}  # services, where an alias of them stands first
        self._unknown: dict[str, dict[Mark, Place]] = {}

    def give(self, name: str, text: str, place: Place) -> str:
        """The reference to a value that the user gives; it takes the place of one that would be made."""
        self.found[name] = Declared(name, None, {}, place, given=text)
        return reference(name)

    def refer(self, text: str, owner: str, key: str, place: Place) -> str:
        """``text`` with references in place of its expressions; what is wrong with one is a problem."""
        place.spend(CONTAINER * text.count("{{"))
        try:
            parts = parse(text)
        except ExpressionError as error:
            place.problem(str(error), hint=FORM, code="expression")
            return text
        done: list[str] = []
        count = 0
        for part in parts:
            if isinstance(part, Call) and part.name in ALIASES:
                done.append(self._alias(part, place))
            elif isinstance(part, Call):
                count += 1
                name = f"{owner}/{key}" if count == 1 else f"{owner}/{key}#{count}"
                place.spend(len(name))
                self._declare(name, part, place, len(parts) == 1)
                done.append(reference(name))
            else:
                done.append(part)
        return "".join(done)

    def _alias(self, call: Call, place: Place) -> str:
        if len(call.positional) != 1 or call.named or not isinstance(call.positional[0], str):
            place.problem(f"{call.name} takes the name of one service", hint=f"write {{{{ {call.name} | 'db' }}}}")
            return ""
        service: str = call.positional[0]
        self._named.setdefault(service, place)
        return self.alias(call.name, service, self.project)

    def finish(self, services: Collection[str] | None) -> None:
        """Reports, once each, the functions that there are not and the services (where they are known) that an alias
        is of."""
        for name, places in self._unknown.items():
            from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import GENERATORS

            first, *others = places.values()
            also = ", ".join(f"{place.mark.file}:{place.mark.line}" for place in others[:MOST_PLACES])
            more = f" and {len(others) - MOST_PLACES} more" if len(others) > MOST_PLACES else ""
            first.problem(
                f"unknown generator {name}" + (f" (also at {also}{more})" if also else ""),
                hint=_nearest(name, GENERATORS) or f"available: {', '.join(sorted(GENERATORS))}",
                code="unknown_generator",
            )
        for service, place in self._named.items():
            if services is not None and service not in services:
                hint = _nearest(service, services) or "an alias must belong to a service in this file"
                place.problem(f"there is no service '{service}'", hint=hint, code="undefined_service")

    def _declare(self, name: str, call: Call, place: Place, whole: bool) -> None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import (
            GENERATORS,
            generator_of,
        )

        if call.name not in GENERATORS:
            self._unknown.setdefault(call.name, {})[place.mark] = place
            return
        try:
            params = generator_of(call.name).params(call.positional, call.named)
        except GeneratorError as error:
            place.problem(f"{call.name}: {error.message}", hint=error.hint, code=error.error_code)
            return
        before = self.found.get(name)
        if before is not None and (before.generator, before.params) != (call.name, params):
            at = before.place.mark
            hint = "rename one of them"
            place.problem(
                f"the value {name} is also generated at {at.file}:{at.line}", hint=hint, code="value_conflict"
            )
        elif before is None:
            self.found[name] = Declared(name, call.name, params, place, whole)

    def owner_fault(self, service: str) -> str:
        """What is wrong with a service's name as an owner of values; "" if nothing is."""
        if service in RESERVED:
            return f"a service named {service} can't have its own values"
        return ""

    def entries(self, used: set[str]) -> list[dict[str, Any]]:
        """DesiredState's ``values``, by name: the stack's own, those in ``used``, and what they are built on."""
        kept: dict[str, Declared] = {}
        for name, declared in self.found.items():
            if name in used or declared.generator and name.startswith("stack/"):
                self._keep(declared, kept)
        return [kept[name].as_entry() for name in sorted(kept)]

    def _keep(self, declared: Declared, kept: dict[str, Declared]) -> None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import generator_of

        waiting = [declared]
        while waiting:
            one = waiting.pop()
            if one.name in kept:
                continue
            kept[one.name] = one
            for need in generator_of(one.generator).needs(one.params) if one.generator else ():
                other = self.found.get(need)
                if other is not None and other.whole:
                    waiting.append(other)
                else:
                    what = "part of a longer text" if other else "not a value of this stack"
                    one.place.problem(
                        f"depends on {need}, which is {what}",
                        hint="use a value that a single expression creates, or a sensitive one of env_overrides",
                        code="value_missing",
                    )
