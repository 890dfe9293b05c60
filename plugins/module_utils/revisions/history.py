# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a stack, stored in the Swarm: every manager can read it, and it survives the loss of one.

A revision is a Docker config: its record in a label (which can be changed), its packed snapshot as the content (which
can't). What does not fit there is in further configs.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
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
#: A revision that is queued is given up this long after its time to wait has passed.
SLACK = 60.0


class History:
    """The revisions of ``stack``. All methods raise EngineError; the result of a lost answer is checked.

    ``revisions`` is what the last ``read`` found, newest first, ``written`` when their records were written last, by
    their numbers and the Engine's clock.
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
        """All revisions, newest first, in one call. Damaged ones are marked; nothing is raised for them."""
        found = self.client.list("/configs", {"filters": {"label": [f"{STACK}={self.stack}"]}}, timeout=CALL)
        parts = _parts(self.stack, found)
        self._objects = {number: {part: id_of(obj) for part, obj in its.items()} for number, its in parts.items()}
        self.written = {number: str(its[0].get("UpdatedAt") or "") for number, its in parts.items() if 0 in its}
        self.revisions = _revisions(self.stack, parts)
        return self.revisions

    # -- a run's own revision

    def queue(self, draft: Revision, patience: float) -> Revision:
        """Records a run that has to wait for the lock (QUEUED), for ``patience`` seconds at most."""
        now = self._time.wall()
        self.read()
        return self._create(replace(draft, status=QUEUED, queued=now, until=now + patience + SLACK, packed=b""))

    def begin(self, draft: Revision) -> Revision:
        """Records the beginning (DEPLOYING) of a new run, or of one that ``queue`` has recorded.

        Numbers follow the order of work: a queued run that others have overtaken gets a new one.
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
        """Writes down what became of a revision; ``services`` are with their statuses, all else is as in Revision."""
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
        """Writes down what runs of ours have left since ``revision``."""
        return self._save(replace(revision, own=tuple(own)))

    def pay(self, volume: str) -> None:
        """Writes down that a volume has what runs were to put back."""
        for revision in [one for one in self.revisions if any(shot["volume"] == volume for shot in one.owed)]:
            self._save(replace(revision, owed=tuple(s for s in revision.owed if s["volume"] != volume)))

    # -- order

    def settle(self, own: str = "", died: str = "") -> List[Revision]:
        """Settles what runs that died have left; to be called with the lock held, after ``read``.

        One that is DEPLOYING becomes FAILED (``died`` says who it was), one that was queued for too long CANCELLED;
        ``own`` is the id of this run. Gives those that were interrupted in their work.
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
        """Removes the records of revisions that are kept no longer; what can't be removed now goes the next time."""
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
            number += 1  # another run has just taken it
        self._add_parts(made, parts[1:], 1)
        self.revisions = [made, *self.revisions]
        return made

    def _add_parts(self, revision: Revision, parts: Sequence[bytes], first: int) -> None:
        for index, data in enumerate(parts, first):
            while not self._put(revision.number, index, {PART: revision.id}, data, revision.id):
                # Left over from a removed record.
                for stale in configs_named(self.client, [revision_name(self.stack, revision.number, index)]):
                    self._delete({index: id_of(stale)})

    def _put(self, number: int, part: int, labels: Mapping[str, str], data: bytes, run: str) -> bool:
        """Creates one config; False if the name is another's."""
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
            there = configs_named(self.client, [name])
            mine = [config for config in there if _run_of(config) == run]
            return id_of(mine[0]) if mine else ""

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
        """``act`` until it has an answer; it looks by itself at what an earlier try has done."""
        backoff = Backoff(self._time, also=("out_of_sequence",))
        while True:
            try:
                return act()
            except EngineError as error:
                backoff.bear(error)

    def _delete(self, objects: Mapping[int, str]) -> None:
        """The record last: what is left without it would not be found."""
        for part in sorted(objects, reverse=True):
            try:
                self.client.delete(f"/configs/{objects[part]}", timeout=CALL)
            except EngineError:
                return


def histories(client: EngineClient, stack: Optional[str] = None) -> Dict[str, List[Revision]]:
    """The revisions (newest first) of one stack or of all that have any, in one call."""
    found = client.list("/configs", {"filters": {"label": [f"{STACK}={stack}" if stack else STACK]}})
    grouped: Dict[str, List[Any]] = {}
    for config in found:
        grouped.setdefault(labels_of(config).get(STACK, ""), []).append(config)
    made = {name: _revisions(name, _parts(name, its)) for name, its in grouped.items() if name}
    return {name: revisions for name, revisions in made.items() if revisions}


def read_with(client: EngineClient, stack: str) -> Tuple[List[Revision], List[Config], str]:
    """The revisions of a stack, newest first, the config that holds the cluster's key, and that key (empty if there is
    none), in one call."""
    prefix = revision_name(stack, 0)[:-1]
    found = client.list("/configs", {"filters": {"name": [prefix, KEY_CONFIG]}}, timeout=CALL)  # names begin like these
    keys = [config for config in found if name_of(config) == KEY_CONFIG]
    key = str(keys[0]["Spec"].get("Data") or "") if keys else ""
    # Shortened names may collide; a removed label does not mean another stack.
    mine = [config for config in found if labels_of(config).get(STACK, stack) == stack]
    return _revisions(stack, _parts(stack, mine)), keys, key


def refuse_history(mine: Optional[Mapping[str, object]], stack: str, revisions: Sequence[Revision]) -> None:
    """Raises EngineError (``conflict``) if the history is that of another stack than ``mine`` (None: any may).

    The newest revision that says whose it is counts; one that only waited for the lock says nothing. Before revisions
    had a label for it, their snapshots said it.
    """
    if not mine:
        return
    me = owner_of(mine)
    for revision in revisions:
        if not (revision.started or revision.damaged):
            continue
        other = of_text(revision.owner) or _owner_in(revision)
        if other is not None:
            if not me.is_same(other):
                raise conflict(stack, me, other)
            return


def refuse_if_known(client: EngineClient, mine: Mapping[str, object], stack: str) -> None:
    """Raises EngineError (``conflict``) if this Swarm has a stack of this name that is another than ``mine``.

    If the Engine can't tell, nothing is known: values are kept also beside other Engines.
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
    """What of these is a stack's history; by name, since labels may have been changed."""
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
        chunks = []  # queued first: its snapshot came later
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
    """The run that made a config of the history."""
    labels = labels_of(config)
    record = _loaded(labels.get(RECORD, ""))
    return str(record.get("id") or "") if isinstance(record, dict) else labels.get(PART, "")


def _data(config: Config) -> bytes:
    try:
        return base64.b64decode(config["Spec"].get("Data") or "")
    except ValueError:
        return b""
