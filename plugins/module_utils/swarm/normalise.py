# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Normal forms, which are equal exactly if the Engine would store the same specification.

The specification that we send and the one that the Engine returns get the same form. Values that Go's ``omitempty``
drops are absent. Defaults of dockerd (20.10 to 28) are filled in or dropped. Lists without an order are sorted. Lists
with a natural key become maps, so that a difference names the variable or mount that changed. The top level and
``TaskTemplate`` keep the Engine's names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_fields import too_new
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CRON_RUNS
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import asleep

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Network
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import NormalSpec

Spec = Dict[str, Any]
Version = Tuple[int, int]

#: Maps with the user's own keys: each entry counts, even an empty one.
FREE = ("Labels", "Options", "Sysctls", "DriverOpts")

#: (parent, key): zero and absent differ here, because the Engine has a pointer or no ``omitempty``.
ZERO_COUNTS = frozenset(
    {
        ("Replicated", "Replicas"),
        ("ReplicatedJob", "MaxConcurrent"),
        ("ReplicatedJob", "TotalCompletions"),
        ("RestartPolicy", "Delay"),
        ("RestartPolicy", "MaxAttempts"),
        ("RestartPolicy", "Window"),
        ("ContainerSpec", "StopGracePeriod"),
        ("ContainerSpec", "Init"),
        ("UpdateConfig", "Parallelism"),
        ("RollbackConfig", "Parallelism"),
        ("File", "Mode"),
        ("File", "UID"),
        ("File", "GID"),
        ("Ulimits", "Soft"),
        ("Ulimits", "Hard"),
    }
)
EMPTY_COUNTS = ("Replicated", "Global", "ReplicatedJob", "GlobalJob", "Runtime")


def compact(value: object, parent: str = "") -> Any:
    """Returns a copy of ``value`` without the entries that Go's ``omitempty`` omits."""
    if isinstance(value, list):
        return [compact(item, parent) for item in value]
    if not isinstance(value, dict):
        return value
    if parent in FREE:
        return dict(value)
    out = {}
    for key, item in value.items():
        item = compact(item, key)
        if item is None or item == [] or (item == {} and key not in EMPTY_COUNTS):
            continue
        if not isinstance(item, dict) and item in (0, "", False) and (parent, key) not in ZERO_COUNTS:
            continue
        out[key] = item
    return out


def service(
    spec: Mapping[str, object], names: Optional[Mapping[str, str]] = None, api: Optional[Version] = None
) -> NormalSpec:
    """Returns the normal form of a ServiceSpec.

    ``names`` maps ids of networks and configs to names. ``api`` is the version in use: fields that are newer are left
    out. The form has no ``ForceUpdate``, which no file sets. It does not show whether a job on a schedule is awake, nor
    its recorded runs.
    """
    out: Spec = compact(asleep(spec))
    for part in SERVICE:
        part(out)
    (out.get("Labels") or {}).pop(CRON_RUNS, None)
    template = out.get("TaskTemplate") or {}
    out["TaskTemplate"] = task(template, names, api)
    return cast("NormalSpec", out)


def task(
    template: Mapping[str, object], names: Optional[Mapping[str, str]] = None, api: Optional[Version] = None
) -> Spec:
    """Returns the normal form of a TaskSpec, of a service or a task."""
    out: Spec = compact(template)
    out.pop("ForceUpdate", None)
    out.pop("Runtime", None)
    container = out.get("ContainerSpec") or {}
    if api is not None:
        _without_unknown({"TaskTemplate": out}, api)
    for part in CONTAINER:
        part(container, names or {})
    out["ContainerSpec"] = container
    if "RestartPolicy" in out:
        out["RestartPolicy"].setdefault("Condition", "any")
        out["RestartPolicy"].setdefault("MaxAttempts", 0)
    if "Networks" in out:
        out["Networks"] = _networks(out["Networks"], names or {})
    placement = out.get("Placement") or {}
    if "Constraints" in placement:
        placement["Constraints"] = sorted(placement["Constraints"])
    if "Platforms" in placement:
        placement["Platforms"] = sorted(
            f"{p.get('OS', '')}/{p.get('Architecture', '')}" for p in placement["Platforms"]
        )
    found: Spec = _without_empty(out)
    return found


def _without_empty(value: object) -> Any:
    """Drops maps and lists that are empty by now; ``compact`` has dropped zero values."""
    if not isinstance(value, dict):
        return value
    # An attachment without aliases counts as well.
    out = {key: item if key in (*FREE, "Networks") else _without_empty(item) for key, item in value.items()}
    return {key: item for key, item in out.items() if item not in ({}, []) or key in EMPTY_COUNTS}


# -- the parts of a service


def _mode(spec: Spec) -> None:
    mode = spec.setdefault("Mode", {"Replicated": {}})
    if not mode:
        mode["Replicated"] = {}
    if "Replicated" in mode:
        mode["Replicated"].setdefault("Replicas", 1)
    if "ReplicatedJob" in mode:
        mode["ReplicatedJob"].setdefault("MaxConcurrent", 1)
        mode["ReplicatedJob"].setdefault("TotalCompletions", 1)


def _endpoint(spec: Spec) -> None:
    endpoint = spec.setdefault("EndpointSpec", {})
    endpoint.setdefault("Mode", "vip")
    if "Ports" in endpoint:
        endpoint["Ports"] = sorted(_port(port) for port in endpoint["Ports"])


def _port(port: Mapping[str, object]) -> str:
    mode = "host" if port.get("PublishMode") == "host" else "ingress"
    name = f" {port['Name']}" if port.get("Name") else ""
    published = f"{port['PublishedPort']}:" if port.get("PublishedPort") else ""
    return f"{published}{port.get('TargetPort', 0)}/{port.get('Protocol') or 'tcp'} {mode}{name}"


