# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a service's health check to Compose."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.units import duration
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.probes import TOOLS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import settled
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import plain_value, text_of

TIMES = ("interval", "timeout", "start_period", "start_interval")
#: Seconds for a probe if the registry has no ``timeout``; Docker's default is 30.
SECONDS = 5


def healthcheck(service: Service) -> Map | None:
    """Returns the health check; of type ``docker`` only times and retries, since the image has the test.

    None if it is empty.
    """
    check = service.keys.get("health_check")
    if not isinstance(check, Map):
        return None
    found = Map(service.keys.mark("health_check"))
    test = _test(check)
    if test is not None:
        found.put("test", test, check.mark("command" if "command" in check else "type"))
    elif check.get("type") != "docker":
        return None
    for key in TIMES:
        if key in check:
            found.put(key, text_of(check[key]), check.mark(key))
    if "retries" in check:
        found.put("retries", plain_value(check["retries"]), check.mark("retries"))
    return found or None


def _test(check: Map) -> Any:
    kind = check.get("type")
    if kind == "exec":
        command = check.get("command")
        if isinstance(command, Seq):
            words = [text_of(word) for word in command]
            return words if words[:1] in (["CMD"], ["CMD-SHELL"]) else ["CMD", *words]
        return ["CMD-SHELL", text_of(command)] if command else None
    probe = TOOLS.get(str(kind), {}).get(str(check.get("with")))
    if probe is None or check.get("port") is None:
        return None
    path, status = text_of(check.get("path")) or "/", text_of(check.get("status"))
    return probe(text_of(check["port"]), path, status, _seconds(check))


def _seconds(check: Map) -> int:
    """Returns the seconds that the tool waits: within the check's timeout, so that the log shows what happened."""
    given = settled(check.get("timeout")) if "timeout" in check else None
    try:
        return max(1, duration(given) // 10**9) if given else SECONDS
    except ValueError:
        return SECONDS
