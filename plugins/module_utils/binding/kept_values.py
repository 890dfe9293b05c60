# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept values on their way into the specs: read, generated if missing, stored, bound, and hidden again.

Until a stack is bound it has references only. What a plan, an error or a result could show of values is taken out here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import contents, scrubbed
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
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import ADOPTED, Kept
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
#: In place of the mark of a version that is still to be made.
NEW = "new"
#: Parts of a result that name things of the Swarm, and are needed as they are.
PLAIN = ("stack", "cluster_id", "node", "calls", "changed", "deferred", "status", "plan_id", "kept_values")


class Values:
    """The values of one run. ``labels`` (name to version) and ``unbound`` are what a revision keeps of it.

    ``unbound`` is the bound state with the real names of configs and secrets, but references in the services.
    """

    def __init__(self, client: EngineClient, clock: Clock, desired: Desired, options: Options) -> None:
        self.client, self.clock, self.desired = client, clock, desired
        self.options: StoreOptions = options.get("values") or {}
        self.entries: List[ValueEntry] = list(desired["values"])
        self.regenerate: Sequence[str] = self.options.get("regenerate") or ()
        self.labels: Dict[str, str] = {}
        self.unbound: State = {}
        # Name to what happened to it in this run; of a vault, before it was written.
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
        """As ``bind.bind``, with the values in it. Values that are missing are made if ``write``, for ``store`` to
        keep them; else they show as ``<generated>``. Raises ValueStoreError, and EngineError of the store ``swarm``."""
        self._observed = observed
        texts = self._chosen(self._open(), write)
        objects = {kind: bind_values(desired[kind], texts) for kind in ("networks", "configs", "secrets")}
        whole: Any = {**desired, **objects}
        self.unbound = bind(whole, observed, adopt_secrets)
        return {**self.unbound, "services": bind_values(self.unbound["services"], texts)}

    def _chosen(self, store: Store, write: bool) -> Dict[str, str]:
        before, self._token = latest(store)
        self._choose(before, write)
        found = {entry["name"]: version_of(self._kept, entry) for entry in self.entries}
        self.labels = self._labels_of(self._kept)
        return {name: version.value or "" for name, version in found.items() if version}

    def _choose(self, before: Kept, write: bool) -> None:
        rng = None
        if write:
            from secrets import SystemRandom

            rng, self.done = SystemRandom(), dict(self.made)
        self._before, self._kept = before, completed(before, self.entries, self._ask(rng))
        self._tell(before, self._kept)

    def store(self) -> bool:
        """Stores the values that ``bind`` has made; False if others have written the store since: bind again.

        Raises ValueStoreError, and EngineError of the store ``swarm``.
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

    def _labels_of(self, kept: Kept) -> Dict[str, str]:
        found = {entry["name"]: version_of(kept, entry) for entry in self.entries}
        return {name: version.label for name, version in found.items() if version}

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

    def _tell(self, before: Kept, after: Kept) -> None:
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

    # -- what is left to do besides the deployment

    def must_hand_over(self, options: Options) -> bool:
        """Whether the controller keeps these values, and has to write some before this run can go on."""
        if not is_carried(self.options) or options["check"] or options["defer"]:
            return False
        kept = self._before
        return bool(self.regenerate or any(kept is None or version_of(kept, entry) is None for entry in self.entries))

    def hand_over(self) -> None:
        """Raises NotYetKept with what the controller has to write first."""
        before = self._before or self._kept
        try:
            self._write(self._open())
        except NotYetKept as needed:
            needed.made = dict(self.done)
            needed.before = self._labels_before()
            # Not those of the look: the version of an override is nobody's current one, and has to stay.
            self.labels = self._labels_of(needed.kept)
            needed.kept = self._without_old(needed.kept, before)
            raise

    def collect(self) -> None:
        """Takes the versions out of the store that neither a revision nor the stack itself needs."""
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

    def settle(self, write: bool) -> bool:
        """Keeps what was adopted where nothing else had to change; whether there was something."""
        fresh = ADOPTED in self.done.values() and not self._written and not self.made
        if fresh and write:
            self._write(self._open())
        return fresh

    def go_back(self) -> None:
        """After a rollback: what this run has recreated is no longer the current version."""
        labels = {**self._labels_before(), **(self.options.get("before") or {})}
        if labels:
            self._kept = update(self._open(), lambda kept: kept.using(labels))

    def _labels_before(self) -> Dict[str, str]:
        """The versions that what this run has recreated has replaced. Of a vault, an earlier run has made them."""
        again = [name for name, what in self.done.items() if what == "regenerated"]
        found = {name: self._before.current(name) for name in again} if self._before else {}
        return {name: version.label for name, version in found.items() if version is not None}

    def of_versions(self, labels: Mapping[str, str]) -> Dict[str, str]:
        """The values of these versions (name to label), as far as the store has them."""
        found: Dict[str, str] = {}
        for kept in (self._before, self._kept):
            for name, label in labels.items():
                entry = kept.entries.get(name) if kept is not None else None
                version = entry.version(label) if entry is not None else None
                if version is not None and version.value not in (None, SHOWN):
                    found[name] = str(version.value)
        return found

    # -- hidden again

    def mask(self, kind: str, key: str, path: str, value: object) -> Any:
        """``value`` as a plan may show it: nothing of what stands where there is a reference, before or after."""
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
        """A copy of plain data without any value of the stack, of whatever version."""
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
        """The result of a run with the values that it used, and without any that it should not show."""
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
    """Runs ``story(options)`` for a stack with references: ``options["binder"]`` are the values.

    Results and errors of the story come out without values. Raises NotYetKept if the controller has to write first.
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
        pending = values.settle(write=not quiet)
        shown = values.result(result, pending)
        if not quiet:
            try:
                values.collect()
            except NotYetKept as needed:
                needed.result = shown
                raise
    except StackwrightError as error:
        told = scrubbed(error, values.scrub)
        if (error.details.get("outcome") or {}).get("rollback") == "done":
            try:
                values.go_back()
            except NotYetKept as needed:
                needed.failure = told
                raise needed from None
        raise told from None
    if pending and given["defer"]:
        shown["deferred"] = True
    return shown
