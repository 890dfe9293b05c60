# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go templates in texts of a service: Swarm refuses a service with a template that it can't expand."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import REFERENCE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.scan import LEFT, TemplateFault
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    deep,
    is_text,
    items_of,
    mapping,
    sequence,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.names import check_name
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.steps import environments
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

CODE = "template"
_BRACES = "'{{\"{{\"}}' for literal braces"

Place = Tuple[Tuple[Any, ...], Any]


def check_templates(review: Review) -> None:
    volumes = review.section("volumes")
    for name, service in review.services.items():
        for path, value in _templates(service, volumes):
            at = path if path[0] == "volumes" and len(path) > 1 and is_text(path[1]) else ("services", name, *path)
            if not isinstance(value, str):
                continue
            fault = fault_of(value)
            _report(review, at, fault)
            if at[0] == "volumes" and at[2:] == ("name",) and not fault and LEFT in value:
                check_name(review, "volumes", at[1], volumes[at[1]], _of_a_task(review, name, service, value))
    for kind in ("configs", "secrets"):
        for key, entry in review.section(kind).items():
            _check_content(review, kind, key, mapping(entry))


def fault_of(text: str, expanded: Optional[Callable[[str], str]] = None) -> Optional[Tuple[str, str]]:
    """Returns why Swarm would refuse a text that it expands, and a hint; None if it accepts it."""
    if LEFT not in text:
        return None
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.expand import expand

    try:
        (expanded or expand)(REFERENCE.sub("generated_value", text))
    except TemplateFault as fault:
        if text.rfind(LEFT) > text.rfind("}}"):
            return "Swarm can't expand this: '{{' is not closed", f"close it with '}}}}', or write {_BRACES}"
        hint = (
            "Swarm expands {{ }} here, with .Service, .Node and .Task. For an Ansible variable write ${NAME} and "
            "set NAME in the option variables; write "
        )
        return f"Swarm can't expand this: {fault}", hint + _BRACES
    return None


def _of_a_task(review: Review, name: str, service: Mapping[str, object], text: str) -> str:
    """Expands ``text`` with the data of a task of the service."""
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.expand import STAND_IN, expand
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.functions import Record

    everywhere = str(deep(service, "deploy", "mode") or "").startswith("global")
    task = {"ID": "taskid", "Name": "taskname", "Slot": "nodeid" if everywhere else "1"}
    known = {**STAND_IN["Service"].fields, "Name": f"{review.stack_name}_{name}", "Labels": _labels(review, service)}
    fields = {**STAND_IN, "Task": Record("struct", task), "Service": Record("struct", known)}
    return expand(REFERENCE.sub("generated_value", text), fields)


def _report(review: Review, path: Path, fault: Optional[Tuple[str, str]]) -> None:
    if fault:
        review.problem(path, fault[0], fault[1], CODE)


def _templates(service: Mapping[str, object], volumes: Mapping[str, object]) -> Iterator[Place]:
    """Yields the texts that swarmkit's template package expands to validate a service."""
    yield ("hostname",), service.get("hostname")
    for path, environment in environments(service):
        for key, value in mapping(environment).items():
            yield (*path, key), value
    for index, target in enumerate(sequence(service.get("tmpfs"))):
        yield ("tmpfs", index), str(target).partition(":")[0]
    for index, mount in items_of(service, "volumes"):
        for key in ("source", "target"):
            yield ("volumes", index, key), mount.get(key)
        for key, value in mapping(deep(mount, "volume", "labels")).items():
            yield ("volumes", index, "volume", "labels", key), value
        volume: Any = mount.get("source") if mount.get("type") == "volume" else None
        entry = mapping(volumes.get(volume)) if is_text(volume) else {}
        yield ("volumes", volume, "name"), entry.get("name")
        for option in ("labels", "driver_opts"):
            for key, value in mapping(entry.get(option)).items():
                yield ("volumes", volume, option, key), value


def _check_content(review: Review, kind: str, key: str, entry: Mapping[str, object]) -> None:
    """Checks content with ``template_driver: golang``: nodes reject a task for which they can't expand it."""
    content = review.project.contents.get((kind, key))
    if entry.get("template_driver") != "golang" or content is None:
        return
    text = content.decode("utf-8", "surrogateescape")
    place = next((part for part in ("content", "file", "environment") if entry.get(part)), "template_driver")
    for service in review.services.values():
        if any(item.get("source") == key for _index, item in items_of(service, kind)):
            _report(review, (kind, key, place), fault_of(text, partial(_expand_content, review, service)))


def _expand_content(review: Review, service: Mapping[str, object], text: str) -> str:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.expand import STAND_IN, expand
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.functions import (
        FUNCTIONS,
        Function,
        Record,
    )

    known = {**STAND_IN["Service"].fields, "Labels": _labels(review, service)}
    functions: Dict[str, Function] = {
        **FUNCTIONS,
        "env": Function(lambda name: str(mapping(service.get("environment")).get(name, "")), 1, texts=1),
    }
    for kind in ("secret", "config"):
        targets = {str(item.get("target") or item.get("source")) for _index, item in items_of(service, f"{kind}s")}
        functions[kind] = Function(_getter(kind, targets), 1, texts=1)
    return expand(text, {**STAND_IN, "Service": Record("struct", known)}, functions)


def _labels(review: Review, service: Mapping[str, object]) -> Dict[str, str]:
    return {"com.docker.stack.namespace": review.stack_name, **mapping(deep(service, "deploy", "labels"))}


def _getter(kind: str, targets: Set[str]) -> Callable[[str], str]:
    def get(target: str) -> str:
        if target not in targets:
            raise TemplateFault(f"error calling {kind}: {kind} target {target} not found")
        return f"content of the {kind}"

    return get
