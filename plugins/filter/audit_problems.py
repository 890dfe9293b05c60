# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter audit_problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.chain import problems


def audit_problems(text: object, key: object = "", last: object = "") -> list[dict[str, Any]]:
    if not isinstance(text, str):
        raise AnsibleFilterError("audit_problems needs the text of an audit.")
    return problems(text, str(key or "").strip().encode(), str(last or "").strip())


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"audit_problems": audit_problems}
