# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is asked for part of a stack: fields of services that it leaves as they are."""

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
    if problems:
        raise ComposeError(problems)
    services = []
    for service in desired["services"]:
        words = [*(leave.get("all") or ()), *_list((leave.get("services") or {}).get(service["key"]))]
        services.append({**service, "leave": list(dict.fromkeys(map(str, words)))} if words else service)
    return {**desired, "services": services}


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
