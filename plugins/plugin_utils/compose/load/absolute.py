# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the relative paths of a document absolute."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.pattern_table import Rules
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.posix_paths import (
    expand_home,
    is_absolute,
    join,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map


def resolve_paths(tree: Map, directory: str, home: str | None, place: Place) -> Map:
    """Makes bind sources, ``env_file``, ``label_file`` and ``file`` absolute, from ``directory``; changes ``tree``.

    An absolute path stays as it is written, as in Docker's CLI.
    """

    def path(value: object, here: Place) -> Any:
        if not isinstance(value, str):
            return value
        expanded = expand_home(value, home)
        if expanded is None:
            here.problem(
                "begins with '~', and no home directory is known",
                hint="set the variable HOME, or write the full path",
                code="home_unknown",
            )
            return value
        return join(directory, expanded)

    def mount(value: object, here: Place) -> Any:
        if isinstance(value, Map) and value.get("type") == "bind" and not _on_windows(value.get("source")):
            value["source"] = path(value["source"], here.at(value, "source"))
        return value

    def volume(value: object, here: Place) -> Any:
        """Rewrites ``device`` if ``o`` contains ``bind``: then the local driver mounts a folder."""
        options = value.get("driver_opts") if isinstance(value, Map) else None
        if isinstance(options, Map) and "bind" in str(options.get("o", "")).split(","):
            device = options.get("device")
            if isinstance(device, str) and device and not is_absolute(device):
                options["device"] = path(device, here.at(value, "driver_opts").at(options, "device"))
        return value

    rules = Rules(
        {
            "services.*.env_file[].path": path,
            "services.*.label_file[]": path,
            "services.*.volumes[]": mount,
            "configs.*.file": path,
            "secrets.*.file": path,
            "volumes.*": volume,
        }
    )
    rules.apply(tree, place)
    return tree


def _on_windows(source: object) -> bool:
    return not isinstance(source, str) or not source or "\\" in source[:3] or source[1:3] == ":/"
