# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a Swarm: those that an update can change, and those that are fixed for a Swarm or a member."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

Change = Dict[str, Any]
#: The path of each option in the Swarm's specification.
PATHS: Dict[str, Tuple[str, ...]] = {
    "task_history_limit": ("Orchestration", "TaskHistoryRetentionLimit"),
    "snapshot_interval": ("Raft", "SnapshotInterval"),
    "dispatcher_heartbeat": ("Dispatcher", "HeartbeatPeriod"),
    "cert_expiry": ("CAConfig", "NodeCertExpiry"),
    "autolock": ("EncryptionConfig", "AutoLockManagers"),
    "labels": ("Labels",),
}
DURATIONS = ("dispatcher_heartbeat", "cert_expiry")
_PART = re.compile(r"(\d+)(ns|us|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
#: Swarm's defaults.
POOL, SIZE, DATA_PORT = ["10.0.0.0/8"], 24, 4789
PORT = 2377


class Addresses(NamedTuple):
    """The task's options for the addresses of a member."""

    advertise_addr: Optional[str] = None
    listen_addr: Optional[str] = None
    data_path_addr: Optional[str] = None


class Fixed(NamedTuple):
    """The task's options for settings that can't change in a Swarm."""

    default_addr_pool: Sequence[str] = ()
    subnet_size: Optional[int] = None
    data_path_port: Optional[int] = None


def nanoseconds(name: str, text: str) -> int:
    """Parses a duration such as ``5s`` or ``2160h0m0s``. Raises StackwrightError (``invalid_options``)."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise StackwrightError(f"{name} must be a duration such as 5s or 2160h, not {text!r}.", "invalid_options")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def duration(value: Any) -> str:
    """Returns nanoseconds as text, in the largest unit without a fraction: ``2160h``."""
    number = int(value or 0)
    unit = next((unit for unit in ("h", "m", "s", "ms", "us") if number and not number % _UNITS[unit]), "ns")
    return f"{number // _UNITS[unit]}{unit}"


def wanted_settings(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns the settings in the options, by option, in the Engine's form. Raises StackwrightError."""
    wanted: Dict[str, Any] = {}
    for name in PATHS:
        value = options.get(name)
        if value is None:
            continue
        if name in DURATIONS:
            value = nanoseconds(name, value)
        elif name == "labels":
            value = {str(key): str(item) for key, item in value.items()}
        wanted[name] = value
    return wanted


def setting_changes(spec: Mapping[str, object], wanted: Mapping[str, object]) -> List[Change]:
    """Returns the settings that differ: option, before, after, with durations as text."""
    changes = []
    for name, value in wanted.items():
        live: Any = spec
        for part in PATHS[name]:
            live = (live or {}).get(part)
        if name == "labels":
            live = live or {}
        if (live or value) and live != value:
            changes.append({"option": name, "before": _shown(name, live), "after": _shown(name, value)})
    return changes


def _shown(name: str, value: object) -> Any:
    return duration(value) if name in DURATIONS else value


def with_settings(spec: Mapping[str, object], wanted: Mapping[str, object]) -> Dict[str, Any]:
    """Returns the Swarm's specification with the settings, for an update or for its creation."""
    full: Dict[str, Any] = {key: dict(item) if isinstance(item, dict) else item for key, item in spec.items()}
    for name, value in wanted.items():
        path = PATHS[name]
        if len(path) == 1:
            full[path[0]] = value
        else:
            full[path[0]] = {**(full.get(path[0]) or {}), path[1]: value}
    return full


def refuse_fixed(cluster: Mapping[str, Any], asked: Fixed) -> None:
    """Raises StackwrightError (``unchangeable``) if the options differ from fixed settings of the Swarm.

    :param cluster: ``DefaultAddrPool``, ``SubnetSize``, ``DataPathPort`` of the Swarm.
    """
    pools = [_network(pool) for pool in asked.default_addr_pool]
    live = [_network(pool) for pool in cluster.get("DefaultAddrPool") or POOL]
    wrong = []
    if pools and pools != live:
        wrong.append(f"default_addr_pool is {', '.join(live)}, not {', '.join(pools)}")
    for name, value, key, default in (
        ("subnet_size", asked.subnet_size, "SubnetSize", SIZE),
        ("data_path_port", asked.data_path_port, "DataPathPort", DATA_PORT),
    ):
        has = int(cluster.get(key) or default)
        if value is not None and value != has:
            wrong.append(f"{name} is {has}, not {value}")
    if wrong:
        raise StackwrightError(
            f"The Swarm has other settings than the task, and they can't be changed: {'; '.join(wrong)}.",
            "unchangeable",
            "Give the values that the Swarm has. Other values need a new Swarm: remove the stacks, let every "
            "node leave "
            "(state: absent, dissolve: true), and run again. Nothing was changed.",
        )


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(str(text), strict=False))
    except ValueError:
        return str(text)


