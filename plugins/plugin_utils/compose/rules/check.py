# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second look, at the whole project: would the Engine take it, and is anything lost on the way?"""

from __future__ import annotations

from typing import Any, List, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import Problem


def check_project(project: Any, stack_name: str) -> Tuple[List[Problem], List[Problem]]:
    """The problems and the notices of a loaded project (docs/architecture.md, "Project").

    :param stack_name: the stack's name in the Swarm, from which the names of its objects are made.
    """
    return [], []
