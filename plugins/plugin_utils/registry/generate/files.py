# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates all files of a registry. The same registry gives the same bytes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import check_document
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.env_example import env_example
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.header import with_header
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.inventory import inventory
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.sections import SECTIONS, section_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.service import (
    Context,
    compose_service,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Finding, Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.routing import domains_of, proxies
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.compose_file import compose_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.yaml_text import Comment

ORCHESTRATOR = "compose.yml"
ENV_EXAMPLE = ".env.example"
INVENTORY = "INVENTORY.md"
FOLDER = "compose"
#: File names that a service can't have.
RESERVED = (ORCHESTRATOR, ENV_EXAMPLE, INVENTORY, *(f"{section}.yml" for section in SECTIONS))
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\.ya?ml\Z")
#: Characters that a comment can't contain.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]+")


def generate(registry: Registry, findings: Findings, source: str, prefix: str = "stackwright") -> dict[str, str]:
    """Returns the text of each file by its path below the destination.

    :param findings: gets the problems of values that only Compose checks, at their place in the registry.
    :param source: the names of the registry's files, for the headers.
    :param prefix: the prefix of the labels of routes.
    """
    proxy_names = proxies(registry)
    context = Context(registry, proxy_names, domains_of(registry, proxy_names) if proxy_names else [], prefix)
    files: dict[str, str] = {}
    places: dict[str, str] = {}
    included: list[str] = []
    for section in SECTIONS:
        entries, descriptions = section_of(registry, section)
        if not entries:
            continue
        document = Map(entries.start)
        document.put(section, entries)
        comments = {(section, name): Comment([_comment(text)]) for name, text in descriptions.items()}
        body = _text(document, comments, registry, findings)
        places[f"the {section}"] = "\n".join([body, *_named_in(entries)])
        files[f"{section}.yml"] = with_header(body, source)
        included.append(f"{section}.yml")
    for path, services in _by_file(registry, findings).items():
        document, comments = Map(services[0].mark), {}
        entries = Map(services[0].mark)
        document.put("services", entries)
        for service in services:
            entries.put(service.name, compose_service(context, service, findings), service.mark)
            note = text_of(service.keys.get("security_note"))
            about = text_of(service.keys.get("description"))
            above = [_comment(text) for text in (about, f"Security: {note}" if note else "") if text]
            if above:
                comments["services", service.name] = Comment(above)
        files[path] = with_header(_text(document, comments, registry, findings), source)
        for service in services:
            variables = entries[service.name].get("environment") or {}
            passed = [f"${{{name}}}" for name, value in variables.items() if value is None]
            places[service.name] = "\n".join([*texts_in(entries[service.name]), *passed])
        included.append(path)
    files[ORCHESTRATOR] = with_header(_orchestrator(registry, included), source)
    files[INVENTORY] = with_header(inventory(context, source), source, markdown=True)
    variables = env_example(places)
    if variables:
        files[ENV_EXAMPLE] = with_header(variables, source)
    return files


def _named_in(entries: Map) -> list[str]:
    """Returns the variables that secrets and configs are read from, as ``${NAME}``."""
    return [f"${{{text_of(entry['environment'])}}}" for entry in entries.values() if entry and "environment" in entry]


def _orchestrator(registry: Registry, included: list[str]) -> str:
    """Returns the file that includes all others; paths in them are relative to the destination."""
    entries = [{"path": path, "project_directory": "."} for path in included]
    return f"# registry: {registry.checksum}\n\n" + compose_text({"include": entries}, interpolated=False)


def _comment(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _by_file(registry: Registry, findings: Findings) -> dict[str, list[Service]]:
    found: dict[str, list[Service]] = {}
    lower: dict[str, str] = {}
    for service in registry.services.values():
        path = posixpath.join(FOLDER, f"{service.category}.yml")
        if "file" in service.keys:
            given = text_of(service.keys["file"])
            if not _FILE.match(given) or given in RESERVED:
                hint = "write a path below the destination that ends in .yml, such as compose/databases/vector.yml"
                message = "this can't be the generated file of a service"
                findings.problem(service.path("file"), message, hint, "file")
                continue
            path = given
        first = lower.setdefault(path.lower(), path)
        if first != path:
            message = f"the files {first} and {path} differ in upper and lower case only"
            findings.problem(
                service.path("file") if "file" in service.keys else (service.category,), message, code="file"
            )
        found.setdefault(path, []).append(service)
    return found


def _text(document: Map, comments: Any, registry: Registry, findings: Findings) -> str:
    problems = [
        problem for problem in check_document(document, registry.path) if not _from_variable(document, problem.key)
    ]
    findings.add_new(_with_services(registry, problems))
    try:
        return compose_text(document, interpolated=False, comments=comments)
    except ValueError as error:
        findings.problem((), str(error), code="encoding")
        return ""


def _with_services(registry: Registry, problems: Iterable[Any]) -> list[Finding]:
    """Adds the service in the registry to each problem of a generated document."""
    found = []
    for problem in problems:
        parts = problem.key.split(".", 2)
        service = registry.services.get(parts[1]) if len(parts) > 1 and parts[0] == "services" else None
        key = problem.key.replace("services", service.category, 1) if service else problem.key
        given = {**replace(problem, key=key).as_dict(), "service": service.name if service else ""}
        found.append(Finding(**given))
    return found


def _from_variable(document: Map, key: str) -> bool:
    """Returns whether a value has a variable, so that it can't be checked yet."""
    if "$" not in key and not any("$" in text for text in texts_in(document)):
        return False
    node: Any = document
    for part in re.findall(r"[^.\[\]]+", key):
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return False
    return isinstance(node, str) and "$" in node


def texts_in(node: object) -> Iterable[str]:
    """Yields all texts in a tree, without its keys."""
    if isinstance(node, dict):
        for value in node.values():
            yield from texts_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts_in(value)
    elif isinstance(node, str):
        yield node
