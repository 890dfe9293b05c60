# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places in a specification that refer to kept values: their text is never shown, before or after."""

from __future__ import annotations

from typing import Collection, Mapping, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import references_in


def places_in(kind: str, spec: Mapping[str, object]) -> Set[str]:
    """Returns the paths, in the normal form, of the texts with references in a specification."""
    found: Set[str] = set()
    if references_in(spec):
        _add(normalise.service(spec) if kind == "service" else spec, "", found)
    return found


def is_within(path: str, places: Collection[str]) -> bool:
    """Whether ``path`` is one of ``places``, inside of one, or contains one."""
    return any(path == place or path.startswith(place + ".") or place.startswith(path + ".") for place in places)


def _add(value: object, path: str, found: Set[str]) -> None:
    if isinstance(value, str):
        if "\0" in value:
            found.add(path)
    elif isinstance(value, dict):
        for key, item in value.items():
            # A key with a reference (a mount's target) changes when it is bound: hide its parent.
            here = path if "\0" in key else f"{path}.{key}" if path else key
            if "\0" in key:
                found.add(path)
            _add(item, here, found)
    elif isinstance(value, list):
        for item in value:
            _add(item, path, found)
