# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory: a page in Markdown that shows all services, their versions, phases, domains and dependencies."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.service import Context
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.routing import routes_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of


def inventory(context: Context, source: str) -> str:
    """Returns the text of the page."""
    registry = context.registry
    count = len(registry.services)
    lines = ["# Services", "", f"{count} service{'' if count == 1 else 's'} from {_cell(source)}.", ""]
    if registry.phases:
        lines += [
            "## Phases",
            "",
            "| order | phase | services | time limit | description |",
            "| --- | --- | --- | --- | --- |",
        ]
        for phase in sorted(registry.phases.values(), key=lambda phase: phase.order):
            members = sum(service.phase == phase.name for service in registry.services.values())
            limit = f"{phase.timeout} s" if phase.timeout else ""
            lines.append(_row(str(phase.order), phase.name, str(members), limit, phase.description))
        lines.append("")
    for category, services in registry.categories.items():
        lines += [
            f"## {category}",
            "",
            "| name | image | version | phase | domains | depends on | networks | health check | resources | notes |",
        ]
        lines.append("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        lines += [_service(context, service) for service in services] + [""]
    return "\n".join(lines)


def _service(context: Context, service: Service) -> str:
    keys = service.keys
    domains = [route.shown for route in routes_of(context.registry, service, context.proxy_names)]
    if not domains and "subdomain" in keys:
        domains = ["none"]
    order = f" ({text_of(keys['phase_order'])})" if "phase_order" in keys else ""
    image = text_of(keys.get("image")).partition("@")[0]
    notes = [text_of(keys[key]) for key in ("description", "security_note") if key in keys]
    version = service.version
    shown = image[: -len(version) - 1] if version and image.endswith(f":{version}") else image
    networks = [text_of(name) for name in keys.get("networks") or ()]
    return _row(
        service.name, shown, version, service.phase + order, ", ".join(domains), ", ".join(service.depends_on),
        ", ".join(networks), _health(service), _resources(service), ". ".join(notes),
    )  # fmt: skip


def _health(service: Service) -> str:
    """Returns the type and its fields, without the command: it can be long, and is in the Compose file."""
    check = service.keys.get("health_check")
    if not isinstance(check, dict):
        return ""
    fields = [f"{key} {text_of(value)}" for key, value in check.items() if key not in ("type", "command")]
    return ", ".join([text_of(check.get("type")), *fields])


def _resources(service: Service) -> str:
    limits = service.keys.get("resources") or {}
    parts = [text_of(limits["memory"])] if "memory" in limits else []
    parts += [f"{text_of(limits['cpus'])} CPUs"] if "cpus" in limits else []
    parts += [_gpu(service.keys["gpu"])] if "gpu" in service.keys else []
    devices = service.keys.get("deploy")
    for key in ("resources", "reservations", "devices"):
        devices = devices.get(key) if isinstance(devices, dict) else None
    # Compose requests GPUs this way. The generated file has a generic resource instead, as for ``gpu``.
    parts += [f"device {_values(device)}" for device in devices or ()] if isinstance(devices, list) else []
    return ", ".join(parts)


def _gpu(value: object) -> str:
    if isinstance(value, dict):
        return f"{text_of(value.get('count', 1))} {text_of(value.get('kind')) or 'GPU'}"
    if isinstance(value, bool):
        return "GPU" if value else "no GPU"
    return f"{value} GPU{'' if value == 1 else 's'}"


def _values(node: object) -> str:
    """Returns all values of a device as text."""
    if isinstance(node, (dict, list)):
        return " ".join(_values(value) for value in (node.values() if isinstance(node, dict) else node))
    return text_of(node)


def _row(*cells: str) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    """Returns a cell: one line, with the special characters of Markdown escaped."""
    plain = " ".join(text.split())
    for char in "\\|`*_<>[]":
        plain = plain.replace(char, f"\\{char}")
    return plain
