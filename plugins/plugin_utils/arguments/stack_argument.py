# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack argument of filters."""

from __future__ import annotations

from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack


def stack_of(value: object, project: object = None, environment: object = None) -> Stack:
    """Returns the stack of a name, or of a mapping with name, project and environment.

    Raises AnsibleFilterError if it is not a valid stack.
    """
    if isinstance(value, Mapping):
        project = value.get("project") if project is None else project
        environment = value.get("environment") if environment is None else environment
        value = value.get("name")
    try:
        return Stack(*(str(part) if part else None for part in (value, project, environment)))  # type: ignore[arg-type]
    except StackwrightError as error:
        raise AnsibleFilterError(str(error)) from error
