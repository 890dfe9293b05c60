# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter care_findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.care.findings import findings

NAMES = ("inventory_hostname", "care_swarm", "care_nodes", "care_drift")


def care_findings(hosts: object, accept: Any = ()) -> list[str]:
    if not isinstance(hosts, list) or not all(isinstance(host, Mapping) and NAMES[0] in host for host in hosts):
        raise AnsibleFilterError("care_findings needs a list of the variables of hosts.")
    # Only these: to read all variables of a host would decrypt its vaults.
    results = [{name: plain(host[name]) for name in NAMES if name in host} for host in hosts]
    try:
        return findings(results, [str(pattern) for pattern in accept])
    except re.error as error:
        raise AnsibleFilterError(f"care_accept has an invalid regular expression: {error}.") from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"care_findings": care_findings}
