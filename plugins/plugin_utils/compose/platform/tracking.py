# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels to find the objects of a stack, a project or an environment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Literal

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import spellings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.readers import boolean
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired


_KINDS: Mapping[Literal["networks", "configs", "secrets"], str] = {
    "networks": "network",
    "configs": "config",
    "secrets": "secret",
}


def tracking_labels(desired: Desired, _project: Project, options: Mapping[str, object]) -> None:
    """Labels services, networks, configs, secrets and volumes. A label in the file stays.

    The labels are on the service, not on its containers, so that no task restarts because of them.
    """
    wanted = boolean(options, "tracking_labels", ("platform",))
    if wanted is None:
        wanted = bool(options.get("shared_networks") or desired["stack"]["project"])
    if not wanted:
        return
    prefix = desired["stack"]["prefix"]
    add = partial(_add, prefix)
    common = _common(desired["stack"])
    for service in desired["services"]:
        add(service["spec"]["Labels"], {**common, prefix + "-service": service["key"]})
        for mount in service["spec"]["TaskTemplate"]["ContainerSpec"].get("Mounts") or ():
            labels = (mount.get("VolumeOptions") or {}).get("Labels")
            if labels is not None:
                add(labels, {**common, prefix + "-volume": _volume_key(desired["stack"], mount["Source"])})
    for kind, word in _KINDS.items():
        for entry in desired[kind]:
            if entry["spec"]:
                add(entry["spec"]["Labels"], {**common, f"{prefix}-{word}": entry["key"]})


def _common(stack: Mapping[str, str]) -> dict[str, str]:
    prefix = stack["prefix"]
    labels = {prefix + "-managed": "true", prefix + "-stack": stack["id"]}
    for part in ("project", "environment"):
        if stack[part]:
            labels[f"{prefix}-{part}"] = stack[part]
    return labels


def _volume_key(stack: Mapping[str, str], name: str) -> str:
    scope = stack["name"] + "_"
    return name[len(scope) :] if name.startswith(scope) else name


def _add(prefix: str, labels: dict[str, str], more: Mapping[str, str]) -> None:
    for name, value in more.items():
        if not any(start + name[len(prefix) :] in labels for start in spellings(prefix)):
            labels[name] = value
