# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. Chooses the objects to remove from a node, from the lists of its Engine."""

from __future__ import annotations

import re
from typing import Any, Collection, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import seconds
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import names_of

Raw = Mapping[str, Any]
TASK = "com.docker.swarm.task.id"
ANONYMOUS = "com.docker.volume.anonymous"
#: The names of anonymous volumes.
NO_NAME = re.compile(r"[0-9a-f]{64}\Z")
ENDED = ("created", "exited", "dead")
#: Networks that each Engine has.
PREDEFINED = ("bridge", "host", "none", "docker_gwbridge", "ingress")
HOUR = 3600.0  # seconds


class Item(NamedTuple):
    """One object that can be removed. ``size`` is in bytes, without parts shared with others; 0 if it is not known.

    ``names`` are all names of the object: an image is removed by each.
    """

    kind: str
    name: str
    id: str
    size: int = 0
    names: Sequence[str] = ()

    def shown(self, node: str) -> Dict[str, Any]:
        """Returns the object for the result."""
        return {"kind": self.kind, "name": self.name, "id": self.id, "bytes": self.size, "node": node}


def containers(found: Iterable[Raw], now: float, older_than: float) -> List[Item]:
    """Returns ended containers without a task: Swarm removes those of tasks. ``now`` and ``older_than``: seconds."""
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
    """Returns the images that no container uses, and that nothing needs.

    :param used: ids of the images of all containers, also stopped ones.
    :param needed: names of images that the Swarm needs on this node (needs.py); ``keep``: names that the user keeps.
    :param dangling: only images without a name. An image that Swarm pulled by digest has one.
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
    """Returns the node's own networks that no container, not even a stopped one, and no other network uses."""
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
    """Returns anonymous volumes that no container uses, not even a stopped one. Never returns a named volume.

    Engines from 23 on label anonymous volumes. With older ones, these are local volumes with a generated name, without
    labels and options.
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
    """Returns the unused parts of the build cache that are old enough, as one item; 0 bytes if there are none."""
    size = sum(
        _size(part.get("Size"))
        for part in found
        if not part.get("InUse")
        and not part.get("Shared")
        and _is_old(part.get("LastUsedAt") or part.get("CreatedAt"), now, older_than)
    )
    return Item("build_cache", "build cache", "", size)


def _is_old(made: object, now: float, older_than: float) -> bool:
    """Whether ``made`` is long enough ago. An object without a time is old only if ``older_than`` is 0."""
    at: Optional[float] = float(made) if isinstance(made, (int, float)) else seconds(made)
    return older_than <= 0 if at is None else now - at >= older_than


def _size(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _name(container: Raw) -> str:
    return str((container.get("Names") or [container["Id"]])[0]).lstrip("/")
