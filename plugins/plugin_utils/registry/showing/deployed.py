# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the deployed services with the registry: versions, and services that only one of the two has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.substitution import (
    TemplateError,
    substitute,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import Service, Stack

SAME, DIFFERS, MISSING, EXTRA, UNKNOWN = "same", "differs", "missing", "extra", "unknown"


def compared(registry: Registry, stacks: Sequence[Stack], variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns for each service ``wanted`` and ``running`` (images), ``state`` and ``status`` (its health).

    :param stacks: the stacks of the registry, from stack_info.
    :param variables: for ``${NAME}`` in images; an image with another variable is ``unknown``.
    """
    live: dict[str, Service] = {}
    for stack in stacks:
        for running in stack["services"]:
            live[running["name"][len(stack["name"]) + 1 :]] = running
    found = []
    for name, service in registry.services.items():
        wanted, known = _resolved(service.image, variables)
        runs = live.pop(name, None)
        asked = _without_digest(runs["image_asked"] or runs["image"], wanted) if runs else ""
        if runs is None:
            state = MISSING
        elif not known:
            state = UNKNOWN
        else:
            state = SAME if _full(asked) == _full(wanted) else DIFFERS
        found.append(_entry(name, wanted, asked, state, runs))
    for name, runs in live.items():
        found.append(_entry(name, "", _without_digest(runs["image_asked"] or runs["image"], ""), EXTRA, runs))
    return found


def _entry(name: str, wanted: str, running: str, state: str, runs: Service | None) -> dict[str, Any]:
    status = runs["status"] if runs else ""
    return {"name": name, "wanted": wanted, "running": running, "state": state, "status": status}


def _resolved(image: str, variables: Mapping[str, str]) -> tuple[str, bool]:
    unset: list[str] = []
    try:
        text = substitute(image, variables, unset.append, lambda size: None)
    except TemplateError:
        return image, False
    return (image, False) if unset else (text, True)


def _without_digest(image: str, wanted: str) -> str:
    return image if "@" in wanted else image.partition("@")[0]


def _full(image: str) -> str:
    """Adds ``:latest`` to an image without a tag, as the Engine does."""
    if "@" in image or ":" in image.rpartition("/")[2]:
        return image
    return f"{image}:latest"
