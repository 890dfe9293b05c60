# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment and labels of each service: files first, then the service's own entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.environment import SHORT
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.disk import read_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.dotenv import EnvFileError, decode, parse_raw
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.files import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.tree import Map, Mark, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.variables import dotenv_entries


def resolve_bare(tree: Map, variables: Mapping[str, str]) -> Map:
    """Gives each bare key of an ``environment`` the variable's value, or leaves it out; changes ``tree``."""
    services = tree.get("services")
    for service in services.values() if isinstance(services, Map) else ():
        environment = service.get("environment") if isinstance(service, Map) else None
        if isinstance(environment, Map):
            for key in [key for key, value in environment.items() if value is None]:
                if key in variables:
                    environment[key] = variables[key]
                else:
                    environment.drop(key)
    return tree


def read_environment_files(tree: Map, variables: Mapping[str, str], reader: FileReader, place: Place) -> Map:
    """Replaces ``env_file`` and ``label_file`` by what stands in them; changes ``tree``."""
    services = tree.get("services")
    for name, service in services.items() if isinstance(services, Map) else ():
        if isinstance(service, Map) and ("env_file" in service or "label_file" in service):
            here = place.at(tree, "services").at(services, name)
            _Files(variables, reader).read(service, here)
    return tree


class _Files:
    def __init__(self, variables: Mapping[str, str], reader: FileReader) -> None:
        self.variables = variables
        self.reader = reader

    def read(self, service: Map, place: Place) -> None:
        for key, target, entries_of in (
            ("env_file", "environment", self.env_file),
            ("label_file", "labels", self.label_file),
        ):
            paths = service.get(key)
            if not isinstance(paths, Seq):
                continue
            here = place.at(service, key)
            new = Map(here.mark)
            for index, entry in enumerate(paths):
                entries_of(new, entry, here.at(paths, index))
            own = service.get(target)
            for name, value in own.items() if isinstance(own, Map) else ():
                new.put(name, value, own.mark(name))
            service.put(target, new, service.marks.get(target) or here.mark)
            service.drop(key)

    def env_file(self, new: Map, entry: Any, place: Place) -> None:
        if not isinstance(entry, Map):
            return
        path = str(entry.get("path"))
        style = entry.get("format")
        if style not in (None, "raw", SHORT):
            place.at(entry, "format").problem(
                "is no format of env files", hint="leave it out, or write raw", code="env_file"
            )
            return
        data = self.data(path, entry.get("required") is not False, place)
        if data is None:
            return
        entries = dotenv_entries(data, path, self.variables, place.report) if style is None else _raw(data, path, place)
        for key, value, line in entries:
            if style == SHORT and value is not None and _reads_otherwise(value):
                place.report.notice(
                    f"the value of {key} has quotes, a comment or a variable, which are kept as they are",
                    Mark(path, line),
                    hint="for Compose's way of reading write env_file: [{path: FILE}]",
                    code="env_file_raw",
                )
            found = self.variables.get(key) if value is None else value
            if found is not None:
                new.put(key, found, Mark(path, line))

    def data(self, path: str, required: bool, place: Place) -> bytes | None:
        if required:
            return read_file(self.reader, path, place, "the env file")
        try:
            return self.reader.read(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return read_file(self.reader, path, place, "the env file")

    def label_file(self, new: Map, path: Any, place: Place) -> None:
        data = read_file(self.reader, str(path), place, "the label file")
        for key, value, line in dotenv_entries(data or b"", str(path), self.variables, place.report):
            new.put(key, value or "", Mark(str(path), line))


def _raw(data: bytes, path: str, place: Place) -> list[tuple[str, str | None, int]]:
    try:
        return parse_raw(decode(data))
    except EnvFileError as error:
        place.report.problem(str(error), Mark(path, error.line), hint=error.hint, code=error.code)
        return []


def _reads_otherwise(value: str) -> bool:
    return value[:1] in ("'", '"') or "${" in value or " #" in value
