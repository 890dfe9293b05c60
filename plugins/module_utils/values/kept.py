# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kept values of one stack, as plain data: names, versions, and the current version of each.

A version's label is NUMBER-MARK. The mark is random: a store that was lost and filled again has other labels, so a
revision never gets another value that has its number.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, AbstractSet, Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import of_text

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import KeptData

FORMAT = 1
#: The origin of a version: a generator, the user (set, or given as an override), a running service.
GENERATED, SET, GIVEN, ADOPTED = "generated", "set", "given", "adopted"

RESTORE_IT = (
    "Restore the store from a backup, or remove it and run with on_lost: adopt, which uses the values of the "
    "running services."
)


@dataclass(frozen=True)
class Version:
    """One value. ``value`` is None if a store left it encrypted; ``created`` is in UTC."""

    number: int
    mark: str
    value: Optional[str] = field(repr=False)
    created: str = ""
    origin: str = GENERATED

    @property
    def label(self) -> str:
        """The identity of the version; revisions record it."""
        return f"{self.number}-{self.mark}"


@dataclass(frozen=True)
class Entry:
    """The versions of one name, oldest first; ``current`` is the label of the one in use, empty if there is none.

    A version from ``env_overrides`` (origin ``given``) is never current: without the override, the kept value is used
    again. ``generator`` and ``params`` create the next version; they are None for a value that was only set.
    """

    versions: Tuple[Version, ...] = ()
    current: str = ""
    generator: Optional[str] = None
    params: Any = None

    def version(self, label: str) -> Optional[Version]:
        """Returns the version with this label, None if it is not kept."""
        return next((version for version in self.versions if version.label == label), None)

    @property
    def newest(self) -> Optional[Version]:
        """The current version."""
        return self.version(self.current)


@dataclass(frozen=True)
class Kept:
    """All kept values of a stack. Each change returns a new object; ``counter`` is the number of the last version.

    ``owner`` is PROJECT/ENVIRONMENT/NAME if it is known: several stacks can have the name ``stack`` (swarm/owner.py).
    """

    stack: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    counter: int = 0
    owner: str = field(default="", compare=False)

    @property
    def empty(self) -> bool:
        """Whether it has no value."""
        return not any(entry.versions for entry in self.entries.values())

    def current(self, name: str) -> Optional[Version]:
        """Returns the version of ``name`` that is in use."""
        entry = self.entries.get(name)
        return entry.newest if entry else None

    def given(self, name: str, value: str) -> Optional[Version]:
        """Returns the latest version that an override with this value created."""
        entry = self.entries.get(name)
        versions = entry.versions if entry else ()
        return next((v for v in reversed(versions) if v.origin == GIVEN and v.value == value), None)

    def added(
        self,
        name: str,
        value: str,
        origin: str,
        mark: str,
        created: str,
        generator: Optional[str] = None,
        params: object = None,
    ) -> Kept:
        """Adds a version of ``name``, which becomes the current one unless it is an override."""
        entry = self.entries.get(name) or Entry()
        version = Version(self.counter + 1, mark, value, created, origin)
        changed = replace(
            entry,
            versions=(*entry.versions, version),
            current=entry.current if origin == GIVEN else version.label,
            generator=generator or entry.generator,
            params=params if generator else entry.params,
        )
        return replace(self, entries={**self.entries, name: changed}, counter=self.counter + 1)

    def using(self, labels: Mapping[str, str]) -> Kept:
        """Makes these versions (name to label) the current ones; ignores overrides and versions that are not kept."""
        entries = dict(self.entries)
        for name, label in labels.items():
            entry = entries.get(name)
            version = entry.version(label) if entry else None
            if entry and version and version.origin != GIVEN:
                entries[name] = replace(entry, current=label)
        return replace(self, entries=entries)

    def without(self, name: str) -> Kept:
        """Removes ``name`` and all its versions."""
        return replace(self, entries={key: entry for key, entry in self.entries.items() if key != name})

    def collected(self, wanted: Mapping[str, AbstractSet[str]]) -> Kept:
        """Removes versions that are neither current nor wanted (name to labels), and names without a version."""
        entries: Dict[str, Entry] = {}
        for name, entry in self.entries.items():
            keep = {entry.current} | set(wanted.get(name, ()))
            versions = tuple(version for version in entry.versions if version.label in keep)
            if versions:
                entries[name] = replace(entry, versions=versions)
        return replace(self, entries=entries)

    def texts(self) -> List[str]:
        """Returns the known values of all versions: texts that must not be shown."""
        return [v.value for entry in self.entries.values() for v in entry.versions if v.value is not None]

    def as_data(self) -> KeptData:
        """Returns plain data for a store."""
        return {
            "format": FORMAT,
            "stack": self.stack,
            **({"owner": self.owner} if self.owner else {}),
            "counter": self.counter,
            "values": {name: _entry_data(self.entries[name]) for name in sorted(self.entries)},
        }

    @classmethod
    def from_data(cls, data: Any, stack: str, where: str, owner: str = "") -> Kept:
        """Reads the data that ``as_data`` returned. ``where`` is its place for messages.

        Raises ValueStoreError (``store_damaged``; ``conflict`` if the values are not those of ``owner``).
        """
        try:
            _require(isinstance(data, Mapping), "it is not a map")
            number = _number(data.get("format"), "its format")
            _require(number <= FORMAT, f"its format {number} needs a newer version of the collection")
            _require(number == FORMAT, "it has another format")
            _require(data.get("stack") == stack, "it is not for this stack")
            _require(set(data) - {"owner"} == {"format", "stack", "counter", "values"}, "it has unexpected keys")
            _require(isinstance(data.get("values"), Mapping), "its values are not a map")
            entries = {}
            for place, (name, entry) in enumerate(data["values"].items(), 1):
                _require(
                    isinstance(name, str) and isinstance(entry, Mapping), f"entry {place} of its values is invalid"
                )
                entries[name] = _entry(entry, f"entry {place} of its values")
            counter = _number(data.get("counter"), "its counter")
            recorded = _text(data.get("owner", ""), "its owner")
        except ValueError as error:
            raise damaged(where, str(error)) from None
        highest = max((version.number for entry in entries.values() for version in entry.versions), default=0)
        refuse_other(recorded, owner, stack, where)
        return cls(stack, entries, max(counter, highest), owner or (recorded if of_text(recorded) else ""))


