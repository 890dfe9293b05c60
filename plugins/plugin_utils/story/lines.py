# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. The progress lines about a run's plan, services and routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, List


def plan_lines(looked: Mapping[str, Any]) -> List[str]:
    """Returns the lines of the plan, which are shown before it is carried out."""
    return [f"plan: {line}" for line in looked.get("plan_lines") or ()]


def end_lines(done: Mapping[str, Any]) -> List[str]:
    """Returns one line for each service and each change of routes, for the end of a run with changes."""
    found = [_service(service) for service in done.get("services") or ()]
    by_line: dict[str, List[str]] = {}
    for proxy in done.get("routes_result") or ():
        for line in proxy.get("changes") or () if proxy.get("changed") else ():
            by_line.setdefault(str(line), []).append(str(proxy["proxy"]))
    return found + [f"route: {line} ({', '.join(hosts)})" for line, hosts in by_line.items()]


def _service(service: Mapping[str, object]) -> str:
    counts = f" {service['running']}/{service['desired']}" if "running" in service and "desired" in service else ""
    image = f", {service['image']}" if service.get("image") else ""
    return f"service: {service['name']} {service['status']}{counts}{image}"
