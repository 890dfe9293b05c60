# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. The environments of a Swarm, their records, the names of previews, and which previews are expired."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack, id_of_text

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.shapes import (
        Config,
        Found,
        Live,
        Preview,
    )

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
#: The prefix of a record's labels. It isn't ``stackwright.``, which is the prefix of swarm_config's own labels.
RECORD = "stackwright-environment-"
#: A label of a preview's service, after the label prefix: the sweep keeps the preview.
KEEP = ".preview.keep"
#: The longest name of a preview, so that PROJECT-ENVIRONMENT-STACK and the first label of a domain stay readable.
LONGEST = 30
DIGEST = 8

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_TTL = re.compile(r"(\d{1,6})\s*([smhdw])\Z")


def preview_name(ref: str) -> str:
    """Returns the name of a preview's environment: a DNS label of at most 30 characters, such as ``pr-12`` for ``12``.

    Characters that are not valid in a label are replaced, and a digest of ``ref`` makes such a name unique. Raises
    StackwrightError (``invalid_options``).
    """
    if not ref.strip():
        raise StackwrightError(
            "A preview needs a ref, such as the number of the pull request.", error_code="invalid_options"
        )
    plain = re.sub(r"[^a-z0-9]+", "-", ref.strip().lower()).strip("-")
    name = f"pr-{plain}"
    if plain == ref.strip() and len(name) <= LONGEST:
        return name
    return shortened(name, LONGEST, ref.strip())


def shortened(name: str, longest: int, of: str) -> str:
    """Cuts ``name`` to ``longest`` characters, with a digest of the text ``of`` at its end."""
    digest = hashlib.sha256(of.encode()).hexdigest()[:DIGEST]
    return f"{name[: longest - DIGEST - 1].rstrip('-')}-{digest}"


def seconds_of(ttl: str) -> int:
    """Converts a time such as ``12h``, ``7d`` or ``2w`` to seconds. Raises StackwrightError (``invalid_options``)."""
    found = _TTL.match(ttl.strip())
    if not found or not int(found.group(1)):
        raise StackwrightError(
            f"{ttl!r} is not a valid time for a preview.",
            error_code="invalid_options",
            hint="Use a number and a unit: s, m, h, d or w, such as 7d.",
        )
    return int(found.group(1)) * _UNITS[found.group(2)]


def checked(project: str, environment: str) -> None:
    """Raises StackwrightError (``invalid_name``) if an environment can't have this name."""
    Stack("stack", project, environment)
    if not _LABEL.match(environment) or len(environment) > LONGEST or not project:
        raise StackwrightError(
            f"{environment!r} of the project {project!r} is not a valid name of an environment.",
            error_code="invalid_name",
            hint=f"Use at most {LONGEST} lower-case letters, digits and '-'; begin and end with a letter or digit.",
        )


def record_name(project: str, environment: str) -> str:
    """Returns the name of the Docker config that is the record of an environment."""
    return f"stackwright-environment-{id_of_text(f'{project}/{environment}')[:16]}"