def is_other(recorded: str, owner: str) -> bool:
    """Whether the recorded owner differs from ``owner``. False if one of them is not known."""
    found, asked = of_text(recorded), of_text(owner)
    return bool(found and asked and not asked.is_same(found))


def refuse_other(recorded: str, owner: str, stack: str, where: str) -> None:
    """Raises ValueStoreError (``conflict``) if the values at ``where`` belong to another stack than ``owner``."""
    found, asked = of_text(recorded), of_text(owner)
    if found and asked and not asked.is_same(found):
        raise ValueStoreError(
            f"The value store {where} has the values of another stack with the name {stack} ({found.shown}) than the "
            f"requested one ({asked.shown}).",
            "conflict",
            "Give one of them another name, project or environment, or another store. Nothing was changed.",
        )


def from_json(content: bytes, stack: str, where: str, owner: str = "") -> Kept:
    """Reads the values of a store that keeps JSON. Raises ValueStoreError as ``from_data``."""
    try:
        data = json.loads(content.decode("utf-8"), parse_constant=_no_number)
    except ValueError:
        raise damaged(where, "it is not valid JSON" if content.strip() else "it is empty") from None
    except RecursionError:
        raise damaged(where, "it is nested too deep") from None
    return Kept.from_data(data, stack, where, owner)


def damaged(where: str, why: str) -> ValueStoreError:
    """Returns the error for a store with invalid content; ``why`` must not quote the content."""
    return ValueStoreError(f"The value store {where} is damaged: {why}.", "store_damaged", RESTORE_IT)


def _entry_data(entry: Entry) -> Any:
    return {
        "current": entry.current,
        "generator": entry.generator,
        "params": entry.params,
        "versions": [
            {"number": v.number, "mark": v.mark, "created": v.created, "origin": v.origin, "value": v.value}
            for v in entry.versions
        ],
    }


def _entry(data: Mapping[str, Any], place: str) -> Entry:
    _require(set(data) == {"current", "generator", "params", "versions"}, f"{place} has unexpected keys")
    versions = data.get("versions")
    _require(isinstance(versions, list), f"the versions of {place} are not a list")
    found = []
    for index, version in enumerate(versions or (), 1):
        of = f"version {index} of {place}"
        _require(isinstance(version, Mapping), f"{of} is not a map")
        texts = {key: _text(version.get(key), f"the {key} of {of}") for key in ("mark", "created", "origin")}
        _require(set(version) == {"number", "value", *texts}, f"{of} has unexpected keys")
        value = None if version["value"] is None else _text(version["value"], f"the value of {of}")
        found.append(Version(_number(version.get("number"), f"the number of {of}"), value=value, **texts))
    _require(len({version.label for version in found}) == len(found), f"{place} has a duplicate version")
    generator, params = data.get("generator"), data.get("params")
    if generator is not None:
        _text(generator, f"the generator of {place}")
    _require(_is_plain(params, 32), f"the parameters of {place} are missing")
    _require(
        generator is None or params is None or isinstance(params, Mapping), f"the parameters of {place} are not a map"
    )
    entry = Entry(tuple(found), _text(data.get("current"), f"the current version of {place}"), generator, params)
    _require(not entry.current or entry.newest is not None, f"the current version of {place} is missing")
    return entry


def _require(true: bool, why: str) -> None:
    if not true:
        raise ValueError(why)


def _number(value: Any, what: str) -> int:
    _require(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53, f"{what} is not a number")
    return int(value)


def _text(value: Any, what: str) -> str:
    _require(isinstance(value, str), f"{what} is not text")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"{what} contains an incomplete character") from None
    return str(value)


def _is_plain(value: object, deep: int) -> bool:
    """Whether JSON can represent the value, with at most ``deep`` levels."""
    if isinstance(value, Mapping):
        return deep > 0 and all(isinstance(key, str) and _is_plain(item, deep - 1) for key, item in value.items())
    if isinstance(value, list):
        return deep > 0 and all(_is_plain(item, deep - 1) for item in value)
    return value is None or isinstance(value, (str, bool)) or isinstance(value, (int, float)) and abs(value) < 1 << 4096


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number")