def _updates(spec: Spec) -> None:
    for key in ("UpdateConfig", "RollbackConfig"):
        if key in spec:
            spec[key].setdefault("FailureAction", "pause")
            spec[key].setdefault("Order", "stop-first")
            if "MaxFailureRatio" in spec[key]:  # 32 bits in the Engine: 0.1 comes back as 0.10000000149011612
                spec[key]["MaxFailureRatio"] = round(spec[key]["MaxFailureRatio"], 6)


SERVICE: Tuple[Callable[[Spec], None], ...] = (_mode, _endpoint, _updates)


# -- the parts of a container


def _environment(container: Spec, names: Mapping[str, str]) -> None:
    # A bare KEY unsets a variable of the image. Docker's CLI sends it, our compiler omits the key.
    env = [entry for entry in container.pop("Env", []) if "=" in entry]
    if env:
        container["Env"] = {key: value for key, _equals, value in (entry.partition("=") for entry in env)}


def _isolation(container: Spec, names: Mapping[str, str]) -> None:
    if container.get("Isolation") == "default":
        del container["Isolation"]


#: Swarm stores none of these in any version; seen on 20.10, 26.1 and 28.5.
NEVER_KEPT = ("CreateMountpoint", "ReadOnlyNonRecursive", "ReadOnlyForceRecursive")


def _mounts(container: Spec, names: Mapping[str, str]) -> None:
    mounts = container.pop("Mounts", [])
    for mount in mounts:
        for key in NEVER_KEPT:
            (mount.get("BindOptions") or {}).pop(key, None)
        if (mount.get("BindOptions") or {}).get("Propagation") == "rprivate":
            del mount["BindOptions"]["Propagation"]
        for key in ("BindOptions", "VolumeOptions", "TmpfsOptions", "ImageOptions"):
            if not mount.get(key):
                mount.pop(key, None)
    if mounts:
        container["Mounts"] = keyed(mounts, "Target")


def _files(container: Spec, names: Mapping[str, str]) -> None:
    for key, name_key, id_key in (("Secrets", "SecretName", "SecretID"), ("Configs", "ConfigName", "ConfigID")):
        references = container.pop(key, [])
        for reference in references:
            reference.pop(id_key, None)
            reference["Target"] = (reference.get("File") or {}).get("Name") or f"runtime {reference.get(name_key)}"
        if references:
            container[key] = keyed(references, "Target")


def _credentials(container: Spec, names: Mapping[str, str]) -> None:
    spec = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    if spec.get("Config"):
        spec["Config"] = names.get(spec["Config"], spec["Config"])


def _limits(container: Spec, names: Mapping[str, str]) -> None:
    if "Ulimits" in container:
        container["Ulimits"] = keyed(container["Ulimits"], "Name")
    for key in ("CapabilityAdd", "CapabilityDrop", "Groups"):
        if key in container:
            container[key] = sorted(container[key])


CONTAINER: Tuple[Callable[[Spec, Mapping[str, str]], None], ...] = (
    _environment,
    _isolation,
    _mounts,
    _files,
    _credentials,
    _limits,
)


# -- fields that the Engine silently drops


def _without_unknown(spec: Spec, api: Version) -> None:
    for path, _since in too_new(spec, api):
        node: Any = spec
        for step in path[:-1]:
            node = node[step]
        node.pop(path[-1], None)


# -- shared


def keyed(items: List[Spec], key: str) -> Dict[str, Spec]:
    """Converts a list of maps to a map by the value of ``key``; a second entry with the same value gets a number."""
    out: Dict[str, Spec] = {}
    for item in items:
        rest = dict(item)
        name = text = str(rest.pop(key, ""))
        count = 1
        while name in out:
            count += 1
            name = f"{text} ({count})"
        out[name] = rest
    return out


def _networks(attachments: List[Spec], names: Mapping[str, str]) -> Dict[str, Spec]:
    out = keyed(
        [{**item, "Target": names.get(item.get("Target", ""), item.get("Target", ""))} for item in attachments],
        "Target",
    )
    for attachment in out.values():
        if "Aliases" in attachment:
            attachment["Aliases"] = sorted(set(attachment["Aliases"]))
    return out


def network(spec: Mapping[str, object]) -> Spec:
    """Returns the normal form of a network, from a create body or from /networks."""
    body = cast("Network", spec)
    ipam = body.get("IPAM") or {}
    options = {k: v for k, v in (body.get("Options") or {}).items() if k != VXLAN_IDS}
    return {
        "Driver": body.get("Driver") or "overlay",
        "Options": options,
        "Internal": bool(spec.get("Internal")),
        "Attachable": bool(spec.get("Attachable")),
        "EnableIPv6": bool(spec.get("EnableIPv6")),
        "Labels": dict(body.get("Labels") or {}),
        "IPAM": {
            "Driver": ipam.get("Driver") or "default",
            "Options": ipam.get("Options") or {},
            "Config": [compact(config) for config in ipam.get("Config") or []],
        },
    }


#: The allocator writes the chosen VXLAN ids here.
VXLAN_IDS = "com.docker.network.driver.overlay.vxlanid_list"


def network_pair(desired: Mapping[str, object], observed: Mapping[str, object]) -> Tuple[Spec, Spec]:
    """Returns both normal forms, without addresses that the Engine chose."""
    want, have = network(desired), network(observed)
    wanted, found = want["IPAM"]["Config"], have["IPAM"]["Config"]
    if not wanted:
        have["IPAM"]["Config"] = []
    elif len(wanted) == len(found):
        have["IPAM"]["Config"] = [{k: f[k] for k in f if k in w} for w, f in zip(wanted, found)]
    return want, have
