# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the kept values of a stack, generates missing ones, stores them, and binds them into the specifications.

Before binding, a stack has only references. Plans, errors and results are scrubbed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import PLAIN, contents, scrubbed
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.scrub import scrubber
from ansible_collections.stackwright.swarm.plugins.module_utils.store.carried import NotYetKept
from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import is_carried, managers_of, open_store
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import owner_of
from ansible_collections.stackwright.swarm.plugins.module_utils.values.choice import (
    Ask,
    completed,
    version_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import ADOPTED, Kept, Version
from ansible_collections.stackwright.swarm.plugins.module_utils.values.making import make_missing
from ansible_collections.stackwright.swarm.plugins.module_utils.values.recover import live_values
from ansible_collections.stackwright.swarm.plugins.module_utils.values.spec_places import is_within, places_in
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import (
    TRIES,
    Store,
    StoreConflict,
    latest,
    overtaken,
    update,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import (
    HIDDEN,
    SHOWN,
    bind_values,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options, StoreOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Desired, Observed, State
    from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import ValueEntry

Data = Mapping[str, Any]
#: The mark of a version that is not generated yet.
NEW = "new"


class Values:
    """The values of one run. A revision records ``labels`` (name to version) and ``unbound``.

    ``unbound`` is the bound state with real names of configs and secrets, but with references in the services.
    """

    def __init__(self, client: EngineClient, clock: Clock, desired: Desired, options: Options) -> None:
        self.client, self.clock, self.desired = client, clock, desired
        self.options: StoreOptions = options.get("values") or {}
        self.entries: List[ValueEntry] = list(desired["values"])
        self.regenerate: Sequence[str] = self.options.get("regenerate") or ()
        self.labels: Dict[str, str] = {}
        self.unbound: State = {}
        # Value's name to its action; ``made`` is that of the run before the controller wrote the vault.
        self.made: Dict[str, str] = dict(self.options.get("made") or {})
        self.done: Dict[str, str] = dict(self.made)
        self._store: Optional[Store] = None
        self._kept = Kept(desired["stack"]["name"])
        self._before: Optional[Kept] = None
        self._token: Any = None
        self._written = False
        self._tries = 0
        self._observed: Observed = {}
        self._places: Dict[Any, Set[str]] = {}

    # -- into the specs

    def bind(self, desired: State, observed: Observed, adopt_secrets: bool, write: bool) -> State:
        """As ``bind.bind``, with the values. Generates missing values if ``write``, which ``store`` then stores; else
        shows ``<generated>``. Raises ValueStoreError, and EngineError for the store ``swarm``."""
        self._observed = observed
        texts = self._read(self._open(), write)
        objects = {kind: bind_values(desired[kind], texts) for kind in ("networks", "configs", "secrets")}
        state: Any = {**desired, **objects}
        self.unbound = bind(state, observed, adopt_secrets)
        return {**self.unbound, "services": bind_values(self.unbound["services"], texts)}

    def _read(self, store: Store, write: bool) -> Dict[str, str]:
        before, self._token = latest(store)
        self._choose(before, write)
        self.labels = self._labels_of(self._kept)
        return {name: version.value or "" for name, version in self._versions_in(self._kept).items()}

    def _choose(self, before: Kept, write: bool) -> None:
        rng = None
        if write:
            from secrets import SystemRandom

            rng, self.done = SystemRandom(), dict(self.made)
        self._before, self._kept = before, completed(before, self.entries, self._ask(rng))
        self._record_actions(before, self._kept)

    def store(self) -> bool:
        """Stores the values that ``bind`` has generated. Returns False if another run wrote the store: bind again.

        Raises ValueStoreError, and EngineError for the store ``swarm``.
        """
        store = self._open()
        try:
            if self._kept != self._before:
                store.write(self._kept, self._token)
        except StoreConflict:
            self._tries += 1
            if self._tries == TRIES:
                raise overtaken(store) from None
            return False
        self._written, self.regenerate = True, ()
        return True

    def _versions_in(self, kept: Kept) -> Dict[str, Version]:
        found = ((entry["name"], version_of(kept, entry)) for entry in self.entries)
        return {name: version for name, version in found if version}

    def _labels_of(self, kept: Kept) -> Dict[str, str]:
        return {name: version.label for name, version in self._versions_in(kept).items()}

    def _write(self, store: Store) -> None:
        def edit(kept: Kept) -> Kept:
            self._choose(kept, True)
            return self._kept

        update(store, edit)
        self._written = True

    def _ask(self, rng: Any) -> Ask:
        now = self.clock.wall()

        def make(entries: Sequence[ValueEntry], known: Mapping[str, str]) -> Mapping[str, str]:
            if rng is None:
                return {entry["name"]: SHOWN for entry in entries}
            return make_missing(entries, known, rng, int(now))

        def mark() -> str:
            return NEW if rng is None else f"{rng.getrandbits(32):08x}"

        return Ask(
            lambda names: live_values(self.desired, self._observed, names),
            make,
            mark,
            iso(now),
            self.options.get("on_lost") or "fail",
            self.regenerate,
        )

    def _record_actions(self, before: Kept, after: Kept) -> None:
        for entry in self.entries:
            name, version = entry["name"], version_of(after, entry)
            if version is None or version == version_of(before, entry):
                continue
            again = version.origin == "generated" and before.current(name) is not None
            self.done[name] = "regenerated" if again else version.origin

    def _open(self) -> Store:
        if self._store is None:
            self._store = open_store(
                self.client,
                self.clock,
                self.desired["stack"]["name"],
                managers_of(self._observed["info"]),
                {**self.options, "owner": owner_of(self.desired["stack"]).text},
            )
        return self._store

    # -- the store, before and after the deployment

    def controller_must_write(self, options: Options) -> bool:
        """Whether the controller has the store, and must write values before this run can continue."""
        if not is_carried(self.options) or options["check"] or options["defer"]:
            return False
        kept = self._before
        return bool(self.regenerate or any(kept is None or version_of(kept, entry) is None for entry in self.entries))

    def ask_controller(self) -> None:
        """Raises NotYetKept with the values that the controller must write first."""
        before = self._before or self._kept
        try:
            self._write(self._open())
        except NotYetKept as needed:
            needed.made = dict(self.done)
            needed.before = self._labels_before()
            # Read again: the version of an override is not a current one, and must be kept.
            self.labels = self._labels_of(needed.kept)
            needed.kept = self._without_old(needed.kept, before)
            raise

    def remove_unused(self) -> None:
        """Removes the versions that neither a revision nor the stack needs from the store."""
        old = self._kept.collected({name: {label} for name, label in self.labels.items()}) != self._kept
        if self._written and old:
            update(self._open(), lambda kept: self._without_old(kept, kept))

    def _without_old(self, kept: Kept, before: Kept) -> Kept:
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import labels_in_history

        needed = labels_in_history(self.client, kept.stack)
        if needed is None:
            return kept
        for name, label in self.labels.items():
            needed.setdefault(name, set()).add(label)
        for name, entry in before.entries.items():
            needed.setdefault(name, set()).add(entry.current)
        return kept.collected(needed)

    def store_adopted(self, write: bool) -> bool:
        """Stores adopted values if nothing else was stored. Returns whether there are any."""
        pending = ADOPTED in self.done.values() and not self._written and not self.made
        if pending and write:
            self._write(self._open())
        return pending

    def roll_back(self) -> None:
        """After a rollback, makes the versions before this run's regenerated ones the current ones again."""
        labels = {**self._labels_before(), **(self.options.get("before") or {})}
        if labels:
            self._kept = update(self._open(), lambda kept: kept.using(labels))

    def _labels_before(self) -> Dict[str, str]:
        """Returns the versions that regenerated values have replaced."""
        again = [name for name, what in self.done.items() if what == "regenerated"]
        found = {name: self._before.current(name) for name in again} if self._before else {}
        return {name: version.label for name, version in found.items() if version is not None}

    def of_versions(self, labels: Mapping[str, str]) -> Dict[str, str]:
        """Returns those values of these versions (name to label) that the store has."""
        found: Dict[str, str] = {}
        for kept in (self._before, self._kept):
            for name, label in labels.items():
                entry = kept.entries.get(name) if kept is not None else None
                version = entry.version(label) if entry is not None else None
                if version is not None and version.value not in (None, SHOWN):
                    found[name] = str(version.value)
        return found

    # -- hide the values

    def mask(self, kind: str, key: str, path: str, value: object) -> Any:
        """Returns ``value`` as a plan may show it. Hides fields that have a reference, in old and new values."""
        if value is None:
            return None
        if is_within(path, self._places_of(kind, key)):
            return SHOWN if value == SHOWN else HIDDEN
        return self.scrub(value)

    def _places_of(self, kind: str, key: str) -> Set[str]:
        if (kind, key) not in self._places:
            found: Set[str] = set()
            parts: Any = self.desired
            for entry in parts[kind + "s"]:
                if entry["key"] == key and entry.get("spec"):
                    found |= places_in(kind, entry["spec"])
            self._places[kind, key] = found
        return self._places[kind, key]

    def scrub(self, data: object) -> Any:
        """Returns a copy of plain data without the stack's values, of any version."""
        plain = {entry["name"] for entry in self.entries if not entry["sensitive"]}
        texts = [
            version.value
            for kept in (self._kept, self._before)
            for name, entry in (kept.entries if kept else {}).items()
            if name not in plain
            for version in entry.versions
            if version.value is not None and version.value != SHOWN
        ]
        texts += [entry["given"] for entry in self.entries if entry["given"] is not None and entry["sensitive"]]
        return scrubber([*texts, *contents(self.desired)])(data)

    def result(self, result: Mapping[str, object], pending: bool) -> Dict[str, Any]:
        """Returns the scrubbed result of a run, with its ``kept_values``."""
        shown = {name: item if name in PLAIN else self.scrub(item) for name, item in result.items()}
        shown["kept_values"] = [
            {
                "name": entry["name"],
                "version": "" if self.labels[entry["name"]].endswith(f"-{NEW}") else self.labels[entry["name"]],
                "action": self.done.get(entry["name"], "kept"),
            }
            for entry in self.entries
        ]
        if pending:
            shown["changed"] = True
        return shown


def with_values(story: Callable[[Options], Dict[str, object]], values: Values, options: Options) -> Dict[str, Any]:
    """Runs ``story(options)`` for a stack with references, with ``values`` as ``options["binder"]``.

    Removes the values from results and errors. Raises NotYetKept if the controller must write first.
    """
    mask, progress = options["mask"], options["progress"]
    given: Options = {
        **options,
        "binder": values,
        "scrub": values.scrub,
        "mask": lambda kind, key, path, value: mask(kind, key, path, values.mask(kind, key, path, value)),
        "progress": progress and (lambda line: progress(values.scrub(line))),
    }
    quiet = given["check"] or given["defer"]
    try:
        result = story(given)
        pending = values.store_adopted(write=not quiet)
        shown = values.result(result, pending)
        if not quiet:
            try:
                values.remove_unused()
            except NotYetKept as needed:
                needed.result = shown
                raise
            except StackwrightError as error:
                # The deployment has succeeded, and the next one tries again.
                text = f"Old versions of kept values could not be removed: {values.scrub(str(error))}"
                shown["notices"] = [*(shown.get("notices") or ()), text]
    except StackwrightError as error:
        failure = scrubbed(error, values.scrub)
        if (error.details.get("outcome") or {}).get("rollback") == "done":
            try:
                values.roll_back()
            except NotYetKept as needed:
                needed.failure = failure
                raise needed from None
        raise failure from None
    if pending and given["defer"]:
        shown["deferred"] = True
    return shown
