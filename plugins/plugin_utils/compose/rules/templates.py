# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swarm expands Go templates in some texts of a service, and refuses a service with one that isn't closed."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.look import Look, items_of, mapping


def check_templates(look: Look) -> None:
    for name, service in look.services.items():
        for path, value in _templates(service):
            if isinstance(value, str) and value.rfind("{{") > value.rfind("}}"):
                hint = "close it with '}}', or write '{{\"{{\"}}' for the two braces themselves"
                look.problem(("services", name, *path), "Swarm can't expand this: '{{' is not closed", hint, "template")


def _templates(service: Mapping[str, Any]) -> Iterator[Tuple[Tuple[Any, ...], Any]]:
    """The texts that swarmkit's template package expands when it validates a service."""
    yield ("hostname",), service.get("hostname")
    for key, value in mapping(service.get("environment")).items():
        yield ("environment", key), value
    for index, mount in items_of(service, "volumes"):
        for key in ("source", "target"):
            yield ("volumes", index, key), mount.get(key)
