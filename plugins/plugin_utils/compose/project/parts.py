# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs for a part of a stack: only some services, and fields that a run leaves unchanged."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Parts, Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.disk import read_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import (
        Desired,
        Service,
        Spec,
    )


#: The objects that services use.
KINDS: tuple[Literal["networks", "configs", "secrets"], ...] = ("networks", "configs", "secrets")
OPTION = "recreate_volumes"
#: The label of containers, after the prefix, with a digest of the files in ``restart_on``.
RESTART_ON = ".restart-on"


def with_parts(desired: Desired, asked: Parts, reader: FileReader) -> Desired:
    """Returns ``desired`` with the requests in ``asked`` applied; ``reader`` reads the files of ``restart_on``.

    Raises ComposeError for unknown services and for files that can't be read.
    """
    keys = _keys(desired)
    problems = unknown(keys, asked.leave_services, "leave.services")
    problems += unknown(keys, asked.services, "services") + unknown(keys, asked.restart, "restart")
    if problems:
        raise ComposeError(problems)
    desired = _restarting_on(desired, asked.restart_on, reader)
    desired = _only(desired, asked.services) if asked.services else desired
    services = []
    for service in desired["services"]:
        fields = [*asked.leave_all, *_list(asked.leave_services.get(service["key"]))]
        if fields and not service.get("step_of"):
            service = {**service, "leave": list(dict.fromkeys(map(str, fields)))}
        services.append(service)
    return {**desired, "services": services}


def volumes_to_recreate(project: Project, scoped: Callable[[str], str], asked: Collection[str]) -> list[str]:
    """Returns the names in the Swarm of the volumes in ``asked``, which are keys or names. Raises ComposeError."""
    entries = {key: entry or {} for key, entry in project.volumes.items()}
    names = {key: str(entry.get("name") or "").strip() or scoped(key) for key, entry in entries.items()}
    keys = [next((key for key, name in names.items() if name == text), text) for text in asked]
    problems = unknown(list(entries), keys, OPTION, "volume")
    problems += [
        Problem(f"the volume '{key}' is external, so it can't be recreated here", OPTION, code="external")
        for key in keys
        if entries.get(key, {}).get("external")
    ]
    if problems:
        raise ComposeError(problems)
    return sorted({names[key] for key in keys})


def _keys(desired: Desired) -> list[str]:
    """Returns the keys of the services that are in the files, without the jobs of steps."""
    return [service["key"] for service in desired["services"] if not service.get("step_of")]


def _restarting_on(desired: Desired, given: object, reader: FileReader) -> Desired:
    """Labels the containers with a digest of the files in ``given``, so that Swarm replaces tasks if a file changes."""
    if not given:
        return desired
    files = _files_of(desired, given)
    report = Report()
    contents: dict[str, bytes] = {}
    for path in dict.fromkeys(path for paths in files.values() for path in paths):
        place = Place(report, ("restart_on",))
        contents[path] = read_file(reader, path, place, "the file") or b""
    report.finish()
    label = desired["stack"]["prefix"] + RESTART_ON
    services: list[Any] = []
    for service in desired["services"]:
        paths = files.get(service["key"])
        if paths:
            digest = hashlib.sha256()
            for path in paths:
                digest.update(b"%d:" % len(contents[path]) + contents[path])
            services.append(_labelled(cast("Service", service), label, digest.hexdigest()[:16]))
        else:
            services.append(service)
    return {**desired, "services": services}


def _files_of(desired: Desired, given: object) -> dict[str, list[str]]:
    """Returns the files of each service by key. Raises ComposeError if no service mounts a file of a list."""
    keys = _keys(desired)
    if isinstance(given, Mapping):
        problems = unknown(keys, given, "restart_on")
        if problems:
            raise ComposeError(problems)
        return {key: [str(path) for path in _list(paths)] for key, paths in given.items()}
    files: dict[str, list[str]] = {}
    for path in map(str, _list(given)):
        users = [s["key"] for s in desired["services"] if _mounts(s["spec"], path) and not s.get("step_of")]
        if not users:
            hint = "write restart_on: {SERVICE: [FILE]} for a file with another path on the nodes"
            message = f"no service mounts {path}"
            raise ComposeError([Problem(message, "restart_on", hint=hint, code="not_mounted")])
        for key in users:
            files.setdefault(key, []).append(path)
    return files


def _mounts(spec: Spec, path: str) -> bool:
    mounts = spec["TaskTemplate"]["ContainerSpec"].get("Mounts") or ()
    sources = [mount.get("Source") or "" for mount in mounts if mount["Type"] == "bind"]
    return any(path == source or path.startswith(source.rstrip("/") + "/") for source in sources if source)


def _labelled(service: Service, label: str, value: str) -> Service:
    """Returns the service with a label on its containers, also in the spec that docker would create."""
    out: Service = {**service, "spec": _with_label(service["spec"], label, value)}
    if "as_docker" in service:
        out["as_docker"] = {**service["as_docker"], "spec": _with_label(service["as_docker"]["spec"], label, value)}
    return out


def _with_label(spec: Spec, label: str, value: str) -> Spec:
    template = spec["TaskTemplate"]
    container = template["ContainerSpec"]
    container = {**container, "Labels": {**(container.get("Labels") or {}), label: value}}
    return {**spec, "TaskTemplate": {**template, "ContainerSpec": container}}


def _only(desired: Desired, chosen: Iterable[str]) -> Desired:
    """Keeps the ``chosen`` services, their dependencies, and the objects that they use; sets ``part``."""
    by_key = {service["key"]: service for service in desired["services"]}
    waiting, wanted = list(chosen), set()
    while waiting:
        key = waiting.pop()
        if key in by_key and key not in wanted:
            wanted.add(key)
            waiting += by_key[key]["depends_on"]
    services = [service for service in desired["services"] if service["key"] in wanted]
    used: set[tuple[str, str]] = set()
    for service in services:
        used.update(_used(service["spec"]))
    result: Desired = {**desired, "services": services, "part": len(services) < len(by_key)}
    for kind in KINDS:
        result[kind] = [entry for entry in desired[kind] if (kind, entry["name"]) in used]
    waves = [[key for key in wave if key in wanted] for wave in desired["waves"]]
    return {**result, "waves": [wave for wave in waves if wave]}


def _used(spec: Spec) -> Iterable[tuple[str, str]]:
    template = spec["TaskTemplate"]
    container = template["ContainerSpec"]
    yield from (("networks", attachment["Target"]) for attachment in template.get("Networks") or ())
    yield from (("configs", reference["ConfigName"]) for reference in container.get("Configs") or ())
    yield from (("secrets", reference["SecretName"]) for reference in container.get("Secrets") or ())
    credentials = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    yield "configs", credentials.get("Config") or ""


def unknown(keys: Collection[str], given: Iterable[object], option: str, what: str = "service") -> list[Problem]:
    """Returns a problem for each of ``given`` that is not a service (or volume) of the files."""
    problems = []
    for name in given:
        if name not in keys:
            near = difflib.get_close_matches(str(name)[:64], list(keys)[:500], n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"the {what}s are {', '.join(sorted(keys)[:20])}"
            problems.append(Problem(f"there is no {what} '{name}'", option, hint=hint, code=f"undefined_{what}"))
    return problems


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
