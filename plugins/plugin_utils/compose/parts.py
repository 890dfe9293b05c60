# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is asked for part of a stack: some of its services, and fields that it leaves as they are."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ComposeError, Problem

#: The options of compose_stack that ask for a part.
Options = Mapping[str, Any]


def with_parts(desired: dict[str, Any], options: Options) -> dict[str, Any]:
    """``desired`` with what ``options`` ask of its services. Raises ComposeError for services that there are not."""
    keys = [service["key"] for service in desired["services"]]
    leave = options.get("leave") or {}
    problems = unknown(keys, leave.get("services") or {}, "leave.services")
    problems += unknown(keys, options.get("services") or (), "services")
    if problems:
        raise ComposeError(problems)
    chosen = options.get("services") or []
    desired = _only(desired, chosen) if chosen else desired
    services = []
    for service in desired["services"]:
        words = [*(leave.get("all") or ()), *_list((leave.get("services") or {}).get(service["key"]))]
        services.append({**service, "leave": list(dict.fromkeys(map(str, words)))} if words else service)
    return {**desired, "services": services}


def _only(desired: dict[str, Any], chosen: Iterable[str]) -> dict[str, Any]:
    """These services, what they depend on, and what they all use. ``part`` says that the stack has others."""
    by_key = {service["key"]: service for service in desired["services"]}
    waiting, wanted = list(chosen), set()
    while waiting:
        key = waiting.pop()
        if key in by_key and key not in wanted:
            wanted.add(key)
            waiting += by_key[key]["depends_on"]
    services = [service for service in desired["services"] if service["key"] in wanted]
    used: set[tuple[str, str]] = set()
    for service in services:
        used.update(_used(service["spec"]))
    result = {**desired, "services": services, "part": len(services) < len(by_key)}
    for kind in ("networks", "configs", "secrets"):
        result[kind] = [entry for entry in desired[kind] if (kind, entry["name"]) in used]
    waves = [[key for key in wave if key in wanted] for wave in desired["waves"]]
    return {**result, "waves": [wave for wave in waves if wave]}


def _used(spec: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    template = spec["TaskTemplate"]
    container = template["ContainerSpec"]
    yield from (("networks", attachment["Target"]) for attachment in template.get("Networks") or ())
    yield from (("configs", reference["ConfigName"]) for reference in container.get("Configs") or ())
    yield from (("secrets", reference["SecretName"]) for reference in container.get("Secrets") or ())
    credentials = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    yield "configs", credentials.get("Config") or ""


def unknown(keys: Collection[str], given: Iterable[Any], option: str) -> list[Problem]:
    """A problem for each of ``given`` that is no service of the files."""
    problems = []
    for name in given:
        if name not in keys:
            near = difflib.get_close_matches(str(name)[:64], list(keys)[:500], n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"the services are {', '.join(sorted(keys)[:20])}"
            problems.append(Problem(f"there is no service '{name}'", option, hint=hint, code="undefined_service"))
    return problems


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
