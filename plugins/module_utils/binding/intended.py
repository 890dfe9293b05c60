# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The intended state of a stack: its last good revision, with all hidden values that can be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recall import revealed, running_values
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import digest
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import LOST, Context
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.own_changes import marker
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import (
    kept_references,
    left_open,
    noted,
    present,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import (
    DEPLOYING,
    REMOVED,
    Revision,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import keyed
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import Rule
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.needs import ALL
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CONTENT, labels_of, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.values.spec_places import places_in
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import bind_values

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import Pinned
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Contents,
        Observed,
        Snapshot,
        State,
    )

Scrub = Callable[[Any], Any]
CONTENTS: Tuple[Tuple[str, Contents], ...] = (("config", "configs"), ("secret", "secrets"))
KINDS = ("networks", "configs", "secrets", "services")
SEE = "List the revisions with stack_info and history: true."


class Superseded(DeployError):
    """Another run has deployed the stack while this run waited for the lock."""

    default_code = "out_of_sequence"


def last_good(stack: str, revisions: Sequence[Revision]) -> Revision:
    """Returns the last good revision. Raises DeployError (``no_revision``, ``revision_damaged``)."""
    found = present(revisions)
    removed = max((r.number for r in revisions if r.status == REMOVED), default=0)
    if found is None or removed > found.number:
        why = f"revision {removed} removed it" if removed else "no deployment of it has succeeded yet"
        raise DeployError(
            f"The stack {stack} has no revision to compare with: {why}.",
            "no_revision",
            f"Deploy it with compose_stack. {SEE}",
        )
    if found.damaged or not found.packed:
        raise _damaged(found, found.damaged or "it has no snapshot")
    return found


def unsettled(revisions: Sequence[Revision], target: Revision) -> List[str]:
    """Returns notices about revisions after ``target`` that are in progress, damaged, or failed and not undone."""
    notices = []
    still_open = left_open(revisions)
    for revision in sorted(revisions, key=lambda r: r.number):
        if revision.number <= target.number:
            continue
        if revision.damaged:
            notices.append(f"revision {revision.number} is damaged ({revision.damaged}): its changes are unknown")
        elif revision.status == DEPLOYING or not revision.undone:
            how = (
                "is in progress, or was interrupted"
                if revision.status == DEPLOYING
                else "failed and was not rolled back"
            )
            remedy = ", and can't be healed; deploy its files again, or roll back with stack_rollback"
            hint = remedy if revision in still_open else ""
            notices.append(f"revision {revision.number} {how}: its changes are shown as drift{hint}")
    return notices


def _damaged(revision: Revision, why: str) -> DeployError:
    return DeployError(
        f"Revision {revision.number} of the stack {revision.stack}, the last good one, is damaged: {why}.",
        "revision_damaged",
        f"Deploy the stack from its files: this creates a new revision. {SEE}",
    )


def intended_of(revision: Revision, options: Options) -> Intended:
    """Returns the recorded state of a revision. Raises DeployError (``revision_damaged``)."""
    try:
        snapshot = unpack(revision.packed)
    except StackwrightError as error:
        raise _damaged(revision, error.message) from None
    if snapshot.get("values"):
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import kept_in

        snapshot = kept_in(snapshot, options["values"])
    return Intended(revision, snapshot)


class Intended:
    """The state of a revision. ``resolve`` sets ``bound``: the state with the values that it found.

    ``scrub`` removes every kept value of the stack from plain data. ``open`` are rules that ignore the fields with
    values that can't be read; ``why`` is the reason.
    """

    def __init__(self, revision: Revision, snapshot: Snapshot) -> None:
        self.revision, self.snapshot = revision, snapshot
        self.what = f"revision {revision.number}"
        self.bound: State = {}
        self.scrub: Scrub = lambda data: data
        self.open: Tuple[Rule, ...] = ()
        self.why = ""
        self.key = ""
        self.values: Optional[Pinned] = None

    def resolve(
        self,
        client: EngineClient,
        observed: Observed,
        key: Optional[str],
        known: Optional[Callable[[Mapping[str, str]], Mapping[str, str]]] = None,
    ) -> None:
        """Finds the values. ``key`` is the cluster's key. ``known`` returns kept values by the labels of their
        versions; without it, they are read from their store."""
        found: Optional[Dict[str, Any]] = None
        self.key = key or ""

        def find(where: str, mark: str, name: str) -> Any:
            nonlocal found
            del where, name
            if found is None:
                found = running_values(key, observed)
            return found.get(mark, LOST + mark)

        self.bound = revealed(self.snapshot, find)
        kept = self.snapshot.get("values")
        if not kept:
            return
        labels: Mapping[str, str] = kept.get("labels") or {}
        texts = known(labels) if known is not None else self._read(client, observed)
        if labels.keys() - texts.keys():
            self._ignore_values()
        full = {**dict.fromkeys(labels, ""), **texts}
        bound: Any = self.bound
        for part in KINDS:
            bound[part] = [{**e, "spec": bind_values(e["spec"], full) if e["spec"] else None} for e in bound[part]]

    def _read(self, client: EngineClient, observed: Observed) -> Mapping[str, str]:
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import Pinned

        try:
            self.values = Pinned(client, observed["info"], self.snapshot)
            self.scrub = self.values.scrub()
            return self.values.texts()
        except StackwrightError as error:
            if error.error_code != "value_lost":
                raise
            self.why = error.message
            return {}

    def _ignore_values(self) -> None:
        """Ignores the fields with kept values, as they can't be compared."""
        self.open = tuple(
            Rule(name=service["name"], path=place)
            for service in self.snapshot["services"]
            for place in sorted(places_in("service", service["spec"]))
        )

    def context(self, observed: Observed, revisions: Sequence[Revision], answers: Mapping[str, Any]) -> Context:
        """Returns the context of a comparison with ``observed``."""
        return Context(
            self.what,
            str(self.snapshot["stack"].get("prefix") or ""),
            kept_references(revisions, ALL),
            _contents(observed),
            answers,
            own=noted(revisions),
            mark=marker(keyed(self.key) if self.key else lambda value: ""),
        )


def _contents(observed: Observed) -> Dict[Tuple[str, str], str]:
    """Returns the digests of the contents of configs and secrets; empty if unknown."""
    found = {}
    for kind, plural in CONTENTS:
        for obj in observed[plural]:
            known = labels_of(obj).get(CONTENT, "")
            if not known and kind == "config" and not obj["Spec"].get("Templating"):
                known = digest(kind, {"spec": {}, "data": obj["Spec"].get("Data")}, None)
            found[kind, name_of(obj)] = known
    return found
