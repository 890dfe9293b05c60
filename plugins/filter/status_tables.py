# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters status_tables and history_lines: the output of the playbooks status and history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.status import history, tables


def status_tables(stacks: object, healths: object, drifts: object = ()) -> dict[str, list[str]]:
    given = [plain(part) for part in (stacks, healths, drifts)]
    try:
        return tables(*given)
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"status_tables needs the stacks of stack_info and results of stack_health and stack_drift: {error!r}."
        ) from None


def history_lines(stacks: object) -> list[str]:
    try:
        return history(plain(stacks))
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"history_lines needs the stacks of stack_info with their history: {error!r}."
        ) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"history_lines": history_lines, "status_tables": status_tables}
