# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. From a preflight's findings to the result of the task."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    in_order,
    sentence,
)

Result = Dict[str, Any]
#: By ``fail_on``, the levels that make the task fail.
BAD = {"never": (), "error": (ERROR,), "warning": (ERROR, WARNING)}


def codes_of(findings: List[Finding]) -> Dict[str, List[str]]:
    """Returns the codes of findings by level, for the other hosts."""
    levels = sorted({item["level"] for item in findings})
    return {level: [item["code"] for item in in_order(findings) if item["level"] == level] for level in levels}


def joined_parts(*parts: Mapping[str, Any]) -> Result:
    """Returns the parts of a preflight as one result."""
    whole: Result = {}
    for part in parts:
        whole.update({name: value for name, value in part.items() if value not in (None, "")})
    whole["findings"] = [item for part in parts for item in part["findings"]]
    whole["calls"] = sum(part.get("calls", 0) for part in parts)
    return whole


def judged(result: Result, findings: List[Finding], fail_on: str) -> None:
    """Adds the findings and their counts to the result, and fails it if a level is in BAD of ``fail_on``."""
    findings = in_order(findings)
    errors = [item for item in findings if item["level"] == ERROR]
    warnings = [item for item in findings if item["level"] == WARNING]
    result.update(findings=findings, error_count=len(errors), warning_count=len(warnings), ok=not errors)
    bad = [item for item in findings if item["level"] in BAD[fail_on]]
    shown = [item for item in findings if item not in bad]
    if shown:
        result["warnings"] = [sentence(item) for item in shown]
    if bad:
        result.update(
            failed=True,
            error_code=code_of([item["code"] for item in bad]),
            msg="\n".join([f"{counted(len(bad))}:", *(f"  {sentence(item)}" for item in bad)]),
        )


def counted(number: int) -> str:
    """Returns the start of a sentence about failed checks."""
    return f"{number} preflight check{'s' if number > 1 else ''} failed"


def code_of(codes: List[str]) -> str:
    """Returns the code that all findings share, or ``preflight``."""
    return codes[0] if len(set(codes)) == 1 else "preflight"
