# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to kept values outside of deployments: set, removed, regenerated, moved.

Services follow when they are deployed.
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
    """Where random numbers come from: ``secrets.SystemRandom()``."""

    def getrandbits(self, bits: int, /) -> int:
        """A whole number of so many bits."""


class Edit:
    """Changes of one store. ``rng`` is chance, ``now`` seconds since the epoch; ``check`` writes nothing."""

    def __init__(self, store: Store, rng: Random, now: float, check: bool) -> None:
        self.store, self.rng, self.now, self.check = store, rng, now, check
        self.created = iso(now)

    def run(self, params: Mapping[str, Any], target: Store) -> Result:
        """Brings the store to ``params["state"]`` (with ``values`` or ``names``; ``moved`` goes to ``target``).

        The result: changed, store, values (without their values), diff. Raises ValueStoreError.
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
            return self._made_anew(kept, names) if state == "regenerated" else kept

        try:
            after = edit(before) if self.check else update(self.store, edit)
        except NotYetKept as needed:
            needed.result = self._result(before, needed.kept, self.store)
            raise
        return self._result(before, after, self.store)

    def read(self, names: Optional[Sequence[str]]) -> Dict[str, str]:
        """The current values of these names, or of all. Raises ValueStoreError (``value_missing``)."""
        kept, _token = self.store.read()
        current = {name: entry.value for name in kept.entries for entry in [kept.current(name)] if entry is not None}
        there = {name: value for name, value in current.items() if value is not None}
        wanted = list(there) if names is None or ALL in names else [full_name(name) for name in names]
        missing = sorted(set(wanted) - set(there))
        if missing:
            raise ValueStoreError(
                f"There is no value {', '.join(missing)} in the stack {kept.stack}.",
                "value_missing",
                f"Kept values: {', '.join(sorted(there)) or 'none'}. Deploy the stack first, or set the option that "
                "names its store.",
                {"missing_values": missing},
            )
        return {name: there[name] for name in wanted}

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

    def _made_anew(self, kept: Kept, names: Sequence[str]) -> Kept:
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

    def _moved(self, target: Store, again: bool) -> Result:
        """The target has everything before the source loses it: a crash between the two leaves both.

        In one and the same place the values are written once, in another form; ``again`` where there is another one.
        """
        same = target.where == self.store.where
        if same and not again:
            raise ValueStoreError(
                f"The source and target of the move are the same: {target.where}.",
                "invalid_options",
                "To encrypt the values again, set another vault_id in `to`.",
            )
        found = self._readable(same)
        if found is not None and same and not found[0].empty:
            return self._written_anew(target, *found)
        there, _token = target.read()
        if found is None or found[0].empty:
            return self._result(there, there, target)
        kept = found[0]
        if not there.empty and there != kept:
            raise ValueStoreError(
                f"The store {target.where} already has different values of the stack {kept.stack}.",
                "store_conflict",
                "Remove the wrong ones with state: absent (names: all), then move again. Nothing was changed.",
            )
        if not self.check:
            update(target, lambda _there: kept)
            update(self.store, lambda _kept: Kept(kept.stack, {}, kept.counter))
        return self._move(kept, target, target.where)

    def _readable(self, same: bool) -> Optional[Tuple[Kept, Any]]:
        """What the store has; None if that has the form already in which it is to be."""
        try:
            return self.store.read()
        except ValueStoreError as error:
            if same and error.error_code == "values_encrypted":
                return None
            raise

    def _written_anew(self, target: Store, kept: Kept, token: object) -> Result:
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
