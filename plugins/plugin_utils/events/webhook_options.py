# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the event source deploy_webhook, checked before it listens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, Pattern, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.options import (
    ADDED,
    CONNECTION,
    connections_of,
    number_of,
)

#: The default pattern of a variable: tags, digests, host names, numbers.
ORDINARY = r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,254}"
STORES = ("swarm", "host_facts")
#: The lowest and the highest value of each number.
NUMBERS = {"port": (0.0, 65535.0), "rate": (1.0, 6000.0), "timeout": (1.0, 86400.0)}
TEXTS = ("host", "store", "path", "certfile", "keyfile")
OF_STACK = ("name", "project", "environment", "src", "variables")


@dataclass(frozen=True)
class Target:
    """A stack that may be deployed, with the pattern of each variable that a request may set."""

    stack: Stack
    src: object
    variables: Mapping[str, Pattern[str]]


@dataclass(frozen=True)
class Options:
    """``targets``: by the path of the request; ``rate``: deployments per minute; ``path``: the folder of host facts."""

    targets: Mapping[str, Target]
    managers: Tuple[Connection, ...]
    host: str
    port: int
    rate: float
    store: str
    path: str
    certfile: str
    keyfile: str


def options_of(args: Mapping[str, object]) -> Options:
    """Returns the options that a rulebook sets. Raises StackwrightError with all invalid ones."""
    wrong: List[str] = []
    known = {"stacks", "managers", *TEXTS, *NUMBERS, *CONNECTION}
    unknown = sorted(str(name) for name in args if name not in known and name not in ADDED)
    if unknown:
        wrong.append(f"unknown: {', '.join(unknown)} (known: {', '.join(sorted(known))})")
    given = {name: value for name, value in args.items() if value is not None}
    numbers = {name: number_of(name, given[name], NUMBERS[name], wrong) for name in NUMBERS if name in given}
    wrong += [f"{name} must be a text" for name in TEXTS if not isinstance(given.get(name, ""), str)]
    if given.get("store", "swarm") not in STORES:
        wrong.append(f"store must be one of {', '.join(STORES)}")
    if ("certfile" in given) != ("keyfile" in given):
        wrong.append("certfile and keyfile must be set together")
    targets = _targets(given.get("stacks"), wrong)
    managers = connections_of({**given, **numbers}, wrong)
    if wrong:
        raise StackwrightError(f"Options of deploy_webhook: {'; '.join(wrong)}.", "invalid_option")
    return Options(
        targets,
        managers,
        str(given.get("host", "127.0.0.1")),
        int(numbers.get("port", 5000)),
        numbers.get("rate", 6.0),
        str(given.get("store", "swarm")),
        str(given.get("path", "")),
        str(given.get("certfile", "")),
        str(given.get("keyfile", "")),
    )


def _targets(stacks: object, wrong: List[str]) -> Dict[str, Target]:
    if not isinstance(stacks, dict) or not stacks:
        wrong.append("stacks must be a map with at least one stack")
        return {}
    found = {}
    for key, entry in stacks.items():
        entry = {} if entry is None else entry
        if not isinstance(entry, dict) or set(entry) - set(OF_STACK):
            wrong.append(f"stacks.{key} must be a map with {', '.join(OF_STACK)}")
            continue
        try:
            stack = Stack(entry.get("name", str(key)), entry.get("project"), entry.get("environment"))
        except StackwrightError as error:
            wrong.append(f"stacks.{key}: {error.message}")
            continue
        found[str(key)] = Target(stack, entry.get("src"), _patterns(str(key), entry.get("variables"), wrong))
    return found


def _patterns(key: str, variables: object, wrong: List[str]) -> Dict[str, Pattern[str]]:
    if variables is None:
        return {}
    if isinstance(variables, list) and all(isinstance(name, str) for name in variables):
        variables = dict.fromkeys(variables)
    if not isinstance(variables, dict):
        wrong.append(f"stacks.{key}.variables must be a list of names, or a map of names to patterns")
        return {}
    found = {}
    for name, pattern in variables.items():
        try:
            found[str(name)] = re.compile(ORDINARY if pattern is None else pattern)
        except (re.error, TypeError):
            wrong.append(f"stacks.{key}.variables.{name} must be a regular expression")
    return found
