# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks health checks: their fields and ports, their tools, and whether they can fail."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.claims import published_ports
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.probes import TOOLS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.routing import proxies, routes_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import settled
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of

#: The fields that each type uses besides the times.
FIELDS = {
    "docker": (),
    "http": ("port", "path", "status", "with"),
    "tcp": ("port", "with"),
    "exec": ("command",),
}
TIMES = ("interval", "timeout", "retries", "start_period", "start_interval")
_SUCCEEDS = r"(?:true|:|exit(?:\s+0)?|/bin/true|/usr/bin/true|(?:echo|printf|sleep)\b[^;&|]*)"
#: A command whose last part always succeeds.
_CANNOT_FAIL = re.compile(rf"(?:.*(?:\|\||;|\n)\s*)?{_SUCCEEDS}\s*;?\s*\Z", re.DOTALL)
_SHELLS = ("sh", "bash", "ash", "dash", "/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash")


def check_health(registry: Registry, findings: Findings) -> None:
    proxy_names = proxies(registry)
    for service in registry.services.values():
        check = service.keys.get("health_check")
        if isinstance(check, dict) and check.get("type") in FIELDS:
            routed = any(route.port for route in routes_of(registry, service, proxy_names))
            _check(service, check, routed and service.name not in proxy_names, findings)
        own = (service.keys.get("compose") or {}).get("healthcheck")
        if isinstance(own, dict) and cannot_fail(own.get("test")):
            _report_success(service.path("compose", "healthcheck", "test"), findings)


def _check(service: Service, check: Any, routed: bool, findings: Findings) -> None:
    kind = check["type"]
    for key in check:
        if key != "type" and key not in TIMES and key not in FIELDS[kind] and not key.startswith("x-"):
            hint = f"remove it; '{kind}' takes {', '.join(FIELDS[kind]) or 'only times and retries'}"
            message = f"a health check of type '{kind}' does not use '{key}'"
            findings.problem(service.path("health_check", key), message, hint, "health_field")
    if kind == "exec":
        if not check.get("command") and "command" not in check.lost:
            findings.problem(service.path("health_check"), "'exec' needs 'command'", "add the command", "health_field")
        elif cannot_fail(check.get("command")):
            _report_success(service.path("health_check", "command"), findings)
    elif kind in ("http", "tcp"):
        _check_port(service, check, findings)
        _check_tool(service, check, routed, findings)


def _check_port(service: Service, check: Any, findings: Findings) -> None:
    if check.get("port") is None:
        if "port" not in check.lost:
            message = f"a health check of type '{check['type']}' needs 'port'"
            findings.problem(service.path("health_check"), message, "add the port of the container", "health_field")
        return
    port = settled(check["port"])
    known = known_ports(service)
    if port is not None and known and port not in known:
        message = f"the health check asks for port {port}; the service has {', '.join(sorted(known, key=_number))}"
        hint = f"correct the port, or add {port} to 'expose:'"
        findings.problem(service.path("health_check", "port"), message, hint, "health_port")


def _number(text: str) -> tuple[int, str]:
    return int(text) if text.isdigit() else 0, text


def known_ports(service: Service) -> set[str]:
    """Returns the ports of the container in the registry; empty if one of them has an unset variable."""
    keys = service.keys
    found = {text_of(port.get("target")) for _index, port in published_ports(service)}
    found |= {text_of(port).partition("/")[0] for port in keys.get("expose") or ()}
    found |= {text_of(route["port"]) for route in keys.get("routes") or () if route.get("port") is not None}
    if keys.get("port") is not None:
        found.add(text_of(keys["port"]))
    unsettled = any("$" in port for port in found) or len(keys.get("ports") or ()) > len(published_ports(service))
    return set() if unsettled else found


def _check_tool(service: Service, check: Any, routed: bool, findings: Findings) -> None:
    tools = TOOLS[check["type"]]
    tool = check.get("with")
    if tool is None and "with" not in check.lost:
        if check["type"] == "http" and routed and check.get("status") is None:
            return  # the proxy does the check
        hint = f"add 'with:' and one of {', '.join(tools)}: whichever the image has"
        message = f"a health check of type '{check['type']}' runs inside the container and needs a tool there"
        findings.problem(service.path("health_check"), message, hint, "health_tool")
    elif tool is not None and tool not in tools:
        hint = f"use one of {', '.join(tools)}"
        message = f"'{tool}' can't do a check of type '{check['type']}'"
        findings.problem(service.path("health_check", "with"), message, hint, "health_tool")


def cannot_fail(command: object) -> bool:
    """Returns whether a command succeeds regardless of the state of the container."""
    if isinstance(command, list):
        words = [text_of(word) for word in command]
        kind = words[0] if words else ""
        if kind in ("CMD", "CMD-SHELL"):
            words = words[1:]
        if kind == "CMD-SHELL" or len(words) == 1:
            return bool(words) and cannot_fail(" ".join(words))
        if len(words) > 2 and words[0] in _SHELLS and words[1].startswith("-") and "c" in words[1]:
            return cannot_fail(words[2])
        return bool(words) and words[0].rpartition("/")[2] in ("true", "echo", "printf", "sleep", ":")
    text = text_of(command).strip() if command is not None else ""
    return bool(text) and _CANNOT_FAIL.match(_outside_quotes(text)) is not None


def _outside_quotes(text: str) -> str:
    """Empties the quoted parts of a text, so that separators in them don't count."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "''", text)


def _report_success(path: Any, findings: Findings) -> None:
    message = "this health check cannot fail, so it checks nothing"
    findings.problem(path, message, "run a command that fails when the service does not work", "health_cannot_fail")
