# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a run by their names: what the expressions in the files ask for, and what the user has given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import GeneratorError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import generator_of
from ansible_collections.stackwright.swarm.plugins.module_utils.values.references import RESERVED, reference
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.tree import Mark
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.expressions import (
    FORM,
    Call,
    ExpressionError,
    parse,
)


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


class ValueNames:
    """Collects the values of a run.

    ``stack_keys`` are the names that an ``x-env`` of the files has, ``texts`` its entries with variables by their
    place: as they are written, and with the variables replaced.
    """

    def __init__(self) -> None:
        self.found: dict[str, Declared] = {}
        self.stack_keys: set[str] = set()
        self.texts: dict[Mark, tuple[str, str]] = {}

    def give(self, name: str, text: str, place: Place) -> str:
        """The reference to a value that the user gives; it takes the place of one that would be made."""
        self.found[name] = Declared(name, None, {}, place, given=text)
        return reference(name)

    def refer(self, text: str, owner: str, key: str, place: Place) -> str:
        """``text`` with references in place of its expressions; what is wrong with one is a problem."""
        try:
            parts = parse(text)
        except ExpressionError as error:
            place.problem(str(error), hint=FORM, code="expression")
            return text
        done: list[str] = []
        count = 0
        for part in parts:
            if isinstance(part, Call):
                count += 1
                name = f"{owner}/{key}" if count == 1 else f"{owner}/{key}#{count}"
                self._declare(name, part, place, len(parts) == 1)
                done.append(reference(name))
            else:
                done.append(part)
        return "".join(done)

    def _declare(self, name: str, call: Call, place: Place, whole: bool) -> None:
        try:
            params = generator_of(call.name).params(call.positional, call.named)
        except GeneratorError as error:
            about = "" if error.error_code == "unknown_generator" else f"{call.name}: "
            place.problem(about + error.message, hint=error.hint, code=error.error_code)
            return
        before = self.found.get(name)
        if before is not None and (before.generator, before.params) != (call.name, params):
            at = before.place.mark
            hint = "rename one of them"
            place.problem(f"the value {name} is also made at {at.file}:{at.line}", hint=hint, code="value_conflict")
        elif before is None:
            self.found[name] = Declared(name, call.name, params, place, whole)

    def owner_fault(self, service: str) -> str:
        """What is wrong with a service's name as an owner of values; "" if nothing is."""
        if service in RESERVED:
            return f"a service that is called {service} can't have values of its own"
        return ""

    def entries(self, used: set[str]) -> list[dict[str, Any]]:
        """DesiredState's ``values``, by name: the stack's own, those in ``used``, and what they are built on."""
        kept: dict[str, Declared] = {}
        for name, declared in self.found.items():
            if name in used or declared.generator and name.startswith("stack/"):
                self._keep(declared, kept)
        return [kept[name].as_entry() for name in sorted(kept)]

    def _keep(self, declared: Declared, kept: dict[str, Declared]) -> None:
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
                    what = "part of a longer text" if other else "no value of this stack"
                    one.place.problem(
                        f"is built on {need}, which is {what}",
                        hint="name a value that one expression alone makes, or a sensitive one of env_overrides",
                        code="value_missing",
                    )
