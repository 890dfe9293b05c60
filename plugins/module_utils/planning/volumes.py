# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver options of volumes: an existing volume keeps its options, whatever a service requests.

No text of this file has values of options: they may be passwords.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import BASE, NAMESPACE, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.normalise import compact
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import LEFT, could_be

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        ContainerSpec,
        Driver,
        Mount,
        Service,
        ServiceSpec,
        Volume,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Observed,
        ServiceEntry,
        State,
    )

LOCAL = "local"
#: Begins a reference to a value (values/value_references.py).
REFERENCE = "\0"


def named_volumes(spec: ServiceSpec) -> List[Mount]:
    """Returns the mounts of named volumes of a ServiceSpec."""
    return named_in(spec["TaskTemplate"].get("ContainerSpec") or {})


def named_in(container: ContainerSpec) -> List[Mount]:
    """Returns the mounts of named volumes of a ContainerSpec."""
    return [mount for mount in container.get("Mounts") or [] if mount.get("Type") == "volume" and mount.get("Source")]


def own_volumes(spec: ServiceSpec, stack: str) -> List[Mount]:
    """Returns the mounts of the stack's own volumes, without external ones."""
    return [mount for mount in named_volumes(spec) if labels_on(mount).get(NAMESPACE) == stack]


def labels_on(mount: Mount) -> Dict[str, str]:
    """Returns the labels that the volume of a mount gets."""
    return (mount.get("VolumeOptions") or {}).get("Labels") or {}


def base_of(mount: Mount) -> str:
    """Returns the name of the volume in the file; a recreated volume has it in a label."""
    return str(labels_on(mount).get(BASE) or mount["Source"])


def driver_of(mount: Mount) -> Driver:
    """Returns the driver and options with which the Engine would create the volume of a mount."""
    config = compact((mount.get("VolumeOptions") or {}).get("DriverConfig") or {})
    return {"Name": config.get("Name") or LOCAL, "Options": config.get("Options") or {}}


def wanted_volumes(desired: State) -> Dict[str, Driver]:
    """Returns the desired driver of each of the stack's own volumes, by its name in the file. Options may have
    passwords."""
    stack = desired["stack"]["name"]
    return {base_of(m): driver_of(m) for service in desired["services"] for m in own_volumes(service["spec"], stack)}


def changed_drivers(desired: Iterable[ServiceEntry], live: Iterable[Service]) -> List[str]:
    """Returns a notice for each volume whose driver or options differ from those of a live service's mount.

    ``desired`` are services of a bound state.
    """
    before = {str(m["Source"]): driver_of(m) for service in live for m in named_volumes(service["Spec"])}
    found: Dict[str, str] = {}
    for service in desired:
        for mount in named_volumes(service["spec"]):
            source = str(mount["Source"])
            text = driver_difference(driver_of(mount), before[source]) if source in before else ""
            if text and source not in found:
                found[source] = (
                    f"service {service['key']}: {text} of the volume {source} changed in the file, but an existing "
                    "volume keeps its options: its data stays in place, and on a node without the volume the service "
                    f"starts with an empty one. Set recreate_volumes: [{base_of(mount)}] to replace it with an empty "
                    "volume with the new options"
                )
    return sorted(found.values())


def driver_difference(want: Driver, have: Driver, hidden: str = REFERENCE) -> str:
    """Returns the known differences between two drivers as text; empty text if there are none.

    The value of an option is unknown if it is not text, or contains ``hidden``.
    """
    if _plugin(want) != _plugin(have):
        return f"the driver ({have['Name']} → {want['Name']})"
    wanted, had = want["Options"], have["Options"]
    names = sorted(n for n in {*wanted, *had} if not _may_be_same(wanted.get(n), had.get(n), hidden))
    return f"the driver option{'' if len(names) == 1 else 's'} {', '.join(names)}" if names else ""


def _plugin(driver: Driver) -> str:
    name = str(driver["Name"])
    return name[: -len(":latest")] if name.endswith(":latest") else name


def _may_be_same(want: object, have: object, hidden: str) -> bool:
    if want is None or have is None:
        return want is have
    if not isinstance(want, str) or not isinstance(have, str) or hidden in want or hidden in have:
        return True
    return want == have or (LEFT in want and could_be(want, have))


def volume_difference(want: Driver, volume: Volume, hidden: str = REFERENCE) -> str:
    """Returns how an existing volume differs from the one that a mount requests; empty text if it does not."""
    have: Driver = {"Name": str(volume.get("Driver") or LOCAL), "Options": volume.get("Options") or {}}
    if have["Name"] != LOCAL and not have["Options"] and NAMESPACE not in (volume.get("Labels") or {}):
        have["Options"] = want["Options"]  # another node created it: this Engine does not know its options
    return driver_difference(want, have, hidden)


def differing_volumes(
    want: Mapping[str, Driver], volumes: Iterable[Volume], hidden: str = REFERENCE
) -> Iterator[Tuple[str, str, str]]:
    """Yields the existing ``volumes`` that differ from their mounts: the mount's source, the name, the differences."""
    for volume in sorted(volumes, key=name_of):
        for source in sorted(want):
            text = volume_difference(want[source], volume, hidden) if could_be(source, name_of(volume)) else ""
            if text and _is_made_from(source, volume):
                yield source, name_of(volume), text


def _is_made_from(source: str, volume: Volume) -> bool:
    """Whether a volume belongs to a source. A template also matches other names, but its own volumes have a label."""
    return LEFT not in source or NAMESPACE in (volume.get("Labels") or {})


def recreation(
    desired: State, observed: Observed, services: Iterable[Operation], prune: bool
) -> Tuple[List[Operation], List[str]]:
    """Returns an operation for each volume that another one replaces (``desired["recreated"]``), and notices about
    those that are kept because no service changes its mount. ``services`` are the operations of the services.

    Raises PlanError (``unsafe_change``) if others use one, by ``all_services`` and ``mounting`` (descriptions of this
    node's containers by volume) of ``observed``.
    """
    stack, operations, notices = desired["stack"]["name"], [], list(desired.get("not_recreated") or ())
    mounted = {m["Source"] for op in services if op.payload.get("spec") for m in named_volumes(op.payload["spec"])}
    stays = {service["name"] for service in desired["services"]} if not prune else set()
    for entry in desired.get("recreated") or ():
        if entry["name"] not in mounted:
            notices.append(f"recreate_volumes: {entry['old']} is kept: its services leave their volumes unchanged")
            continue
        users = [
            f"service {name_of(service)}"
            for service in observed.get("all_services") or ()
            if any(_overlap(entry["old"], str(mount["Source"])) for mount in named_volumes(service["Spec"]))
            and (stack_of(service) != stack or (not prune and name_of(service) not in stays))
        ]
        users += (observed.get("mounting") or {}).get(entry["old"], [])
        if users:
            raise PlanError(
                f"volume {entry['base']}: {entry['old']} can't be recreated: {', '.join(sorted(users))} "
                f"{'use' if len(users) > 1 else 'uses'} it.",
                hint="They would keep using the old one. Remove it from them first, or give the volume another name.",
            )
        reason = f"replaces {entry['old']}, which is kept with its data; starts empty: {entry['why']}"
        operations.append(Operation("create", "volume", entry["name"], entry["base"], reason))
    return operations, notices


def _overlap(one: str, other: str) -> bool:
    return one == other or could_be(one, other) or could_be(other, one)
