# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One ServiceSpec as a service of a Compose file.

Most keys use the table of keys of the conversion: a key that is copied into a field is copied out of it. The functions
here are for fields that the conversion also computes with functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import without_digest
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import IMAGE
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.normalise import ZERO_COUNTS
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import is_scheduled
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.image import normalise
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import CARRIED, Key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import SERVICE_PATHS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting import attached, mounted
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.one import One
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import Surroundings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.unit_texts import WRITERS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.compose_file import ordered

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import ServiceSpec

_FIELD = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)*\Z")
#: The order of keys in blocks, if it differs from the table's.
_CHECK = ("test", "interval", "timeout", "retries", "start_period", "start_interval")
_UPDATE = ("parallelism", "delay", "failure_action", "monitor", "max_failure_ratio", "order")
_UPDATES = ("update_config", "rollback_config")
#: The Engine's defaults, which a file need not set.
_DEFAULTS: dict[tuple[str, ...], object] = {
    ("deploy", "endpoint_mode"): "vip",
    ("deploy", "replicas"): 1,
    ("deploy", "restart_policy", "condition"): "any",
    ("deploy", "restart_policy", "max_attempts"): 0,
    ("isolation",): "default",
    **{
        ("deploy", block, key): value
        for block in _UPDATES
        for key, value in {"failure_action": "pause", "order": "stop-first", "max_failure_ratio": 0}.items()
    },
}
#: Keys whose fields the functions below read.
_OTHERWISE = {
    *(("environment",), ("image",), ("labels",), ("deploy", "labels"), ("deploy", "mode"), ("healthcheck", "disable")),
}


def service_of(spec: ServiceSpec, key: str, around: Surroundings) -> dict[str, Any]:
    """Returns the service ``key``. Defines the objects that it refers to in ``around``."""
    one = One(key, spec, around)
    for path, row in SERVICE_PATHS.items():
        if row.fate == CARRIED and _FIELD.match(row.text):
            _copied(one, path, row)
    for make in _MADE:
        make(one)
    _order(one)
    return one.made


def _order(one: One) -> None:
    deploy = one.made.get("deploy") or {}
    for place, name, order in ((one.made, "healthcheck", _CHECK), *((deploy, name, _UPDATE) for name in _UPDATES)):
        if name in place:
            place[name] = ordered(place[name], order)


def _copied(one: One, path: tuple[str, ...], row: Key) -> None:
    """Copies the value of a field to its key, unless it is empty or the default."""
    field = tuple(row.text.split("."))
    value, kind = one.value_at(field), row.kind
    if path in _OTHERWISE or (isinstance(value, Mapping) and not kind.read) or _has_maps(value):
        return
    empty = value in (0, False) and not kind.zero and field[-2:] not in ZERO_COUNTS
    if empty or (path in _DEFAULTS and value == _DEFAULTS[path]):
        return
    if isinstance(value, float):
        value = round(value, 6)  # the Engine has 32 bits: it returns 0.10000000149011612 for 0.1
    if kind.unit and isinstance(value, int):
        value = WRITERS[kind.unit.parse](value)
    one.put(path, dict(value) if isinstance(value, Mapping) else value)


def _has_maps(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, Mapping) for item in value)


# -- the fields that the conversion computes with functions


def _image(one: One) -> None:
    """Sets the image as the file had it, if that still names the same one, else without the digest of a deployment."""
    running = str(one.container.get("Image") or "")
    written = str((one.spec.get("Labels") or {}).get(IMAGE) or "")
    same = written and normalise(written) in (running, without_digest(running))
    one.put(("image",), written if same else without_digest(running))
    platforms = (one.template.get("Placement") or {}).get("Platforms") or []
    if len(platforms) == 1 and "@" not in running:
        parts = [platforms[0].get("OS") or "linux", platforms[0].get("Architecture") or ""]
        one.put(("platform",), "/".join(filter(None, parts)))


def _environment(one: One) -> None:
    """Leaves out names without a value: in a Compose file they would get one from the task's variables."""
    pairs = (entry.partition("=") for entry in one.container.get("Env") or [] if "=" in entry)
    one.put(("environment",), {name: value for name, _equals, value in sorted(pairs)})


def _labels(one: One) -> None:
    one.put(("labels",), one.around.labels(one.container.get("Labels")))
    one.put(("deploy", "labels"), one.around.labels(one.spec.get("Labels"), "service", one.key))


