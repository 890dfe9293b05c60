# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter hashed_name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import names
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.stack_argument import stack_of


def hashed_name(
    service: object,
    stack: object = None,
    project: object = None,
    environment: object = None,
    stack_hash: object = None,
    host: bool = False,
) -> str:
    if not service or not isinstance(service, str):
        raise AnsibleFilterError("hashed_name needs the key of a service, such as 'web'.")
    if bool(stack) == bool(stack_hash):
        raise AnsibleFilterError("hashed_name needs either the stack or its hash.")
    digest = str(stack_hash) if stack_hash else stack_of(stack, project, environment).hash
    return names.host_name(service, digest) if host else names.hashed_name(service, digest)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hashed_name": hashed_name}
