# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets, removes, regenerates and moves kept values outside of deployments.

Services use the new values from their next deployment on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.store.carried import NotYetKept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.choice import ALL, listed, regenerated, texts_of
from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import Chance, full_name
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import GENERATED, SET, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.making import make_missing
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store, StoreConflict, update

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import Params, ValueEntry

Result = Dict[str, Any]


class Random(Chance, Protocol):
    """A source of random numbers: ``secrets.SystemRandom()``."""

    def getrandbits(self, bits: int, /) -> int:
        """Returns a whole number of ``bits`` bits."""


class Edit:
    """Changes of one store. ``now`` is in seconds since 1970; ``check`` writes nothing."""

    def __init__(self, store: Store, rng: Random, now: float, check: bool) -> None:
        self.store, self.rng, self.now, self.check = store, rng, now, check
        self.created = iso(now)

    def run(self, params: Mapping[str, Any], target: Store) -> Result:
        """Brings the store to ``params["state"]`` (with ``values`` or ``names``; ``moved`` goes to ``target``).

        Returns changed, stack, store, kept_values (names and versions only) and diff. Raises ValueStoreError.
        """
        state = params["state"]
        names = [name if name == ALL else full_name(name) for name in params["names"] or []]
        if state == "moved":
            forms = [[place.get(name) for name in ("encrypted", "vault_id")] for place in (params, params["to"])]
            return self._moved(target, forms[0] != forms[1])
        before, _token = self.store.read()

        def edit(kept: Kept) -> Kept:
            if state == "present":
                return self._set(kept, params["values"] or {})
            if state == "absent":
                return self._removed(kept, names)
            return self._regenerated(kept, names) if state == "regenerated" else kept

        try:
            after = edit(before) if self.check else update(self.store, edit)
        except NotYetKept as needed:
            needed.result = self._result(before, needed.kept, self.store)
            raise
        return self._result(before, after, self.store)

    def read(self, names: Optional[Sequence[str]]) -> Dict[str, str]:
        """Returns the current values of these names, or of all. Raises ValueStoreError (``value_missing``)."""
        kept, _token = self.store.read()
        current = {
            name: version.value
            for name in kept.entries
            for version in [kept.current(name)]
            if version is not None and version.value is not None
        }
        wanted = list(current) if names is None or ALL in names else [full_name(name) for name in names]
        missing = sorted(set(wanted) - set(current))
        if missing:
            raise ValueStoreError(
                f"There is no value {', '.join(missing)} in the stack {kept.stack}.",
                "value_missing",
                f"Kept values: {', '.join(sorted(current)) or 'none'}. Deploy the stack first, or set the option that "
                "names its store.",
                {"missing_values": missing},
            )
        return {name: current[name] for name in wanted}

    def _set(self, kept: Kept, values: Mapping[str, Any]) -> Kept:
        for given, value in sorted(values.items()):
            name = full_name(given)
            current = kept.current(name)
            if current is None or current.value != value:
                kept = kept.added(name, value, SET, self._mark(), self.created)
        return kept

    def _removed(self, kept: Kept, names: Sequence[str]) -> Kept:
        for name in list(kept.entries) if ALL in names else names:
            kept = kept.without(name)
        return kept

    def _regenerated(self, kept: Kept, names: Sequence[str]) -> Kept:
        entries: List[ValueEntry] = [
            {
                "name": name,
                "generator": entry.generator,
                "params": cast("Params", entry.params),
                "given": None,
                "where": "",
            }
            for name, entry in kept.entries.items()
            if entry.current
        ]
        again = regenerated(entries, names)
        known = texts_of(kept, [entry for entry in entries if entry["name"] not in again])
        made = make_missing([entry for entry in entries if entry["name"] in again], known, self.rng, int(self.now))
        for name in sorted(made):
            entry = kept.entries[name]
            kept = kept.added(name, made[name], GENERATED, self._mark(), self.created, entry.generator, entry.params)
        return kept

    def _moved(self, target: Store, recoded: bool) -> Result:
        """Writes the target before it empties the source: a crash between the two leaves both.

        If both are in the same place, the values are written once, in another format. ``recoded`` says that the formats
        differ.
        """
        same = target.where == self.store.where
        if same and not recoded:
            raise ValueStoreError(
                f"The source and target of the move are the same: {target.where}.",
                "invalid_options",
                "To encrypt the values again, set another vault_id in `to`.",
            )
        found = self._readable(same)
        if found is not None and same and not found[0].empty:
            return self._recoded(target, *found)
        existing, _token = target.read()
        if found is None or found[0].empty:
            return self._result(existing, existing, target)
        kept = found[0]
        if not existing.empty and existing != kept:
            raise ValueStoreError(
                f"The store {target.where} already has different values of the stack {kept.stack}.",
                "store_conflict",
                "Remove the wrong ones with state: absent (names: all), then move again. Nothing was changed.",
            )
        if not self.check:
            update(target, lambda _existing: kept)
            self._emptied(*found, target.where)
        return self._move(kept, target, target.where)

    def _emptied(self, kept: Kept, token: object, copied_to: str) -> None:
        try:
            self.store.write(Kept(kept.stack, {}, kept.counter), token)
        except StoreConflict:
            raise ValueStoreError(
                f"Another run changed the values in {self.store.where} during the move. They are still there; "
                f"{copied_to} has a copy of the earlier ones.",
                "store_conflict",
                f"Remove the copy in {copied_to} with state: absent (names: all), then move again.",
            ) from None

    def _readable(self, same: bool) -> Optional[Tuple[Kept, Any]]:
        """Returns the store's content and token; None if it already has the target's format."""
        try:
            return self.store.read()
        except ValueStoreError as error:
            if same and error.error_code == "values_encrypted":
                return None
            raise

    def _recoded(self, target: Store, kept: Kept, token: object) -> Result:
        result = self._move(kept, target, f"{target.where}, in the new format")
        if self.check:
            return result
        try:
            target.write(kept, token)
        except StoreConflict:
            raise ValueStoreError(
                f"Another run changed the values in {target.where} at the same time. Nothing was changed here.",
                hint="Run again.",
            ) from None
        except NotYetKept as needed:
            needed.result, needed.in_place = result, True
            raise
        return result

    def _move(self, kept: Kept, target: Store, after: str) -> Result:
        result = self._result(kept, kept, target)
        diff = {"before": f"store {self.store.where}\n", "after": f"store {after}\n"}
        return {**result, "changed": True, "diff": diff}

    def _mark(self) -> str:
        return f"{self.rng.getrandbits(32):08x}"

    def _result(self, before: Kept, after: Kept, store: Store) -> Result:
        return {
            "changed": before != after,
            "stack": after.stack,
            "store": store.kind,
            "kept_values": listed(after),
            "diff": {"before": _lines(before), "after": _lines(after)},
        }


def _lines(kept: Kept) -> str:
    return "".join(f"{name}: version {entry.current or 'none'}\n" for name, entry in sorted(kept.entries.items()))
