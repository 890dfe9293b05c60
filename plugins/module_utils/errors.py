# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the collection: one base, a stable ``error_code`` each, and a hint what to do.

Core code raises; only the adapter and the action plugins turn an error into a task's result.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Sequence


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with, or has no effect from, a place in a Compose file.

    ``key`` is the dotted path (``services.web.ports[0]``); ``line`` and ``column`` count from 1, 0 means unknown.
    ``code`` is stable and names the rule.
    """

    message: str
    key: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    hint: str = ""
    code: str = "invalid"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = ": ".join(part for part in (place, self.key, self.message) if part)
        return f"{text} ({self.hint})" if self.hint else text

    def as_dict(self) -> Dict[str, Any]:
        return asdict(self)


class StackwrightError(Exception):
    """Base of all errors of the collection.

    ``details`` is plain data for the task's result; it never holds a secret.
    """

    default_code = "error"

    def __init__(
        self,
        message: str,
        error_code: Optional[str] = None,
        hint: str = "",
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code or self.default_code
        self.hint = hint
        self.details: Dict[str, Any] = details or {}

    def __str__(self) -> str:
        # After several lines, what to do stands in a line of its own.
        between = "\n" if "\n" in self.message else " "
        return f"{self.message}{between}{self.hint}" if self.hint else self.message


class ComposeError(StackwrightError, ValueError):
    """The Compose files can't be deployed; ``problems`` holds everything that was found in one run."""

    default_code = "invalid_compose"

    def __init__(self, problems: Sequence[Problem], error_code: Optional[str] = None) -> None:
        # How many there are more is said at the end.
        self.problems: List[Problem] = sorted(
            problems, key=lambda p: (p.code == "more", p.file, p.line, p.column, p.key, p.message)
        )
        count = len(self.problems)
        head = f"{count} problem{'' if count == 1 else 's'} in the Compose files"
        super().__init__(
            "\n".join([head + ":"] + [f"  {problem}" for problem in self.problems]),
            error_code=error_code,
            details={"problems": [problem.as_dict() for problem in self.problems]},
        )


class ValueStoreError(StackwrightError):
    """The store of generated values can't be read or written, or has lost values."""

    default_code = "value_store"


class GeneratorError(StackwrightError, ValueError):
    """There is no such generator of values (``unknown_generator``), or its parameters are wrong (``generator``)."""

    default_code = "generator"


class PlanError(StackwrightError, ValueError):
    """No safe plan leads from the observed to the desired state (a cycle, a change that Swarm refuses)."""

    default_code = "unsafe_change"


class EngineError(StackwrightError):
    """The Engine could not be reached or refused a call.

    Codes: ``daemon_unreachable``, ``permission_denied``, ``not_a_manager``, ``not_in_swarm``, ``swarm_locked``,
    ``no_quorum``, ``conflict``, ``not_found``, ``out_of_sequence``, ``invalid_spec``, ``registry_auth``,
    ``image_not_found``, ``timeout``, ``tls_error``, ``missing_requirement``, ``api_too_old``, ``engine_error``.
    ``status`` is the HTTP status, 0 where there was no answer.
    """

    default_code = "engine_error"

    def __init__(
        self,
        message: str,
        error_code: Optional[str] = None,
        hint: str = "",
        status: int = 0,
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message, error_code, hint, details)
        self.status = status


class DeployError(StackwrightError):
    """A deployment began and did not end well; ``details['outcome']`` says what was done and what was not."""

    default_code = "deploy_failed"


class RouteError(StackwrightError):
    """A route is wrong, or owned by somebody else."""

    default_code = "route"