def check_pools(asked: Fixed) -> None:
    """Raises StackwrightError (``invalid_options``) for an invalid network, or a subnet larger than a pool."""
    for pool in asked.default_addr_pool:
        try:
            network = ipaddress.ip_network(str(pool))
        except ValueError as error:
            raise StackwrightError(
                f"default_addr_pool must be networks such as 10.20.0.0/16: {error}.", "invalid_options"
            ) from None
        size = asked.subnet_size or SIZE
        if size < network.prefixlen:
            raise StackwrightError(f"A subnet of subnet_size {size} is larger than the pool {pool}.", "invalid_options")


def refuse_addresses(host: str, asked: Addresses, facts: Mapping[str, Any]) -> List[str]:
    """Compares the addresses of a member with the options; returns notices about those that can't be compared.

    :param facts: ``address`` as the Engine reports it; ``listen_addr`` and ``data_path_addr`` from its state on the
        disk, None if that can't be read; ``interfaces``: the addresses of the interfaces in the options.
    :raises StackwrightError: ``unchangeable``.
    """
    unknown, wrong = [], []
    for name, given in asked._asdict().items():
        live = facts["address"] if name == "advertise_addr" else facts.get(name)
        if not given:
            continue
        if live is None:
            unknown.append(name)
            continue
        found = _addresses(name, given, facts.get("interfaces") or {})
        if found is None:
            unknown.append(name)
        elif _address(name, str(live)) not in found:
            wrong.append(f"{name} is {live or 'that of the node'}, not {given}")
    if wrong:
        raise StackwrightError(
            f"{host} is a member with other addresses than in the task, and they can't be changed: {'; '.join(wrong)}.",
            "unchangeable",
            "Give the addresses that it has. Other addresses need a new membership: let it leave (state: "
            "absent), then join "
            "again. Nothing was changed.",
        )
    return [f"{host}: {name} can't be compared with that of the node." for name in unknown]


def _addresses(name: str, asked: str, interfaces: Mapping[str, Any]) -> Optional[List[str]]:
    """Returns the possible addresses of an option; None if it names an interface without an address."""
    head = _split(asked)[0]
    if head in interfaces:
        found = [_address(name, asked.replace(head, address, 1)) for address in interfaces[head]]
        return found or None
    return [_address(name, asked)]


def _address(name: str, text: str) -> str:
    """Returns the normal form of an address; only ``listen_addr`` has a port."""
    head, port = _split(text)
    with_port = name == "listen_addr"
    return f"{head}:{port or PORT}" if with_port else head


def _split(text: str) -> Tuple[str, str]:
    if text.startswith("["):
        head, _end, port = text[1:].partition("]")
        return head, port.lstrip(":")
    if text.count(":") > 1:
        return text, ""
    head, _colon, port = text.partition(":")
    return head, port


def interface_names(asked: Addresses) -> List[str]:
    """Returns the interfaces in the address options: the values that are not addresses."""
    names = set()
    for given in asked:
        head = _split(given or "")[0]
        try:
            ipaddress.ip_address(head)
        except ValueError:
            if head:
                names.add(head)
    return sorted(names)
