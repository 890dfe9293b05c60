# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracking labels with the other prefix on a live object count as equal: they move with the next change.

For comparisons only. Labels of volumes are part of the task's spec: moving them alone would replace all tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import TRACKING, spellings

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Mount, ServiceSpec

Labels = Optional[Mapping[str, str]]


def labels_spelled_like(labels: Labels, live: Labels, prefix: str) -> Dict[str, str]:
    """Returns ``labels`` with the prefixes of tracking labels as in ``live``."""
    found, live = dict(labels or {}), live or {}
    for word in TRACKING:
        mine, *others = (start + word for start in spellings(prefix))
        for other in others:
            if mine in found and mine not in live and other in live and other not in found:
                found[other] = found.pop(mine)
    return found


def service_spelled_like(spec: ServiceSpec, live: ServiceSpec, prefix: str) -> ServiceSpec:
    """Returns the ServiceSpec ``spec`` with the prefixes of its and its volumes' tracking labels as in ``live``."""
    if len(spellings(prefix)) == 1:
        return spec
    out: ServiceSpec = {**spec, "Labels": labels_spelled_like(spec.get("Labels"), live.get("Labels"), prefix)}
    template = spec["TaskTemplate"]
    container = template.get("ContainerSpec") or {}
    live_mounts = (live["TaskTemplate"].get("ContainerSpec") or {}).get("Mounts")
    if not container.get("Mounts") or not live_mounts:
        return out
    targets = {mount.get("Target"): _volume_labels(mount) for mount in live_mounts}
    mounts = [_mount_spelled_like(mount, targets.get(mount.get("Target")), prefix) for mount in container["Mounts"]]
    return {**out, "TaskTemplate": {**template, "ContainerSpec": {**container, "Mounts": mounts}}}


def _mount_spelled_like(mount: Mount, live: Labels, prefix: str) -> Mount:
    labels = _volume_labels(mount)
    if not labels or not live:
        return mount
    return {**mount, "VolumeOptions": {**mount["VolumeOptions"], "Labels": labels_spelled_like(labels, live, prefix)}}


def _volume_labels(mount: Mount) -> Labels:
    return (mount.get("VolumeOptions") or {}).get("Labels")
