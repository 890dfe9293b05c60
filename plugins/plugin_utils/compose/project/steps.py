# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pre_start``: each step of a service becomes a job, a separate service that must end before it.

All later stages treat it like any other service. It gets a copy of everything that it needs from its service.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import PRE_START, STEP
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import ALWAYS, WITH_IMAGE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import SERVICE_KEYS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.waves import COMPLETED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Seq, to_plain

#: The longest name of a service that Swarm accepts.
LONGEST = 63
#: The keys that a step always inherits from its service: where it runs, and what it reaches from there.
_INHERITED = tuple(key for key, row in SERVICE_KEYS.items() if row.step == ALWAYS)
#: The keys that it inherits unless it has its own image.
_WITH_IMAGE = tuple(key for key, row in SERVICE_KEYS.items() if row.step == WITH_IMAGE)
_OWN = ("command", "image", "user", "working_dir")
#: A change of these keys does not run the steps again. In docker compose it does not change a service either.
_NO_PART = ("build", "depends_on", "profiles", "pull_policy", "scale")


def step_key(service: str, number: int, scope: str = "") -> str:
    """Returns the key of a step's job: SERVICE_pre_start_NUMBER, counted from 1.

    ``scope`` is the prefix of the job's name. If the name would be too long, a hash replaces the end of SERVICE.
    """
    end = f"_pre_start_{number}"
    room = LONGEST - len(scope) - len(end)
    if len(service) > room:
        digest = hashlib.sha256(service.encode()).hexdigest()[:8]
        service = service[: max(room - len(digest) - 1, 1)].rstrip("-_") + "-" + digest
    return service + end


def steps_of(service: object) -> list[Map]:
    """Returns the steps of ``pre_start`` of a service, in their order."""
    steps = service.get("pre_start") if isinstance(service, Map) else None
    return [step for step in steps if isinstance(step, Map)] if isinstance(steps, Seq) else []


def mode_of(service: Mapping[str, object]) -> str:
    """Returns the mode of a service in the file, or ``replicated``."""
    deploy = service.get("deploy")
    return str((deploy.get("mode") if isinstance(deploy, Mapping) else None) or "replicated")


def with_steps(project: Project, stack: Stack) -> Project:
    """Adds a job for each step, and a dependency of each service on its last job; ``project`` itself without steps."""
    services = project.services
    if not any(steps_of(service) for service in services.values()):
        return project
    made = services.like()
    origins: dict[str, tuple[str, int]] = {}
    for key, service in services.items():
        steps = steps_of(service)
        if not steps:
            made.put(key, service, services.mark(key))
            continue
        definition = _definition(service)
        before = ""
        for index, step in enumerate(steps):
            name = step_key(key, index + 1, stack.scoped(""))
            place = service["pre_start"].mark(index)
            made.put(name, _job(service, step, f"{key}/{index + 1}", definition, before, place), place)
            origins[name] = (key, index)
            before = name
        made.put(key, _waiting(service, before), services.mark(key))
    tree = project.tree.like()
    for section, value in project.tree.items():
        tree.put(section, made if section == "services" else value, project.tree.mark(section))
    return replace(project, tree=tree, steps=origins)


def _job(service: Map, step: Map, label: str, definition: str, before: str, place: Mark) -> Map:
    job = Map(place)
    for key in _INHERITED + (() if step.get("image") else _WITH_IMAGE):
        if key in service:
            job.put(key, service[key], service.mark(key))
    for key in _OWN:
        if step.get(key):
            job.put(key, step[key], step.mark(key))
    own = step.get("environment")
    if isinstance(own, Map):
        job.put("environment", _over(service.get("environment"), own), step.mark("environment"))
    _put_networks(job, service)
    _put_volumes(job, service)
    job.put("healthcheck", _plain({"disable": True}, place))  # the image's health check expects a running server
    job.put("depends_on", _depends_on(service, before, place))
    job.put("deploy", _deploy(service, step, label, definition, place))
    return job


def _over(base: object, own: Map) -> Map:
    merged = Map(own.start)
    for holder in (base, own) if isinstance(base, Map) else (own,):
        for key, value in holder.items():
            merged.put(key, value, holder.mark(key))
    return merged


