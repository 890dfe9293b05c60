# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a run: from the caller, then from env files, then the project's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.disk import read_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import NOWHERE, Mark

PROJECT_NAME = "COMPOSE_PROJECT_NAME"


def given_variables(variables: Mapping[str, object], report: Report) -> dict[str, str]:
    """Returns the caller's variables as texts, without those that are None. Reports lists, mappings and NULs."""
    given: dict[str, str] = {}
    for key, value in variables.items():
        if isinstance(value, (dict, list, tuple)):
            report.problem(
                f"the variable {key} is not a single value", NOWHERE, hint="set it to a text", code="variable"
            )
        elif value is not None and "\0" in str(value):
            report.problem(f"the variable {key} contains a NUL", NOWHERE, hint="remove it", code="variable")
        elif value is not None:
            given[str(key)] = str(scalar_text(value))
    return given


def with_env_files(
    variables: Mapping[str, str], paths: Iterable[tuple[str, Place]], reader: FileReader
) -> dict[str, str]:
    """Returns ``variables`` and those that env files in Compose's format add; later files win over earlier ones."""
    added: dict[str, str] = {}
    for path, place in paths:
        data = read_file(reader, path, place, "the env file")
        if data is not None:
            for key, value, _line in dotenv_entries(data, path, {**added, **variables}, place.report):
                if value is not None:
                    added[key] = value
    return {**added, **variables}


def dotenv_entries(
    data: bytes, path: str, variables: Mapping[str, str], report: Report
) -> list[tuple[str, str | None, int]]:
    """Returns the entries of a file in Compose's format; [] after a problem with its line."""
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.dotenv import (
        EnvFileError,
        decode,
        parse_dotenv,
    )

    missing: set[str] = set()

    def unset(name: str, line: int) -> None:
        if name not in missing:
            missing.add(name)
            message = f"the variable {name} is not set, so it is empty"
            report.notice(message, Mark(path, line), code="unset_variable")

    def spend(size: int, line: int) -> None:
        report.spend(size, Mark(path, line))

    def warn(message: str, line: int) -> None:
        hint = "quote the whole value, or begin a comment with '#'"
        report.notice(message, Mark(path, line), hint=hint, code="env_file")

    try:
        return parse_dotenv(decode(data), variables, unset, spend, warn)
    except EnvFileError as error:
        report.problem(str(error), Mark(path, error.line), hint=error.hint, code=error.code)
        return []