def record_labels(
    project: str,
    environment: str,
    stacks: Iterable[str],
    nodes: Iterable[str],
    preview: Preview | None,
    url: str,
    now: datetime,
    data: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Returns the labels of an environment's record. Raises StackwrightError if the ``preview`` has an invalid ttl."""
    labels = {"project": project, "name": environment, "stacks": " ".join(sorted(stacks)), "url": url}
    # Recorded, because a Swarm forgets the nodes of a removed service, where its volumes still are.
    labels["nodes"] = " ".join(sorted(nodes))
    if data:
        labels["data"] = " ".join(f"{volume}={node}" for volume, node in sorted(data.items()))
    if preview:
        seconds_of(preview["ttl"])
        labels.update(ref=preview["ref"], ttl=preview["ttl"], updated=now.strftime(FORMAT))
        labels["keep"] = "true" if preview["keep"] else "false"
    return {RECORD + name: text for name, text in labels.items()}


def environments_of(
    stacks: Sequence[Live],
    configs: Sequence[Config],
    now: datetime,
    prefix: str = DEFAULT_PREFIX,
    project: str = "",
    limit: int = 0,
) -> list[Found]:
    """Returns all environments, sorted, and whether each is over.

    :param stacks: the stacks of stack_info, with ``history`` to include removed ones.
    :param configs: the configs of swarm_info.
    :param project: only environments of this project.
    :param limit: how many previews each project may have; the least recently updated ones are over. 0: any number.
    """
    found: dict[tuple[str, str], Found] = {}
    for config in configs:
        labels = {label[len(RECORD) :]: text for label, text in config["labels"].items() if label.startswith(RECORD)}
        # Only the newest record: its name is computed from project and environment.
        if labels.get("name") and config["name"] == record_name(labels.get("project", ""), labels["name"]):
            one = _entry(found, labels["project"], labels["name"])
            one.update(
                {"record": config["name"], "stacks": labels.get("stacks", "").split(), "url": labels.get("url", "")}
            )
            one["nodes"] = labels.get("nodes", "").split()
            pairs = [pair.partition("=") for pair in labels.get("data", "").split()]
            one["data"] = {volume: node for volume, _is, node in pairs if node}
            if labels.get("ttl"):
                _is_preview(one, labels)
    for stack in stacks:
        owner = stack["owner"]
        if not (owner["project"] and owner["environment"] and owner["name"]):
            continue
        one = _entry(found, owner["project"], owner["environment"])
        one["stacks"] = sorted({*one["stacks"], owner["name"]})
        with_data = [service for service in stack["services"] if service["volumes"]]
        seen = {task["node"] for service in with_data for task in service["tasks"] if task["node"]}
        one["nodes"] = sorted({*one["nodes"], *seen})
        labels_of = [service["labels"] for service in stack["services"]]
        if any(labels.get(prefix + KEEP, "").lower() in ("true", "yes", "1", "on") for labels in labels_of):
            one["keep"] = True
    for one in found.values():
        parts = {"project": one["project"], "environment": one["environment"]}
        one["members"] = [{"name": name, **parts} for name in one["stacks"]]
        one["full_names"] = [Stack(name, **parts).full_name for name in one["stacks"]]
        one["stamp"] = "/".join((*parts.values(), one["updated"]))
    chosen = [one for _key, one in sorted(found.items()) if one["project"] == project or not project]
    _judge(chosen, now, limit)
    return chosen


def _entry(found: dict[tuple[str, str], Found], project: str, environment: str) -> Found:
    empty: Found = {
        "project": project,
        "environment": environment,
        "record": "",
        "stacks": [],
        "members": [],
        "full_names": [],
        "nodes": [],
        "data": {},
        "stamp": "",
        "preview": False,
        "ref": "",
        "ttl": "",
        "updated": "",
        "expires": "",
        "keep": False,
        "url": "",
        "over": False,
        "reason": "is not a preview",
    }
    return found.setdefault((project, environment), empty)


def _is_preview(one: Found, labels: Mapping[str, str]) -> None:
    one.update({"preview": True, "ref": labels.get("ref", ""), "ttl": labels["ttl"]})
    one.update({"updated": labels.get("updated", ""), "keep": labels.get("keep") == "true"})
    try:
        updated = datetime.strptime(one["updated"], FORMAT)
        one["expires"] = (updated + timedelta(seconds=seconds_of(one["ttl"]))).strftime(FORMAT)
    except (ValueError, StackwrightError):
        one["expires"] = ""


def _judge(environments: Sequence[Found], now: datetime, limit: int) -> None:
    moment = now.astimezone(timezone.utc).strftime(FORMAT)
    for one in environments:
        if not one["preview"]:
            continue
        if one["keep"]:
            one["reason"] = "is kept"
        elif not one["expires"]:
            one["reason"] = "its record can't be read: update the preview, or remove it with environment.yml"
        elif one["expires"] <= moment:
            one.update({"over": True, "reason": f"is over since {one['expires']}"})
        else:
            one["reason"] = f"is over at {one['expires']}"
    if limit <= 0:
        return
    for project in {one["project"] for one in environments}:
        left = [one for one in environments if one["project"] == project and one["preview"] and not one["over"]]
        may_go = sorted((one for one in left if not one["keep"] and one["expires"]), key=lambda one: one["updated"])
        for one in may_go[: max(0, len(left) - limit)]:
            one.update({"over": True, "reason": f"is one of more than {limit} previews of {project}"})
