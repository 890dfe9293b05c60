# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kept values of a revision: the versions that it used, read from its store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Set, Tuple, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import PLAIN, hiding, scrubbed
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.scrub import scrubber
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.store.carried import NotYetKept
from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import (
    AUTO,
    SWARM,
    VAULT,
    managers_of,
    open_store,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import owner_of
from ansible_collections.stackwright.swarm.plugins.module_utils.values.choice import pinned
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import latest, update
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import bind_values

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options, StoreOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Snapshot, State

Data = Mapping[str, Any]


def kept_in(snapshot: Snapshot, values: Data) -> Snapshot:
    """Returns the snapshot with the store of ``values`` (``store``, ``path``; for a vault, ``carried``), if it has one.

    Labels of versions are random, so a version with the same label is the right one, in whatever store it is.
    """
    kept = snapshot["values"]
    store = dict(kept.get("store") or {})
    if values.get("carried") is not None:
        store = {name: values.get(name) for name in ("path", "carried", "where", "number")}
        store["store"] = VAULT if values.get("number") is None else SWARM
    elif values.get("store", AUTO) != AUTO:
        store = {"store": values["store"], "path": values.get("path")}
    read: Any = store
    return {**snapshot, "values": {**kept, "store": read}}


class Pinned:
    """The values of a snapshot. The next snapshot copies ``unbound``, ``desired``, ``labels`` and ``options``."""

    def __init__(self, client: EngineClient, info: Info, snapshot: Snapshot, clock: Optional[Clock] = None) -> None:
        kept = snapshot["values"]
        where: Optional[StoreOptions] = kept.get("store")
        self.options: StoreOptions = where or {}
        self.labels: Dict[str, str] = dict(kept.get("labels") or {})
        self.desired: State = {}
        self.unbound: State = {}
        if self.options.get("store") == VAULT and self.options.get("carried") is None:
            path = self.options.get("path")
            raise DeployError(
                "The values of this revision are in a vault on the controller, and this run has no access to it.",
                "value_lost",
                "Set for stack_rollback `values: {store: vault}`"
                + (f" with path {path}" if path else "")
                + ", or deploy the Compose files of that revision. Nothing was changed.",
                {"lost": sorted(self.labels)},
            )
        asked: StoreOptions = {**self.options, "owner": owner_of(snapshot["stack"]).text}
        self._store = open_store(client, clock, snapshot["stack"]["name"], managers_of(info), asked)
        self._kept, _token = latest(self._store)

    def make_current(self) -> None:
        """Makes these versions the current ones, for the next deployments. Raises ValueStoreError."""
        update(self._store, lambda kept: kept.using(self.labels))

    def texts(self) -> Dict[str, str]:
        """Returns the values by name. Raises ValueStoreError (``value_lost``) if the store lacks one."""
        return pinned(self._kept, self.labels)

    def generators(self) -> Dict[str, Tuple[str, Dict[str, Any]]]:
        """Returns generator and parameters of each generated value, by name."""
        entries = ((name, self._kept.entries.get(name)) for name in self.labels)
        return {
            name: (entry.generator, dict(entry.params or {})) for name, entry in entries if entry and entry.generator
        }

    def bind(self, bound: State) -> State:
        """Returns ``bound`` with the values. Raises ValueStoreError (``value_lost``) if the store lacks one."""
        texts = self.texts()
        self.desired = self.unbound = {**bound}
        parts: Any = {part: bind_values(bound[part], texts) for part in ("networks", "services")}
        for part in ("configs", "secrets"):
            parts[part] = [{**e, "spec": bind_values(e["spec"], texts) if e["spec"] else None} for e in bound[part]]
        return cast("State", {**bound, **parts, "binder": self})

    def scrub(self) -> Callable[[Any], Any]:
        """Returns a function that removes every kept value of the stack from plain data."""
        texts: List[str] = [
            version.value
            for entry in self._kept.entries.values()
            for version in entry.versions
            if version.value is not None
        ]
        return scrubber(texts)


def with_pinned(
    story: Callable[[Options], Dict[str, object]], values: Pinned, snapshot: Snapshot, options: Options
) -> Dict[str, Any]:
    """Runs ``story(options)`` for a snapshot with kept values, and removes them from results and errors.

    Then makes the snapshot's versions the current ones, so that the next deployment does not use the newer ones.
    """
    scrub = values.scrub()
    progress = options["progress"]
    given: Options = {
        **options,
        "scrub": scrub,
        "mask": hiding(snapshot, scrub, options["mask"]),
        "progress": progress and (lambda line: progress(scrub(line))),
    }
    try:
        result = story(given)
        shown = {name: item if name in PLAIN else scrub(item) for name, item in result.items()}
        if not options["check"] and not options["defer"]:
            try:
                values.make_current()
            except NotYetKept as needed:
                needed.result = shown
                raise
    except StackwrightError as error:
        raise scrubbed(error, scrub) from None
    return shown


def labels_in_history(client: EngineClient, stack: str) -> Optional[Dict[str, Set[str]]]:
    """Returns the versions that the stack's revisions need, by name; None if a revision can't be read."""
    found: Dict[str, Set[str]] = {}
    for revision in History(client, None, stack).read():
        if revision.damaged:
            return None
        labels = (unpack(revision.packed).get("values") or {}).get("labels") if revision.packed else None
        for name, label in (labels or {}).items():
            found.setdefault(name, set()).add(label)
    return found
