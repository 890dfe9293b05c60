# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recreates volumes: creates an empty one beside the old one, under a generated name.

The manager can't reach volumes on other nodes, and no rollback restores a removed volume. Why:
decisions/0031-volumes-that-are-recreated.md.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import SHOWN
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import own_services
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import (
    base_of,
    driver_difference,
    driver_of,
    labels_on,
    own_volumes,
    volume_difference,
    wanted_volumes,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import BASE, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import could_be

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        ContainerSpec,
        Driver,
        Mount,
        ServiceSpec,
        VolumeOptions,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Observed,
        Recreated,
        ServiceEntry,
        State,
    )

History = Callable[[], Sequence["Revision"]]


class _Made(NamedTuple):
    """A volume of a service, now or in a revision. The newer one has the greater ``order``."""

    name: str
    base: str
    driver: Driver
    order: int


def bound_volumes(client: EngineClient, bound: State, observed: Observed, history: History) -> State:
    """Returns ``bound`` with the current names of the stack's volumes. ``history`` returns the revisions.

    Recreates those of the volumes ``bound["recreate_volumes"]`` that are known to differ from the file. Adds
    ``recreated`` (name, base, old, why), ``not_recreated`` (notices), ``renamed_volumes`` (name in the file to name).
    """
    stack = bound["stack"]["name"]
    wanted = wanted_volumes(bound)
    asked = set(bound.get("recreate_volumes") or ())
    live = [
        made
        for service in own_services(stack, observed).values()
        for made in _made(service["Spec"], stack, int(service["Version"]["Index"]))
    ]
    names: Dict[str, str] = {}
    recreated: List[Recreated] = []
    not_recreated = [f"recreate_volumes: no deployed service mounts {base}" for base in sorted(asked - set(wanted))]
    for base, driver in wanted.items():
        known = [made for made in live if made.base == base]
        if not known and "revisions" in observed:
            known = recorded(observed["revisions"], stack, base)
        if not known:
            continue
        same = [made for made in known if not driver_difference(driver, made.driver)]
        latest = max(same or known, key=lambda made: made.order)
        names[base] = latest.name
        if base in asked:
            why = _real_difference(client, stack, latest, driver, observed, history) if same else ""
            why = why or driver_difference(driver, latest.driver)
            if why:
                mark = json.dumps([latest.name, max(made.order for made in known)]).encode()
                names[base] = f"{base}_{hashlib.sha256(mark).hexdigest()[:SHOWN]}"
                recreated.append({"name": names[base], "base": base, "old": latest.name, "why": f"{why} changed"})
            elif latest.name == base:
                not_recreated.append(
                    f"recreate_volumes: {latest.name} is kept: its options match the file, as far as they can be read"
                )
    renamed = {base: name for base, name in names.items() if base != name}
    return {
        **bound,
        "recreated": recreated,
        "not_recreated": not_recreated,
        "renamed_volumes": renamed,
        "services": with_volumes(bound["services"], stack, renamed),
    }


def with_volumes(services: Sequence[ServiceEntry], stack: str, renamed: Mapping[str, str]) -> List[ServiceEntry]:
    """Returns copies of bound services with other names of volumes (``renamed``: the name in the file to the name)."""
    if not renamed:
        return list(services)
    out: List[ServiceEntry] = []
    for service in services:
        made: ServiceEntry = {**service, "spec": _renamed(service["spec"], stack, renamed)}
        if "as_docker" in service:
            spec = _renamed(service["as_docker"]["spec"], stack, renamed)
            made["as_docker"] = {**service["as_docker"], "spec": spec}
        out.append(made)
    return out


def _renamed(spec: ServiceSpec, stack: str, renamed: Mapping[str, str]) -> ServiceSpec:
    own = [id(mount) for mount in own_volumes(spec, stack)]
    template = spec["TaskTemplate"]
    container: ContainerSpec = template.get("ContainerSpec") or {}
    mounts = [
        _moved(mount, renamed) if id(mount) in own and mount["Source"] in renamed else mount
        for mount in container.get("Mounts") or []
    ]
    container = {**container, "Mounts": mounts} if mounts else container
    return {**spec, "TaskTemplate": {**template, "ContainerSpec": container}}


def _moved(mount: Mount, renamed: Mapping[str, str]) -> Mount:
    base = mount["Source"]
    options: VolumeOptions = {**(mount.get("VolumeOptions") or {}), "Labels": {**labels_on(mount), BASE: base}}
    return {**mount, "Source": renamed[base], "VolumeOptions": options}


def _made(spec: ServiceSpec, stack: str, order: int) -> List[_Made]:
    return [_Made(str(m["Source"]), base_of(m), driver_of(m), order) for m in own_volumes(spec, stack)]


def recorded(revisions: Sequence[Revision], stack: str, base: str) -> List[_Made]:
    """Returns the volume in the newest good revision, which alone has the volumes of a removed stack."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import newest_good

    last = newest_good(revisions)
    return [made for made in _of_revision(last, stack) if made.base == base] if last is not None else []


def _of_revision(revision: Revision, stack: str) -> List[_Made]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack

    if revision.damaged or not revision.packed:
        return []
    try:
        services = unpack(revision.packed)["services"]
    except StackwrightError:
        return []
    return [made for service in services for made in _made(service["spec"], stack, revision.number)]


def _real_difference(
    client: EngineClient, stack: str, made: _Made, driver: Driver, observed: Observed, history: History
) -> str:
    """Returns how the real volume differs although the service's specification does not. Compares the volume on this
    node, else the revisions with the same volume."""
    real = [v for v in (client.get("/volumes") or {}).get("Volumes") or [] if could_be(made.name, name_of(v))]
    if real:
        return next(filter(None, (volume_difference(driver, volume) for volume in real)), "")
    revisions = observed["revisions"] if "revisions" in observed else history()
    olds = [old for revision in revisions for old in _of_revision(revision, stack) if old.name == made.name]
    return next(filter(None, (driver_difference(driver, old.driver) for old in olds)), "")


def mounting(client: EngineClient, stack: str, node: str, volumes: Sequence[str]) -> Dict[str, List[str]]:
    """Returns for each volume the containers on this node that use it and belong to another stack, as text."""
    found: Dict[str, List[str]] = {}
    for container in client.list("/containers/json"):
        mounted = [str(mount.get("Name") or "") for mount in container.get("Mounts") or []]
        name = str((container.get("Names") or [str(container.get("Id"))[:12]])[0]).lstrip("/")
        for volume in volumes if stack_of(container) != stack else ():
            if any(could_be(volume, has) for has in mounted):
                found.setdefault(volume, []).append(f"the container {name} on the node {node}")
    return found
