# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a stack, stored in the Swarm: every manager can read it, and it survives the loss of one.

A revision is a Docker config. Its record is in a label, which can be updated; its packed snapshot is the content, which
can't. A snapshot that is too large continues in further configs.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import configs_named, of_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import (
    MARK,
    NOTHING,
    problem,
    split,
    unpack,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import forgotten
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import (
    CANCELLED,
    DEPLOYING,
    FAILED,
    INTERRUPTED,
    OPEN,
    QUEUED,
    Revision,
    from_record,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import masked_text
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    KEY_CONFIG,
    OWNER,
    PART,
    RECORD,
    STACK,
    id_of,
    labels_of,
    name_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import revision_name
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import (
    Owner,
    conflict,
    labels_in,
    of_text,
    owner_labels,
    owner_of,
    refuse_others,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Note

CALL = 20.0  # seconds for one answer
#: Seconds after the end of its wait until a queued revision counts as canceled.
SLACK = 60.0


class History:
    """The revisions of ``stack``. All methods raise EngineError, and check whether a call without an answer succeeded.

    ``revisions`` is the result of the last ``read``, newest first; ``written`` has the times of the last writes of
    their records, by number and the Engine's clock.
    """

    def __init__(
        self, client: EngineClient, clock: Optional[Clock], stack: str, identity: Optional[Mapping[str, object]] = None
    ) -> None:
        self.client, self.clock, self.stack = client, clock, stack
        self.owner = owner_labels(identity)
        self.revisions: List[Revision] = []
        self.written: Dict[int, str] = {}
        self._objects: Dict[int, Dict[int, str]] = {}  # number → part → id

    # -- reading

    @property
    def _time(self) -> Clock:
        if self.clock is None:
            raise ValueError("a history without a clock can only be read")
        return self.clock

    def read(self) -> List[Revision]:
        """Returns all revisions, newest first, with one call. Damaged ones are marked and raise no error."""
        found = self.client.list("/configs", {"filters": {"label": [f"{STACK}={self.stack}"]}}, timeout=CALL)
        parts = _parts(self.stack, found)
        self._objects = {number: {part: id_of(obj) for part, obj in its.items()} for number, its in parts.items()}
        self.written = {number: str(its[0].get("UpdatedAt") or "") for number, its in parts.items() if 0 in its}
        self.revisions = _revisions(self.stack, parts)
        return self.revisions

    # -- the revision of this run

    def queue(self, draft: Revision, patience: float) -> Revision:
        """Records a run that waits for the lock (QUEUED), for at most ``patience`` seconds."""
        now = self._time.wall()
        self.read()
        return self._create(replace(draft, status=QUEUED, queued=now, until=now + patience + SLACK, packed=b""))

    def begin(self, draft: Revision) -> Revision:
        """Records the beginning (DEPLOYING) of a new run, or of one that ``queue`` has recorded.

        Numbers follow the order of work: a queued run that others have overtaken gets a new number.
        """
        now = self._time.wall()
        revision = replace(draft, status=DEPLOYING, started=now, queued=draft.queued or now, until=0.0)
        if not draft.number:
            return self._create(revision)
        self.read()
        queued = next((r for r in self.revisions if r.number == draft.number and r.id == draft.id), None)
        if queued is None or any(r.number > draft.number and r.started for r in self.revisions):
            old = dict(self._objects.get(draft.number) or {}) if queued is not None else {}
            made = self._create(replace(revision, number=0))
            self._delete(old)
            self.revisions = [r for r in self.revisions if r is not queued]
            return made
        self._add_parts(revision, split(revision.packed), 1)
        return self._save(revision)

    def mark(
        self,
        revision: Revision,
        status: str,
        reason: str = "",
        services: Sequence[Mapping[str, object]] = (),
        restored: str = "",
        noticed: float = 0.0,
        own: Sequence[Note] = (),
        owed: Sequence[Mapping[str, str]] = (),
    ) -> Revision:
        """Records the outcome of a revision; ``services`` have their statuses, other arguments are as in Revision."""
        now = self._time.wall()
        finished = revision.finished if status in OPEN else now
        return self._save(
            replace(
                revision,
                status=status,
                reason=masked_text(reason),
                services=tuple({"updated_at": iso(now) or None, **s} for s in services) or revision.services,
                restored=restored or revision.restored,
                noticed=noticed or revision.noticed,
                own=tuple(own) or revision.own,
                owed=tuple(owed) or revision.owed,
                finished=finished,
            )
        )

    def note(self, revision: Revision, own: Sequence[Note]) -> Revision:
        """Records the notes about changes by our own runs since ``revision``."""
        return self._save(replace(revision, own=tuple(own)))

    def pay(self, volume: str) -> None:
        """Records that the snapshot which runs owed to a volume is restored."""
        for revision in [one for one in self.revisions if any(shot["volume"] == volume for shot in one.owed)]:
            self._save(replace(revision, owed=tuple(s for s in revision.owed if s["volume"] != volume)))

    # -- order

    def settle(self, own: str = "", died: str = "") -> List[Revision]:
        """Ends the revisions of runs that died. Call it while you hold the lock, after ``read``.

        DEPLOYING becomes FAILED (``died`` describes its run), a revision that was queued for too long CANCELLED.
        ``own`` is the id of this run. Returns those that were DEPLOYING.
        """
        interrupted = []
        for revision in [r for r in self.revisions if r.status in OPEN and r.id != own]:
            if revision.status == DEPLOYING:
                reason = f"{INTERRUPTED}{f' (held by {died})' if died else ''}."
                interrupted.append(self.mark(revision, FAILED, reason, restored="none"))
            elif revision.until < self._time.wall():
                self.mark(revision, CANCELLED, "The run ended while waiting for the lock.")
        return interrupted

    def collect(self, revisions: Sequence[Revision], keep: int) -> None:
        """Removes all except the last ``keep`` revisions. The next run removes those that can't be removed now."""
        for revision in forgotten(revisions, keep):
            self._delete(self._objects.pop(revision.number, {}))
        known = {revision.number for revision in revisions}
        for number in [number for number in self._objects if number not in known]:
            if 0 not in self._objects[number]:  # parts whose record is gone
                self._delete(self._objects.pop(number))

    # -- the configs

    def _create(self, revision: Revision) -> Revision:
        parts = split(revision.packed) or [NOTHING]
        number = max([r.number for r in self.revisions] + [0]) + 1
        while True:
            made = replace(revision, number=number, message=masked_text(revision.message))
            if self._put(number, 0, {RECORD: _json(made)}, parts[0], made.id):
                break
            number += 1  # another run has just used it
        self._add_parts(made, parts[1:], 1)
        self.revisions = [made, *self.revisions]
        return made

    def _add_parts(self, revision: Revision, parts: Sequence[bytes], first: int) -> None:
        for index, data in enumerate(parts, first):
            if self._put(revision.number, index, {PART: revision.id}, data, revision.id):
                continue
            name = revision_name(self.stack, revision.number, index)
            for stale in configs_named(self.client, [name]):  # left by a removed record
                self._persist(partial(self.client.delete, f"/configs/{id_of(stale)}", timeout=CALL))
            if not self._put(revision.number, index, {PART: revision.id}, data, revision.id):
                raise EngineError(f"The Docker config {name} belongs to another run.", "conflict", "Remove it first.")

    def _put(self, number: int, part: int, labels: Mapping[str, str], data: bytes, run: str) -> bool:
        """Creates one config; returns False if another run has a config with its name."""
        name = revision_name(self.stack, number, part)
        body = {
            "Name": name,
            "Labels": {STACK: self.stack, **self.owner, **labels},
            "Data": base64.b64encode(data).decode("ascii"),
        }

        def create() -> Optional[str]:
            try:
                return id_of(self.client.post("/configs/create", body=body, timeout=CALL) or {})
            except EngineError as error:
                if error.error_code != "conflict":
                    raise
            mine = (config for config in configs_named(self.client, [name]) if _run_of(config) == run)
            return next(map(id_of, mine), "")

        identity = self._persist(create)
        if identity:
            self._objects.setdefault(number, {})[part] = identity
        return bool(identity)

    def _save(self, revision: Revision) -> Revision:
        identity = (self._objects.get(revision.number) or {}).get(0, "")

        def update() -> str:
            config = self.client.get(f"/configs/{identity}", timeout=CALL)
            if _run_of(config) != revision.id and not revision.damaged:
                raise EngineError(
                    f"The record of revision {revision.number} of the stack {self.stack} belongs to another run.",
                    "conflict",
                )
            body = {"Name": name_of(config), "Labels": {**labels_of(config), RECORD: _json(revision)}}
            self.client.post(f"/configs/{identity}/update", {"version": config["Version"]["Index"]}, body, timeout=CALL)
            return identity

        self._persist(update)
        self.revisions = [revision if r.number == revision.number else r for r in self.revisions]
        return revision

    def _persist(self, act: Callable[[], object]) -> Any:
        """Calls ``act`` until it has an answer; ``act`` must notice what an earlier try has done."""
        backoff = Backoff(self._time, also=("out_of_sequence",))
        while True:
            try:
                return act()
            except EngineError as error:
                backoff.bear(error)

    def _delete(self, objects: Mapping[int, str]) -> None:
        """Removes configs by part, the record last: without it, the other parts would not be found."""
        for part in sorted(objects, reverse=True):
            try:
                self.client.delete(f"/configs/{objects[part]}", timeout=CALL)
            except EngineError:
                return


def histories(client: EngineClient, stack: Optional[str] = None) -> Dict[str, List[Revision]]:
    """Returns the revisions (newest first) of one stack, or of all stacks that have any, with one call."""
    found = client.list("/configs", {"filters": {"label": [f"{STACK}={stack}" if stack else STACK]}})
    grouped: Dict[str, List[Any]] = {}
    for config in found:
        grouped.setdefault(labels_of(config).get(STACK, ""), []).append(config)
    made = {name: _revisions(name, _parts(name, its)) for name, its in grouped.items() if name}
    return {name: revisions for name, revisions in made.items() if revisions}


def read_with(client: EngineClient, stack: str) -> Tuple[List[Revision], List[Config], str]:
    """Returns the revisions of a stack, newest first, the configs with the cluster's key, and that key, with one call.

    The key is empty if there is none.
    """
    prefix = revision_name(stack, 0)[:-1]
    found = client.list("/configs", {"filters": {"name": [prefix, KEY_CONFIG]}}, timeout=CALL)  # filters by prefix
    keys = [config for config in found if name_of(config) == KEY_CONFIG]
    key = str(keys[0]["Spec"].get("Data") or "") if keys else ""
    # Shortened names may collide; a removed label does not mean another stack.
    mine = [config for config in found if labels_of(config).get(STACK, stack) == stack]
    return _revisions(stack, _parts(stack, mine)), keys, key


def refuse_history(mine: Optional[Mapping[str, object]], stack: str, revisions: Sequence[Revision]) -> None:
    """Raises EngineError (``conflict``) if the history belongs to another stack than ``mine``; never if that is None.

    The newest revision with an owner counts, without those that only waited for the lock. Older revisions have the
    owner in their snapshots instead of a label.
    """
    if not mine:
        return
    me = owner_of(mine)
    worked = (revision for revision in revisions if revision.started or revision.damaged)
    other = next(filter(None, (of_text(revision.owner) or _owner_in(revision) for revision in worked)), None)
    if other is not None and not me.is_same(other):
        raise conflict(stack, me, other)


def refuse_if_known(client: EngineClient, mine: Mapping[str, object], stack: str) -> None:
    """Raises EngineError (``conflict``) if this Swarm has a stack of this name that is another than ``mine``.

    An Engine that can't answer raises nothing: values can be kept on hosts without a Swarm.
    """
    try:
        services = client.list("/services", of_stack(stack))
        revisions = History(client, None, stack).read()
    except EngineError:
        return
    refuse_others(mine, stack, labels_in({"services": services}, stack))
    refuse_history(mine, stack, revisions)


def _owner_in(revision: Revision) -> Optional[Owner]:
    if revision.damaged or not revision.packed:
        return None
    try:
        stack = unpack(revision.packed).get("stack")
    except StackwrightError:
        return None
    return owner_of(stack) if isinstance(stack, dict) and stack.get("id") else None


Parts = Dict[int, Dict[int, "Config"]]  # number → part → config


def _parts(stack: str, configs: Sequence[Config]) -> Parts:
    """Returns the configs of a stack's history. Finds them by name, because users can change labels."""
    pattern = re.compile(re.escape(revision_name(stack, 0)[:-1]) + r"([1-9]\d{0,8})(?:\.([1-9]\d{0,3}))?\Z")
    parts: Parts = {}
    for config in configs:
        match = pattern.match(name_of(config))
        if match:
            parts.setdefault(int(match.group(1)), {})[int(match.group(2) or 0)] = config
    return parts


def _revisions(stack: str, parts: Parts) -> List[Revision]:
    made = [_revision(stack, number, its) for number, its in parts.items() if 0 in its]
    return sorted(made, key=lambda r: r.number, reverse=True)


def _revision(stack: str, number: int, parts: Mapping[int, Config]) -> Revision:
    record = _loaded(labels_of(parts[0]).get(RECORD, ""))
    revision = replace(from_record(stack, number, record), owner=labels_of(parts[0]).get(OWNER, ""))
    chunks, part = [_data(parts[0])], 1
    if not chunks[0].startswith(MARK) and part in parts:
        chunks = []  # it was queued first, so its snapshot is in the further parts
    while part in parts:
        chunks.append(_data(parts[part]))
        part += 1
    packed = b"".join(chunks)
    if packed == NOTHING and not revision.damaged and not record.get("size"):
        return revision
    return replace(revision, damaged=revision.damaged or problem(packed), packed=packed)


def _json(revision: Revision) -> str:
    return json.dumps(revision.record(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _loaded(text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        return None


def _run_of(config: Mapping[str, object]) -> str:
    """Returns the id of the run that created a config of the history."""
    labels = labels_of(config)
    record = _loaded(labels.get(RECORD, ""))
    return str(record.get("id") or "") if isinstance(record, dict) else labels.get(PART, "")


def _data(config: Config) -> bytes:
    try:
        return base64.b64decode(config["Spec"].get("Data") or "")
    except ValueError:
        return b""
