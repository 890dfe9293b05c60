# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the collection: one base class, a stable ``error_code`` and a hint what to do.

Core code raises; only the adapter and the action plugins turn an error into a task's result.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Match, Optional, Sequence

#: Complete control sequences of terminals: colors, links, titles.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[(-/][0-~]|\x1b[0-Z=>^-~]"
)
#: Characters that a terminal acts on or draws misleadingly: controls, direction marks, characters without width, other
#: line ends, surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_BREAKS = re.compile("[\t\n]")


def plain_text(text: str, lines: bool = True) -> str:
    """Makes external text safe for a terminal.

    Removes control sequences such as colors, and writes other controls and invisible characters as escapes like
    ``\\x1b``. Line ends and tabs stay if ``lines``.
    """
    if _UNSAFE.search(text):
        text = _UNSAFE.sub(_as_escape, _SEQUENCE.sub("", text.replace("\r\n", "\n")))
    return text if lines else _BREAKS.sub(_as_escape, text)


def _as_escape(match: Match[str]) -> str:
    return ascii(match.group())[1:-1]


@dataclass(frozen=True)
class Problem:
    """A fault at one place in a Compose file, or a setting there without effect.

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
        return plain_text(f"{text} ({self.hint})" if self.hint else text, lines=False)

    def as_dict(self) -> Dict[str, Any]:
        return asdict(self)


class StackwrightError(Exception):
    """Base of all errors of the collection. ``details`` is plain data for the task's result, without secrets."""

    default_code = "error"

    def __init__(
        self,
        message: str,
        error_code: Optional[str] = None,
        hint: str = "",
        details: Optional[Dict[str, object]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code or self.default_code
        self.hint = hint
        self.details: Dict[str, Any] = details or {}

    def __str__(self) -> str:
        # After several lines, the hint is on a separate line.
        between = "\n" if "\n" in self.message else " "
        return plain_text(f"{self.message}{between}{self.hint}" if self.hint else self.message)


class ComposeError(StackwrightError, ValueError):
    """The Compose files can't be deployed; ``problems`` has all problems of one run."""

    default_code = "invalid_compose"
    subject = "the Compose files"

    def __init__(self, problems: Sequence[Problem], error_code: Optional[str] = None) -> None:
        # The number of further problems (code "more") comes last.
        self.problems: List[Problem] = sorted(
            problems, key=lambda p: (p.code == "more", p.file, p.line, p.column, p.key, p.message)
        )
        count = len(self.problems)
        head = f"{count} problem{'' if count == 1 else 's'} in {self.subject}"
        super().__init__(
            "\n".join([head + ":"] + [f"  {problem}" for problem in self.problems]),
            error_code=error_code,
            details={"problems": [problem.as_dict() for problem in self.problems]},
        )


class ValueStoreError(StackwrightError):
    """The value store can't be read or written, or has lost values."""

    default_code = "value_store"


class GeneratorError(StackwrightError, ValueError):
    """The generator does not exist (``unknown_generator``), or its parameters are wrong (``generator``)."""

    default_code = "generator"


class PlanError(StackwrightError, ValueError):
    """There is no safe plan from the observed to the desired state (a cycle, a change that Swarm refuses)."""

    default_code = "unsafe_change"


class EngineError(StackwrightError):
    """The Engine could not be reached or refused a call.

    Codes: ``daemon_unreachable``, ``permission_denied``, ``not_a_manager``, ``not_in_swarm``, ``swarm_locked``,
    ``no_quorum``, ``conflict``, ``not_found``, ``out_of_sequence``, ``invalid_spec``, ``registry_auth``,
    ``image_not_found``, ``timeout``, ``tls_error``, ``missing_requirement``, ``api_too_old``, ``engine_error``,
    ``bad_answer`` (not the answer of an Engine), ``answer_too_large``.
    ``status`` is the HTTP status, 0 if there was no answer.
    """

    default_code = "engine_error"

    def __init__(
        self,
        message: str,
        error_code: Optional[str] = None,
        hint: str = "",
        status: int = 0,
        details: Optional[Dict[str, object]] = None,
    ) -> None:
        super().__init__(message, error_code, hint, details)
        self.status = status


class DeployError(StackwrightError):
    """A deployment began and failed; ``details['outcome']`` has what was done and what was not."""

    default_code = "deploy_failed"


class RouteError(StackwrightError):
    """A route is invalid, or belongs to another owner."""

    default_code = "route"
