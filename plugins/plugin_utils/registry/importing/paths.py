# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rewrites the relative paths of a document for another folder."""

from __future__ import annotations

import posixpath
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.pattern_table import Rules
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.posix_paths import is_remote, join
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map

_FIXED = ("/", "~", "$", "\\")


def moved_paths(tree: Map, directory: str, to: str, place: Place) -> None:
    """Rewrites the relative paths of ``tree`` from ``directory`` to ``to``; changes ``tree``."""
    if posixpath.normpath(directory) == posixpath.normpath(to):
        return

    def path(value: object, _here: Place) -> Any:
        if not isinstance(value, str) or not value or value.startswith(_FIXED) or is_remote(value):
            return value
        seen = posixpath.relpath(join(directory, value), to)
        return seen if seen.startswith("..") else f"./{seen}"

    def mount(value: object, here: Place) -> Any:
        if isinstance(value, str):
            source, colon, rest = value.partition(":")
            return f"{path(source, here)}{colon}{rest}" if colon and source.startswith(".") else value
        if isinstance(value, Map) and value.get("type") == "bind":
            value["source"] = path(value.get("source"), here)
        return value

    def paths(value: object, here: Place) -> Any:
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Map):
                    item["path"] = path(item.get("path"), here)
                else:
                    value[index] = path(item, here)
            return value
        return path(value, here)

    def build(value: object, here: Place) -> Any:
        if isinstance(value, Map):
            if "context" in value:
                value["context"] = path(value["context"], here)
            return value
        return path(value, here)

    def volume(value: object, here: Place) -> Any:
        options = value.get("driver_opts") if isinstance(value, Map) else None
        if isinstance(options, Map) and "bind" in str(options.get("o", "")).split(",") and options.get("device"):
            options["device"] = path(options["device"], here)
        return value

    rules = Rules(
        {
            "services.*.env_file": paths,
            "services.*.label_file": paths,
            "services.*.volumes[]": mount,
            "services.*.build": build,
            "configs.*.file": path,
            "secrets.*.file": path,
            "volumes.*": volume,
        }
    )
    rules.apply(tree, place)