def _mode(one: One) -> None:
    mode = one.spec.get("Mode") or {}
    for field, name in (("Global", "global"), ("GlobalJob", "global-job"), ("ReplicatedJob", "replicated-job")):
        if mode.get(field) is not None:
            one.put(("deploy", "mode"), name)
    # A job on a schedule has zero completions while it is asleep.
    counted = "MaxConcurrent" if is_scheduled(one.spec) else "TotalCompletions"
    count = (mode.get("ReplicatedJob") or {}).get(counted, 1)
    if count != 1:
        one.put(("deploy", "replicas"), count)


def _healthcheck(one: One) -> None:
    if (one.container.get("Healthcheck") or {}).get("Test") == ["NONE"]:
        one.made["healthcheck"] = {"disable": True}


def _hosts(one: One) -> None:
    found = []
    for entry in one.container.get("Hosts") or []:
        address, *names = entry.split()
        found += [f"{name}={address}" if ":" in address else f"{name}:{address}" for name in names]
    one.put(("extra_hosts",), found)


def _ulimits(one: One) -> None:
    found: dict[str, Any] = {}
    for limit in one.container.get("Ulimits") or []:
        soft, hard = limit.get("Soft", 0), limit.get("Hard", 0)
        found[limit["Name"]] = soft if soft == hard else {"soft": soft, "hard": hard}
    one.put(("ulimits",), found)


_SELINUX = (("User", "user"), ("Role", "role"), ("Type", "type"), ("Level", "level"))


def _security(one: One) -> None:
    privileges: Any = one.container.get("Privileges") or {}
    options = ["no-new-privileges:true"] if privileges.get("NoNewPrivileges") else []
    if (privileges.get("Seccomp") or {}).get("Mode") == "unconfined":
        options.append("seccomp:unconfined")
    if (privileges.get("AppArmor") or {}).get("Mode") == "disabled":
        options.append("apparmor:unconfined")
    context = privileges.get("SELinuxContext") or {}
    if context.get("Disable"):
        options.append("label:disable")
    options += [f"label:{name}:{context[field]}" for field, name in _SELINUX if context.get(field)]
    one.put(("security_opt",), options)


def _restart_policy(one: One) -> None:
    """Keeps a policy that has only defaults: the Engine stores none if the file sets none."""
    if one.template.get("RestartPolicy") and not (one.made.get("deploy") or {}).get("restart_policy"):
        one.put(("deploy", "restart_policy", "condition"), "any")


def _ports(one: One) -> None:
    found = []
    for port in (one.spec.get("EndpointSpec") or {}).get("Ports") or []:
        published, mode = port.get("PublishedPort") or 0, port.get("PublishMode") or "ingress"
        # In the long form, docker's CLI accepts only a number. The short form is a text.
        is_long = mode != "ingress" or port.get("Name")
        entry = {"name": port.get("Name"), "target": port.get("TargetPort")}
        entry["published"] = (published if is_long else str(published)) if published else None
        entry.update(protocol=port.get("Protocol") or "tcp", mode=mode)
        found.append({name: value for name, value in entry.items() if value})
    one.put(("ports",), found)


def _scheduling(one: One) -> None:
    template = one.template
    spread = [
        {"spread": preference["Spread"].get("SpreadDescriptor", "")}
        for preference in (template.get("Placement") or {}).get("Preferences") or []
        if preference.get("Spread")
    ]
    one.put(("deploy", "placement", "preferences"), spread)
    reserved = ((template.get("Resources") or {}).get("Reservations") or {}).get("GenericResources") or []
    kinds = [resource["DiscreteResourceSpec"] for resource in reserved if resource.get("DiscreteResourceSpec")]
    discrete = [
        {"discrete_resource_spec": {"kind": kind.get("Kind", ""), "value": kind.get("Value", 0)}} for kind in kinds
    ]
    one.put(("deploy", "resources", "reservations", "generic_resources"), discrete)


_Make = Callable[[One], None]
_MADE: tuple[_Make, ...] = (
    _image, _environment, _labels, _mode, _healthcheck, _hosts, _ulimits, _security, _restart_policy, _ports,
    _scheduling,
    attached.networks, mounted.files, mounted.mounts,
)  # fmt: skip
