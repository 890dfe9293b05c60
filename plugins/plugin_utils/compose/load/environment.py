# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment and labels of each service: first from files, then the service's own entries, which win."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.environment import SHORT
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.variables import dotenv_entries
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.steps import steps_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.disk import read_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import VALUE, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Seq

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.dotenv import Entry


def resolve_bare(tree: Map, variables: Mapping[str, str]) -> Map:
    """Sets each bare key of an ``environment`` to the value of its variable, if it has one; changes ``tree``."""
    services = tree.get("services")
    for service in services.values() if isinstance(services, Map) else ():
        for environment in _environments(service):
            for key in [key for key, value in environment.items() if value is None]:
                if key in variables:
                    environment[key] = variables[key]
    return tree


def read_environment_files(tree: Map, variables: Mapping[str, str], reader: FileReader, place: Place) -> Map:
    """Merges ``env_file`` and ``label_file`` into ``environment`` and ``labels``; changes ``tree``."""
    services = tree.get("services")
    files = _Files(variables, reader)
    for name, service in services.items() if isinstance(services, Map) else ():
        if isinstance(service, Map):
            if "env_file" in service or "label_file" in service:
                files.put_into(service, place.at(tree, "services").at(services, name))
            _drop_bare(service)
    return tree


def _drop_bare(service: Map) -> None:
    """Removes bare keys without a variable. They also hide the value of an env file."""
    for environment in _environments(service):
        for key in [key for key, value in environment.items() if value is None]:
            environment.drop(key)


def _environments(service: object) -> list[Map]:
    """Returns the environments of a service and of its steps."""
    holders = [service, *steps_of(service)] if isinstance(service, Map) else []
    return [holder["environment"] for holder in holders if isinstance(holder.get("environment"), Map)]


class _Files:
    """Reads and parses each file once, even if several services use it."""

    def __init__(self, variables: Mapping[str, str], reader: FileReader) -> None:
        self.variables = variables
        self.reader = reader
        self.parsed: dict[tuple[str, str | None], list[Entry]] = {}

    def put_into(self, service: Map, place: Place) -> None:
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
            if isinstance(own, Map):
                for name, value in own.items():
                    new.put(name, value, own.mark(name))
            service.put(target, new, service.marks.get(target) or here.mark)
            service.drop(key)

    def env_file(self, new: Map, entry: object, place: Place) -> None:
        if not isinstance(entry, Map):
            return
        style = entry.get("format")
        if style not in (None, "raw", SHORT):
            hint = "remove it, or use raw"
            place.at(entry, "format").problem("is not a valid env file format", hint=hint, code="env_file")
            return
        path = str(entry.get("path"))
        for key, value, line in self.entries(path, style, entry.get("required") is not False, place):
            found = self.variables.get(key) if value is None else value
            if found is not None:
                new.put(key, found, Mark(path, line))

    def label_file(self, new: Map, path: object, place: Place) -> None:
        for key, value, line in self.entries(str(path), None, True, place):
            new.put(key, value or "", Mark(str(path), line))

    def entries(self, path: str, style: str | None, required: bool, place: Place) -> list[Entry]:
        data = self.data(path, required, place)
        if data is None:
            return []
        if (path, style) not in self.parsed:
            if style is None:
                self.parsed[path, style] = dotenv_entries(data, path, self.variables, place.report)
            else:
                self.parsed[path, style] = _raw(data, path, style == SHORT, place)
        entries = self.parsed[path, style]
        # Each service gets its own copy.
        place.spend(sum(VALUE + len(key) + len(value or "") for key, value, _line in entries))
        return entries

    def data(self, path: str, required: bool, place: Place) -> bytes | None:
        if not required:
            try:
                return self.reader.read(path)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except (OSError, ValueError):
                pass  # read_file() reports it
        return read_file(self.reader, path, place, "the env file")


def _raw(data: bytes, path: str, short: bool, place: Place) -> list[Entry]:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.dotenv import (
        EnvFileError,
        decode,
        parse_raw,
    )

    try:
        entries = parse_raw(decode(data), lambda size, line: place.report.spend(size, Mark(path, line)))
    except EnvFileError as error:
        place.report.problem(str(error), Mark(path, error.line), hint=error.hint, code=error.code)
        return []
    for key, value, line in entries:
        if short and value is not None and _compose_differs(value):
            place.report.notice(
                f"the value of {key} has quotes, a comment or a variable, which are kept unchanged",
                Mark(path, line),
                hint="to read it as Compose does, write env_file: [{path: FILE}]",
                code="env_file_raw",
            )
    return entries


def _compose_differs(value: str) -> bool:
    """Returns whether Compose would read a raw value differently."""
    return value[:1] in ("'", '"') or "${" in value or " #" in value
