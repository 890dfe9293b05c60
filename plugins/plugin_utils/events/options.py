# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the event source. All of them are checked before anything is watched."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Dict, FrozenSet, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import DEFAULT_HOST, Connection
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.kinds import TYPES

CONNECTION = {field.name: field.type for field in fields(Connection)}
SWITCHES = ("tls", "validate_certs", "use_ssh_client")
#: Options that ansible-rulebook adds by itself.
ADDED = ("eda_feedback_queue",)
#: The lowest and the highest value of each number.
NUMBERS = {"interval": (1.0, 86400.0), "timeout": (1.0, 86400.0), "certificate_days": (0.0, 36500.0)}


@dataclass(frozen=True)
class Options:
    """``interval`` is in seconds. Empty ``types`` and ``stacks`` mean all. ``hosts``: inventory names by node names."""

    managers: Tuple[Connection, ...]
    interval: float = 10.0
    certificate_days: float = 30.0
    initial: bool = True
    types: FrozenSet[str] = frozenset()
    stacks: FrozenSet[str] = frozenset()
    hosts: Mapping[str, str] = None  # type: ignore[assignment]


def options_of(args: Mapping[str, Any]) -> Options:
    """Returns the options that a rulebook sets. Raises StackwrightError with all invalid ones."""
    wrong: List[str] = []
    own = ("managers", "interval", "certificate_days", "initial", "types", "stacks", "hosts")
    known = {*own, *CONNECTION}
    unknown = sorted(str(name) for name in args if name not in known and name not in ADDED)
    if unknown:
        wrong.append(f"unknown: {', '.join(unknown)} (known: {', '.join(sorted(known))})")
    given = {name: value for name, value in args.items() if value is not None}
    numbers = {name: number_of(name, given[name], NUMBERS[name], wrong) for name in NUMBERS if name in given}
    connections = connections_of({**given, **numbers}, wrong)
    types, stacks = (_list(name, given, wrong, (str,)) for name in ("types", "stacks"))
    strange = sorted(set(types) - set(TYPES))
    if strange:
        wrong.append(f"types: there is no type {', '.join(strange)}")
    hosts = given.get("hosts", {})
    if not isinstance(hosts, dict):
        wrong.append("hosts must be a map from the names of nodes to those of the inventory")
    if not isinstance(given.get("initial", True), bool):
        wrong.append("initial must be true or false")
    if wrong:
        raise StackwrightError(f"Options of swarm_events: {'; '.join(wrong)}.", "invalid_option")
    return Options(
        connections,
        numbers.get("interval", 10.0),
        numbers.get("certificate_days", 30.0),
        given.get("initial", True),
        frozenset(types),
        frozenset(stacks),
        {str(node): str(host) for node, host in hosts.items()},
    )


def connections_of(given: Mapping[str, object], wrong: List[str]) -> Tuple[Connection, ...]:
    """Returns the managers in the order in which they are asked. Adds invalid options to ``wrong``."""
    common = {name: value for name, value in given.items() if name in CONNECTION}
    managers = _list("managers", given, wrong, (str, dict)) or [common.get("docker_host", DEFAULT_HOST)]
    return tuple(filter(None, (_connection(manager, common, wrong) for manager in managers)))


def number_of(name: str, value: object, bounds: Tuple[float, float], wrong: List[str]) -> float:
    """Returns the number that an option sets. Adds a value outside of ``bounds`` to ``wrong``."""
    low, high = bounds
    try:
        found = float(str(value)) if not isinstance(value, bool) else low - 1.0
    except ValueError:
        found = low - 1.0
    if not low <= found <= high:
        wrong.append(f"{name} must be a number from {low:g} to {high:g}")
    return found


def _list(name: str, given: Mapping[str, object], wrong: List[str], kinds: Tuple[type, ...]) -> List[Any]:
    value = given.get(name, [])
    value = [value] if isinstance(value, kinds) else value
    if isinstance(value, list) and all(isinstance(item, kinds) for item in value):
        return value
    wrong.append(f"{name} must be a list")
    return []


def _connection(manager: Any, common: Mapping[str, object], wrong: List[str]) -> Any:
    own: Dict[str, Any] = {"docker_host": manager} if isinstance(manager, str) else dict(manager)
    unknown = sorted(str(name) for name in own if name not in CONNECTION)
    if unknown:
        wrong.append(f"managers: unknown: {', '.join(unknown)}")
        return None
    merged = {**common, **{name: value for name, value in own.items() if value is not None}}
    bad = [name for name in SWITCHES if not isinstance(merged.get(name, False), bool)]
    if bad or not isinstance(merged.get("docker_host", DEFAULT_HOST), str):
        wrong.append(f"managers: {', '.join(bad) or 'docker_host'} has the wrong type")
        return None
    merged["timeout"] = float(merged.get("timeout", 60.0))
    final: Dict[str, Any] = {**merged, "api_version": str(merged.get("api_version", "auto"))}
    return Connection(**final)