def _put_networks(job: Map, service: Map) -> None:
    """Joins the service's networks, without its aliases."""
    networks = service.get("networks")
    if not isinstance(networks, Map):
        return
    joined = networks.like()
    for key, settings in networks.items():
        rest = settings
        if isinstance(settings, Map):
            rest = settings.like()
            for name in settings:
                if name != "aliases":
                    rest.put(name, settings[name], settings.mark(name))
        joined.put(key, rest, networks.mark(key))
    job.put("networks", joined, service.mark("networks"))


def _put_volumes(job: Map, service: Map) -> None:
    """Copies the mounts that tasks can share; tmpfs and anonymous volumes belong to one task, as in Compose."""
    volumes = service.get("volumes")
    if not isinstance(volumes, Seq):
        return
    shared = Seq(volumes.start)
    for index, mount in enumerate(volumes):
        if isinstance(mount, Map) and mount.get("source") and mount.get("type") != "tmpfs":
            shared.add(mount, volumes.mark(index))
    if shared:
        job.put("volumes", shared, service.mark("volumes"))


def _depends_on(service: Map, before: str, place: Mark) -> Map:
    found = Map(place)
    given: Any = service.get("depends_on")
    for key in given if isinstance(given, Map) else ():
        entry = given[key]
        settings = entry.like() if isinstance(entry, Map) else Map(place)
        for name in entry if isinstance(entry, Map) else ():
            if name != "restart":
                settings.put(name, entry[name], entry.mark(name))
        found.put(key, settings, given.mark(key))
    if before:
        found.put(before, _plain({"condition": COMPLETED}, place))
    return found


def _deploy(service: Map, step: Map, label: str, definition: str, place: Mark) -> Map:
    given = service.get("deploy")
    given = given if isinstance(given, Map) else Map(place)
    deploy = Map(given.start)
    is_global = mode_of(service).startswith("global")
    each = step.get("per_replica") is True
    deploy.put("mode", "global-job" if each and is_global else "replicated-job", place)
    if not is_global:
        replicas = given.get("replicas", service.get("scale")) if each else None
        deploy.put("replicas", max(int(replicas), 1) if replicas is not None else 1, place)
    elif not each:
        deploy.put("replicas", 1, place)
    # One attempt: only the author knows how to continue a step that failed halfway.
    deploy.put("restart_policy", _plain({"condition": "none"}, place))
    placement = given.get("placement")
    if isinstance(placement, Map):
        rest = placement.like()
        for key in placement:
            if key != "max_replicas_per_node":
                rest.put(key, placement[key], placement.mark(key))
        deploy.put("placement", rest, given.mark("placement"))
    deploy.put("labels", _plain({STEP: label, PRE_START: definition}, place))
    return deploy


def _waiting(service: Map, last: str) -> Map:
    """Returns the service with a dependency on its last step, and a label that replaces its tasks if a step changes."""
    waiting = service.like()
    for key, value in service.items():
        waiting.put(key, value, service.mark(key))
    place = service.mark("pre_start")
    given: Any = service.get("depends_on")
    depends_on = given.like() if isinstance(given, Map) else Map(place)
    for key in given if isinstance(given, Map) else ():
        depends_on.put(key, given[key], given.mark(key))
    depends_on.put(last, _plain({"condition": COMPLETED}, place))
    waiting.put("depends_on", depends_on, service.mark("depends_on"))
    labels = _over(service.get("labels"), Map(service.start))
    labels.put(PRE_START, _digest([_content(step) for step in steps_of(service)]), place)
    waiting.put("labels", labels, service.mark("labels"))
    return waiting


def _definition(service: Map) -> str:
    """Returns a digest of everything whose change runs the steps again, so without the number of replicas."""
    content = {key: value for key, value in _content(service).items() if key not in _NO_PART}
    content["pre_start"] = [_content(step) for step in steps_of(service)]
    if isinstance(content.get("deploy"), dict):
        content["deploy"] = {key: value for key, value in content["deploy"].items() if key != "replicas"}
    return _digest(content)


def _content(holder: Map) -> dict[str, Any]:
    return {key: to_plain(value) for key, value in holder.items() if not str(key).startswith("x-")}


def _digest(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _plain(values: Mapping[str, object], place: Mark) -> Map:
    made = Map(place)
    for key, value in values.items():
        made.put(key, value, place)
    return made
