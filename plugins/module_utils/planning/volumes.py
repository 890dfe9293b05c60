# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver options of volumes that change: a volume that exists keeps those that it was made with."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.normalise import compact


def changed_drivers(desired: Iterable[Mapping[str, Any]], live: Iterable[Mapping[str, Any]]) -> List[str]:
    """A notice for each volume whose driver or options differ from those that a live service has it made with.

    ``desired`` are services of a bound state. Values of options are not shown: they may hold passwords.
    """
    before = {source: driver for service in live for source, (driver, _key) in _drivers(service["Spec"], "").items()}
    found: Dict[str, str] = {}
    for service in desired:
        for source, (driver, key) in _drivers(service["spec"], str(service["key"])).items():
            if source in before and before[source] != driver and source not in found:
                found[source] = (
                    f"service {key}: {_what(before[source], driver)} of the volume {source} changed in the file, and a "
                    "volume that exists keeps what it was made with: its data stays where it is, and on a node that "
                    "has none the service starts empty. Move the data, and give the volume another name, or remove it "
                    "on every node while its services are stopped (stack_cleanup with volume_names)"
                )
    return sorted(found.values())


def _drivers(spec: Mapping[str, Any], key: str) -> Dict[str, Tuple[Any, str]]:
    """Source → how the Engine would make the volume, and the service's key."""
    mounts = (spec["TaskTemplate"].get("ContainerSpec") or {}).get("Mounts") or []
    return {
        str(mount["Source"]): (_driver(mount), key)
        for mount in mounts
        if mount.get("Type") == "volume" and mount.get("Source")
    }


def _driver(mount: Mapping[str, Any]) -> Dict[str, Any]:
    config = compact((mount.get("VolumeOptions") or {}).get("DriverConfig") or {})
    return {"Name": config.get("Name") or "local", "Options": config.get("Options") or {}}


def _what(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if before["Name"] != after["Name"]:
        return f"the driver ({before['Name']} → {after['Name']})"
    had, has = before["Options"], after["Options"]
    names = sorted(name for name in {*had, *has} if had.get(name) != has.get(name))
    return f"the driver option{'' if len(names) == 1 else 's'} {', '.join(names)}"
