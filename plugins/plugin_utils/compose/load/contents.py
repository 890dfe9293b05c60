# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the content of configs and secrets: from a file, the Compose file itself, or a variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.disk import read_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map

SECTIONS = ("configs", "secrets")
SOURCES = ("content", "driver", "environment", "file")
Contents = dict[tuple[str, str], bytes]


def contents_of_variables(tree: Map, variables: Mapping[str, str], place: Place) -> Contents:
    """Returns the content of entries with ``environment`` whose variable is set; each included project has its own."""
    found: Contents = {}
    for section in SECTIONS:
        entries = tree.get(section)
        for key, entry in entries.items() if isinstance(entries, Map) else ():
            name = entry.get("environment") if isinstance(entry, Map) else None
            if isinstance(name, str) and name in variables:
                place.at(tree, section).at(entries, key).at(entry, "environment").spend(len(variables[name]))
                found[section, key] = variables[name].encode("utf-8", "surrogateescape")
    return found


def read_contents(tree: Map, from_variables: Contents, reader: FileReader, place: Place) -> Contents:
    """Returns the bytes of every config and secret that is not external and has no driver."""
    contents: Contents = {}
    for section in SECTIONS:
        entries = tree.get(section)
        for key, entry in entries.items() if isinstance(entries, Map) else ():
            if isinstance(entry, Map) and entry.get("external") is not True and not entry.get("driver"):
                here = place.at(tree, section).at(entries, key)
                data = _content(section, key, entry, from_variables, reader, here)
                if data is not None:
                    here.spend(len(data))
                    contents[section, key] = data
    return contents


def _content(
    section: str, key: str, entry: Map, from_variables: Contents, reader: FileReader, place: Place
) -> bytes | None:
    one = section[:-1]
    file: Any = entry.get("file")
    if isinstance(file, str) and file:
        return read_file(reader, file, place.at(entry, "file"), f"the file of the {one}")
    if isinstance(entry.get("content"), str):
        return str(entry["content"]).encode("utf-8", "surrogateescape")
    if isinstance(entry.get("environment"), str):
        if (section, key) not in from_variables:
            place.at(entry, "environment").problem(
                f"the {one} takes its content from the variable {entry['environment']}, which is not set",
                hint="set it to a value",
                code="required_variable",
            )
        return from_variables.get((section, key))
    if not entry.lost.isdisjoint((ANYTHING, "external", *SOURCES)):
        return None
    place.problem(
        f"the {one} has no content", hint="set 'file', 'content' or 'environment', or external: true", code="no_content"
    )
    return None
