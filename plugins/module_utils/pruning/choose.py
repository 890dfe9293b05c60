# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the objects to remove from a node: pure functions of the lists of its Engine."""

from __future__ import annotations

import re
from typing import Any, Collection, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import seconds
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import names_of

Raw = Mapping[str, Any]
TASK = "com.docker.swarm.task.id"
ANONYMOUS = "com.docker.volume.anonymous"
#: Names that the Engine gives to volumes that have none.
NO_NAME = re.compile(r"[0-9a-f]{64}\Z")
ENDED = ("created", "exited", "dead")
#: Networks that each Engine has.
PREDEFINED = ("bridge", "host", "none", "docker_gwbridge", "ingress")
HOUR = 3600.0  # seconds


class Item(NamedTuple):
    """One object that can go. ``size`` is in bytes, as far as nothing else has a part of it; 0 where it is not known.

    ``names`` are all that the object goes by: an image is removed by each.
    """

    kind: str
    name: str
    id: str
    size: int = 0
    names: Sequence[str] = ()

    def shown(self, node: str) -> Dict[str, Any]:
        """For the result."""
        return {"kind": self.kind, "name": self.name, "id": self.id, "bytes": self.size, "node": node}


def containers(found: Iterable[Raw], now: float, older_than: float) -> List[Item]:
    """Those that have ended and are no task's: Swarm itself keeps and removes those of tasks.

    ``now`` and ``older_than`` are in seconds.
    """
    return [
        Item("container", _name(one), str(one["Id"]), _size(one.get("SizeRw")))
        for one in found
        if one.get("State") in ENDED
        and TASK not in (one.get("Labels") or {})
        and _is_old(one.get("Created"), now, older_than)
    ]


def images(
    found: Iterable[Raw],
    used: Collection[str],
    needed: Collection[str],
    keep: Collection[str],
    dangling: bool,
) -> List[Item]:
    """Those that no container uses, and nobody needs.

    :param used: ids of images that containers have, whether these run or not.
    :param needed: names of images that the Swarm needs on this node (needs.py), and ``keep`` those that the user keeps.
    :param dangling: only those without a name. What Swarm has pulled by digest has one.
    """
    kept = {name for image in (*needed, *keep) for name in names_of(image)} | set(keep)
    chosen = []
    for image in found:
        tags = [name for name in image.get("RepoTags") or [] if name != "<none>:<none>"]
        digests = [name for name in image.get("RepoDigests") or [] if name != "<none>@<none>"]
        names = [*tags, *digests]
        if image["Id"] in used or image["Id"] in kept or kept & set(names) or (dangling and names):
            continue
        shared = _size(image.get("SharedSize"))
        name = (tags or digests or [str(image["Id"])])[0]
        size = max(_size(image.get("Size")) - shared, 0)
        chosen.append(Item("image", name, str(image["Id"]), size, tuple(names)))
    return chosen


def networks(found: Iterable[Raw], all_containers: Iterable[Raw], now: float, older_than: float) -> List[Item]:
    """Those of this node alone that no container is attached to, be it stopped, and no other network is made from."""
    found = list(found)
    used = set()
    for container in all_containers:
        for name, end in ((container.get("NetworkSettings") or {}).get("Networks") or {}).items():
            used |= {name, str((end or {}).get("NetworkID") or "")}
    bases = {str((network.get("ConfigFrom") or {}).get("Network") or "") for network in found}
    return [
        Item("network", network["Name"], network["Id"])
        for network in found
        if network.get("Scope") == "local"
        and network["Name"] not in PREDEFINED
        and not network.get("Ingress")
        and not {network["Name"], network["Id"]} & (used | bases)
        and not network.get("ConfigOnly")
        and _is_old(network.get("Created"), now, older_than)
    ]


def volumes(found: Iterable[Raw], all_containers: Iterable[Raw], now: float, older_than: float) -> List[Item]:
    """Those without a name that no container has, be it stopped. A volume that somebody named is never one of them.

    Engines from 23 on label what has no name. Older ones do not: there it is a local one with a name as the Engine
    makes them, without labels and options.
    """
    used = {mount.get("Name") for container in all_containers for mount in container.get("Mounts") or []}
    found = list(found)
    labelled = any(ANONYMOUS in (volume.get("Labels") or {}) for volume in found)
    chosen = []
    for volume in found:
        labels = volume.get("Labels") or {}
        unnamed = ANONYMOUS in labels or (not labelled and not labels)
        if (
            unnamed
            and NO_NAME.match(volume["Name"])
            and volume.get("Driver") == "local"
            and not volume.get("Options")
            and volume["Name"] not in used
            and _is_old(volume.get("CreatedAt"), now, older_than)
        ):
            size = _size((volume.get("UsageData") or {}).get("Size"))
            chosen.append(Item("volume", volume["Name"], volume["Name"], size))
    return chosen


def build_cache(found: Iterable[Raw], now: float, older_than: float) -> Item:
    """The parts of the build cache that are not in use and were not used for so long, as one; 0 bytes if none."""
    size = sum(
        _size(part.get("Size"))
        for part in found
        if not part.get("InUse")
        and not part.get("Shared")
        and _is_old(part.get("LastUsedAt") or part.get("CreatedAt"), now, older_than)
    )
    return Item("build_cache", "build cache", "", size)


def _is_old(made: object, now: float, older_than: float) -> bool:
    """Whether something was made that long ago; what has no time counts as old only if no age is asked for."""
    at: Optional[float] = float(made) if isinstance(made, (int, float)) else seconds(made)
    return older_than <= 0 if at is None else now - at >= older_than


def _size(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _name(container: Raw) -> str:
    return str((container.get("Names") or [container["Id"]])[0]).lstrip("/")
