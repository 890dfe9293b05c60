# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads a ``Registry`` from its files: YAML with places, shape, overlays, services.

Pure: the bytes are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import kind_of, shown_key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import read_yaml
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import (
    TOP,
    Phase,
    Registry,
    Service,
    Source,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.schema import check_names, check_shape
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import resolve_written, text_of

#: Real registries have 60 kB. One with 500 services has 600 kB.
MAX_BYTES = 4_000_000


def load_registry(sources: Sequence[Source], findings: Findings) -> Registry:
    """Loads the registry in ``sources``: the first file, with the overlays merged over it in order.

    Mappings are merged key by key, down to the keys of a service's environment; lists and values are replaced;
    ``!reset`` removes a key.

    Parts that the schema refuses are reported in ``findings`` and removed. ``lost`` of their Map has the keys.

    :raises RegistryError: if a file is not valid YAML, or not a mapping.
    """
    report = Report()
    tree = Map(Mark(sources[0].path, 1))
    failed = False
    for number, source in enumerate(sources):
        read = _read(source, report, findings)
        if read is None:
            failed = True
            continue
        findings.tree, findings.file = read, source.path
        check_shape(read, findings, overlay=number > 0)
        check_names(read, findings)
        for category in list(read):
            if not _is_section(category) and isinstance(read[category], Map):
                for keys in read[category].values():
                    _put_environment_map(keys)
        tree = read if number == 0 else _merged(tree, read)
    findings.tree, findings.file = tree, sources[0].path
    if len(sources) > 1 and not failed and not findings.problems:
        check_shape(tree, findings)
    if failed:
        findings.finish()
    return _registry(sources[0].path, tree, findings)


def _read(source: Source, report: Report, findings: Findings) -> Map | None:
    mark = Mark(source.path, 1)
    findings.file = source.path
    if len(source.data) > MAX_BYTES:
        message = f"the file has {len(source.data)} bytes, more than the maximum of {MAX_BYTES}"
        hint = "split the registry, or put large content in separate files (configs, secrets, volumes)"
        findings.add([findings.finding(mark, (), message, hint, "too_large")])
        return None
    known, noticed = len(report.problems), len(report.notices)
    try:
        tree = read_yaml(source.data, source.path, report, resolve_written)
    except ComposeError as error:
        findings.add(error.problems)
        return None
    problems = list(report.problems)[known:]
    reworded = (replace(problem, hint=problem.hint.replace("a Compose file", "a registry")) for problem in problems)
    findings.add(reworded, list(report.notices)[noticed:])
    if isinstance(tree, Map):
        return tree
    if not problems:
        what = "is empty" if tree is None else f"holds {kind_of(tree)} instead of a mapping"
        hint = "begin with a category: a mapping of services by name"
        findings.add([findings.finding(mark, (), f"the registry {what}", hint, "no_mapping")])
    return None


def _is_section(name: str) -> bool:
    return name in TOP or name.startswith("x-")


def _put_environment_map(keys: Any) -> None:
    """Writes a service's ``environment`` as a mapping, so that overlays can change one variable."""
    variables = keys.get("environment") if isinstance(keys, Map) else None
    if not isinstance(variables, Seq):
        return
    found = Map(variables.start)
    for index, entry in enumerate(variables):
        if isinstance(entry, str):
            name, sign, value = entry.partition("=")
            found.put(name, value if sign else None, variables.mark(index))
    keys.put("environment", found)


def _merged(base: object, over: object) -> Any:
    if not isinstance(base, Map) or not isinstance(over, Map):
        return over
    found = base.like()
    for key, value in base.items():
        if over.tags.get(key) != "reset":
            found.put(key, value, base.mark(key))
    for key, value in over.items():
        plain = key in base and over.tags.get(key) is None
        found.put(key, _merged(base[key], value) if plain else value, over.mark(key))
    return found


def _registry(path: str, tree: Map, findings: Findings) -> Registry:
    services: dict[str, Service] = {}
    for category, entries in tree.items():
        if _is_section(category) or not isinstance(entries, Map):
            continue
        for name, keys in entries.items():
            if not isinstance(keys, Map):
                continue
            first = services.setdefault(name, Service(name, category, keys, entries.mark(name)))
            if first.keys is not keys:
                where = f"{first.category} ({first.mark.file}:{first.mark.line})"
                message = f"the service '{shown_key(name)}' is already in the category {where}"
                hint = "rename one of them; an overlay repeats the category of the service"
                findings.problem((category, name), message, hint, "duplicate_service")
    phases = {}
    entries = tree.get("phases")
    for name, keys in entries.items() if isinstance(entries, Map) else ():
        if isinstance(keys, Map) and not isinstance(keys.get("order"), bool) and isinstance(keys.get("order"), int):
            limit = keys.get("timeout_seconds")
            timeout = int(limit) if isinstance(limit, int) else None
            phases[name] = Phase(name, int(keys["order"]), text_of(keys.get("description")), timeout)
    return Registry(path, tree, services, phases)
