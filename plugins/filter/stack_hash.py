# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter stack_hash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.stack_argument import stack_of


def stack_hash(stack: object, project: object = None, environment: object = None) -> str:
    return stack_of(stack, project, environment).hash


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"stack_hash": stack_hash}
