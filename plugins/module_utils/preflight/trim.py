# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduces a DesiredState to what a preflight needs: no environment, no content, no options with passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NAMESPACE

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Mount
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry, State

FORMAT = ("stack", "waves")
CONTAINER = ("Image", "Configs", "Secrets")
TEMPLATE = ("Placement", "Resources", "Networks")
SERVICE = ("Name", "Mode", "EndpointSpec", "UpdateConfig")


def trimmed(desired: State) -> State:
    """Returns a DesiredState with fewer fields."""
    whole: Any = desired
    result: Any = {key: whole[key] for key in FORMAT}
    for kind in ("networks", "configs", "secrets"):
        result[kind] = [{key: entry[key] for key in ("key", "name", "external")} for entry in whole[kind]]
    result["services"] = [_service(service) for service in desired["services"]]
    return cast("State", result)


def _service(service: ServiceEntry) -> Dict[str, Any]:
    spec, template = service["spec"], service["spec"]["TaskTemplate"]
    container = template.get("ContainerSpec") or {}
    kept = _some(container, CONTAINER)
    kept["Mounts"] = [_mount(mount) for mount in container.get("Mounts") or []]
    credentials = (container.get("Privileges") or {}).get("CredentialSpec")
    if credentials:
        kept["Privileges"] = {"CredentialSpec": _some(credentials, ("Config",))}
    parts = {**_some(template, TEMPLATE), "ContainerSpec": kept}
    if (template.get("LogDriver") or {}).get("Name"):
        parts["LogDriver"] = {"Name": template["LogDriver"]["Name"]}
    return {
        **{key: service[key] for key in ("key", "name", "image", "where")},
        **_some(service, ("step_of",)),
        "spec": {**_some(spec, SERVICE), "TaskTemplate": parts},
    }


def _mount(mount: Mount) -> Dict[str, Any]:
    kept = _some(mount, ("Type", "Source", "Target"))
    options = mount.get("VolumeOptions") or {}
    driver, stack = (options.get("DriverConfig") or {}).get("Name"), (options.get("Labels") or {}).get(NAMESPACE)
    if driver or stack:
        kept["VolumeOptions"] = {
            **({"DriverConfig": {"Name": driver}} if driver else {}),
            **({"Labels": {NAMESPACE: stack}} if stack else {}),
        }
    return kept


def _some(value: Mapping[str, object], keys: Iterable[str]) -> Dict[str, Any]:
    return {key: value[key] for key in keys if value.get(key) is not None}


def bind_sources(service: ServiceEntry) -> List[str]:
    """Returns the paths of the node that a service binds, without templates that differ per task."""
    mounts = (service["spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("Mounts") or []
    sources = {str(m.get("Source") or "") for m in mounts if m.get("Type") == "bind"}
    return sorted(source for source in sources if source.startswith("/") and "{{" not in source and "\0" not in source)


def needs_vips(desired: State) -> bool:
    """Whether a service has a virtual IP or a port in ingress mode."""
    for service in desired["services"]:
        spec = service["spec"]
        endpoint = spec.get("EndpointSpec") or {}
        ingress = any((port.get("PublishMode") or "ingress") == "ingress" for port in endpoint.get("Ports") or [])
        joined = [network.get("Target") for network in spec["TaskTemplate"].get("Networks") or []]
        if ingress or ((endpoint.get("Mode") or "vip") == "vip" and any(name != "host" for name in joined)):
            return True
    return False
