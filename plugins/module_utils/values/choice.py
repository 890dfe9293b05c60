# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides which version of each value a run uses, and which values must be generated first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import (
    ADOPTED,
    GENERATED,
    GIVEN,
    Kept,
    Version,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.making import with_dependants
from ansible_collections.stackwright.swarm.plugins.module_utils.values.recover import Live

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import ValueEntry

FAIL, ADOPT, REGENERATE = "fail", "adopt", "regenerate"
ALL = "all"

WAYS_OUT = (
    "Restore the store; or run on the manager that has it (or use the store swarm, which every manager has); "
    "or set values.on_lost: adopt uses the values of the running services, regenerate creates new ones. Nothing was "
    "changed."
)


class Ask(NamedTuple):
    """The inputs of a decision. ``live(names)`` reads running services, ``make(entries, known)`` generates values."""

    live: Callable[[Set[str]], Mapping[str, Live]]
    make: Callable[[Sequence[ValueEntry], Mapping[str, str]], Mapping[str, str]]
    mark: Callable[[], str]
    created: str
    on_lost: str = FAIL
    regenerate: Sequence[str] = ()


def completed(kept: Kept, entries: Sequence[ValueEntry], ask: Ask) -> Kept:
    """Returns ``kept`` with a version for each of ``entries`` (a DesiredState's ``values``); itself if none is missing.

    Raises ValueStoreError: ``values_lost``, ``value_missing``, ``unknown_value``, ``adopt_failed``.
    """
    for entry in entries:
        if entry["given"] is not None and kept.given(entry["name"], entry["given"]) is None:
            kept = kept.added(entry["name"], entry["given"], GIVEN, ask.mark(), ask.created)
    own = [entry for entry in entries if entry["given"] is None]
    missing = {entry["name"] for entry in own if kept.current(entry["name"]) is None}
    if not missing and not ask.regenerate:
        return kept
    again = regenerated(entries, ask.regenerate)
    if missing - again:
        kept = _adopted(kept, missing - again, ask)
    make = [entry for entry in own if entry["name"] in again or kept.current(entry["name"]) is None]
    orphans = [f"{entry['name']} ({entry['where']})" for entry in make if not entry["generator"]]
    if orphans:
        raise ValueStoreError(
            f"There is no value for {', '.join(orphans)}.",
            "value_missing",
            "Set it with stack_values or in env_overrides.",
            {"names": sorted(entry["name"] for entry in make if not entry["generator"])},
        )
    made = ask.make(make, texts_of(kept, [entry for entry in entries if entry not in make]))
    for entry in make:
        kept = kept.added(
            entry["name"], made[entry["name"]], GENERATED, ask.mark(), ask.created, entry["generator"], entry["params"]
        )
    return kept


def regenerated(entries: Sequence[ValueEntry], names: Sequence[str]) -> Set[str]:
    """Returns the names to regenerate, and those that depend on them. Raises ValueStoreError (``unknown_value``)."""
    if not names:
        return set()
    able = {entry["name"] for entry in entries if entry["generator"] and entry["given"] is None}
    wanted = able if ALL in names else set(names)
    if wanted - able:
        raise ValueStoreError(
            f"No generator creates {', '.join(sorted(wanted - able))}.",
            "unknown_value",
            f"Values that can be regenerated: {', '.join(sorted(able)) or 'nothing'}.",
        )
    return with_dependants(entries, wanted) & able


def _adopted(kept: Kept, missing: Set[str], ask: Ask) -> Kept:
    """Returns ``kept`` with the values of the running services, if ``on_lost`` allows it."""
    live = ask.live(missing)
    if not live or ask.on_lost == REGENERATE:
        return kept
    if ask.on_lost == FAIL:
        raise ValueStoreError(
            f"The value store has no value for {_used(live)}.", "values_lost", WAYS_OUT, {"names": sorted(live)}
        )
    unclear = {name: found for name, found in live.items() if found.value is None}
    if unclear:
        raise ValueStoreError(
            f"The values of the running services can't be adopted for {_used(unclear)}: they can't be read or are "
            "ambiguous.",
            "adopt_failed",
            "Set these values with stack_values, or restore the store. Nothing was changed.",
            {"names": sorted(unclear)},
        )
    for name in sorted(live):
        kept = kept.added(name, live[name].value or "", ADOPTED, ask.mark(), ask.created)
    return kept


def _used(live: Mapping[str, Live]) -> str:
    return "; ".join(f"{name}, which {', '.join(live[name].places)} runs with" for name in sorted(live))


def version_of(kept: Kept, entry: ValueEntry) -> Optional[Version]:
    """Returns the version that a run uses: that of the override, or the current one."""
    if entry["given"] is not None:
        return kept.given(entry["name"], entry["given"])
    return kept.current(entry["name"])


def texts_of(kept: Kept, entries: Sequence[ValueEntry]) -> Dict[str, str]:
    """Returns the known values by name."""
    found = ((entry["name"], version_of(kept, entry)) for entry in entries)
    return {name: version.value for name, version in found if version is not None and version.value is not None}


def pinned(kept: Kept, labels: Mapping[str, str]) -> Dict[str, str]:
    """Returns the values of an older revision. Raises ValueStoreError (``value_lost``) with the missing ones."""
    found, gone = {}, []
    for name, label in labels.items():
        entry = kept.entries.get(name)
        version = entry.version(label) if entry else None
        if version is None or version.value is None:
            gone.append(name)
        else:
            found[name] = version.value
    if gone:
        raise ValueStoreError(
            f"The store no longer has the revision's version of {', '.join(sorted(gone))}.",
            "value_lost",
            "Restore the store from a backup, or deploy the Compose files of that revision. Nothing was changed.",
            {"names": sorted(gone)},
        )
    return found


def listed(kept: Kept) -> List[Dict[str, Any]]:
    """Returns the kept values for a result: everything except the values themselves."""
    return [
        {
            "name": name,
            "current": entry.current,
            "generator": entry.generator,
            "versions": [{"label": v.label, "created": v.created, "origin": v.origin} for v in entry.versions],
        }
        for name, entry in sorted(kept.entries.items())
    ]
