# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts data that Ansible passes to a plugin to plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


def plain(value: object) -> Any:
    """Returns a copy of ``value`` made of dict, list, str, int, float, bool and None only.

    From ansible-core 2.19 on, values are tagged subclasses, partly lazy. A date from YAML becomes its ISO text.
    """
    kind = type(value)
    if kind in (type(None), bool, str):  # the most frequent ones; a large text is not copied
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return "".join(str(value))


def as_text(value: object) -> str:
    """Returns a variable's value as Compose would read it from the environment: a boolean is ``true`` or ``false``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else "".join(str(value))


def as_texts(variables: Variables) -> dict[str, str]:
    """Returns the variables for Compose files as text.

    :raises ComposeError: with every variable that is a list or a map, since these have no clear text form.
    """
    problems = [
        Problem(
            f"a variable is a single value, but this is a {'map' if isinstance(value, Mapping) else 'list'}",
            key=f"variables.{key}",
            hint="join it, or turn it into text with a filter such as to_json",
            code="variable_type",
        )
        for key, value in variables.items()
        if isinstance(value, (Mapping, list, tuple))
    ]
    if problems:
        raise ComposeError(problems)
    return {str(key): as_text(value) for key, value in variables.items()}
