# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of generators: their names, valid values and defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Pattern, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import GeneratorError

REQUIRED = object()
#: A host name in lower case, of valid length.
DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z")


@dataclass(frozen=True)
class Parameter:
    """One parameter: a whole number from ``least`` to ``most``, or a text that matches ``pattern``."""

    name: str
    default: Any = REQUIRED
    least: int = 0
    most: int = 0
    pattern: Optional[Pattern[str]] = None
    means: str = ""

    def check(self, value: object) -> Any:
        """Returns the value. Raises GeneratorError if it is invalid."""
        if self.pattern is None:
            if isinstance(value, bool) or not isinstance(value, int):
                raise GeneratorError(f"{self.name} must be a whole number")
            if not self.least <= value <= self.most:
                raise GeneratorError(f"{self.name} must be from {self.least} to {self.most}, not {value}")
        elif not isinstance(value, str) or not self.pattern.match(value):
            raise GeneratorError(f"{self.name} must be {self.means}")
        return value


def complete(
    parameters: Sequence[Parameter], positional: Sequence[object], named: Mapping[str, object], takes_more: bool = False
) -> Dict[str, Any]:
    """Returns all parameters by name, checked, with defaults; other named ones too if ``takes_more``.

    Raises GeneratorError.
    """
    if len(positional) > len(parameters):
        most = len(parameters)
        raise GeneratorError(f"takes {'no parameter' if not most else f'at most {most} without a name'}")
    given: Dict[str, Any] = {p.name: value for p, value in zip(parameters, positional)}
    for name, value in named.items():
        if name in given:
            raise GeneratorError(f"{name} is set twice")
        given[name] = value
    known: Tuple[str, ...] = tuple(parameter.name for parameter in parameters)
    unknown = [name for name in given if name not in known]
    if unknown and not takes_more:
        raise GeneratorError(f"has no parameter {unknown[0]} (it has: {', '.join(known) or 'none'})")
    result: Dict[str, Any] = {name: given[name] for name in unknown}
    for parameter in parameters:
        value = given.get(parameter.name, parameter.default)
        if value is REQUIRED:
            raise GeneratorError(f"needs the parameter {parameter.name}: {parameter.means}")
        result[parameter.name] = parameter.check(value)
    return result
