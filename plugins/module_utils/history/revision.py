# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded deployment of a stack, and its record: everything except the snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Note

QUEUED, DEPLOYING = "QUEUED", "DEPLOYING"
HEALTHY, UNHEALTHY = "HEALTHY", "UNHEALTHY"
FAILED, CANCELLED, REMOVED = "FAILED", "CANCELLED", "REMOVED"
STATUSES = (QUEUED, DEPLOYING, HEALTHY, UNHEALTHY, FAILED, CANCELLED, REMOVED)
#: What the stack was left as, so that one can go back to it.
GOOD = (HEALTHY, UNHEALTHY)
#: Not ended yet.
OPEN = (QUEUED, DEPLOYING)

DEPLOY, ROLLBACK, HEAL, STOP, REMOVE = "deploy", "rollback", "heal", "stop", "remove"
#: How the reason of a revision begins whose run died at its work.
INTERRUPTED = "The run was interrupted"
LONGEST_TEXT = 2000  # letters of a reason or a message
LONGEST_MESSAGE = 200  # letters of a service's message

#: Fields of the record, with their types; what is of another type counts as not there.
TEXTS = ("id", "status", "operation", "reason", "message", "who", "restored")
TIMES = ("queued", "started", "noticed", "finished", "until")
#: What is recorded of a snapshot of a volume.
SHOT = ("volume", "snapshot", "dest", "node")


@dataclass(frozen=True)
class Revision:
    """One recorded deployment. ``number`` is 0 until it is recorded; times are seconds since 1970, 0 means not yet.

    ``id`` is that of the run. ``noticed`` is when a failure was seen, ``restored`` what then became of the stack
    (``done``, ``failed``, ``none``), ``back_to`` the number that a rollback or a heal goes back to, ``until`` the time
    at which a queued run has surely given up. ``references`` are the configs and secrets it needs, as (kind, name).
    ``owner`` is PROJECT/ENVIRONMENT/NAME, where its config says it. ``own`` notes what runs of ours have left that no
    revision has (drift/own_changes.py). ``sources`` are the Compose files that it was made of (``files``: path, sha256)
    and their git ``commit`` (id, branch), with the ``metadata`` that the run was given.
    ``volumes`` are the snapshots that it takes before its first change (SHOT), ``owed`` those that it is about to put
    back: each is taken out when it is in its volume.
    ``damaged`` says why it can't be used. ``packed`` is the encoded snapshot, empty if there is none.
    """

    stack: str
    id: str = ""
    number: int = 0
    status: str = DEPLOYING
    operation: str = DEPLOY
    reason: str = ""
    message: str = ""
    who: str = ""
    queued: float = 0.0
    started: float = 0.0
    noticed: float = 0.0
    finished: float = 0.0
    until: float = 0.0
    restored: str = ""
    back_to: int = 0
    services: Tuple[Mapping[str, Any], ...] = ()
    references: Tuple[Tuple[str, str], ...] = ()
    damaged: str = ""
    owner: str = ""
    own: Tuple[Note, ...] = ()
    volumes: Tuple[Mapping[str, str], ...] = ()
    owed: Tuple[Mapping[str, str], ...] = ()
    sources: Mapping[str, Any] = field(default_factory=dict)
    packed: bytes = field(default=b"", repr=False)

    @property
    def good(self) -> bool:
        """Whether one can go back to it."""
        return self.status in GOOD and bool(self.packed) and not self.damaged

    @property
    def interrupted(self) -> bool:
        """Whether its run died at its work."""
        return self.status == FAILED and self.reason.startswith(INTERRUPTED)

    @property
    def undone(self) -> bool:
        """Whether nothing of it is left that is known of; only of one that failed, or broke off, there may be."""
        broke_off = self.status == FAILED or (self.status == CANCELLED and self.restored in ("none", "failed"))
        return not broke_off or self.restored == "done"

    def record(self) -> Dict[str, Any]:
        """What is stored beside the snapshot."""
        values: Dict[str, Any] = {name: getattr(self, name) for name in (*TEXTS, *TIMES, "number", "back_to")}
        values["size"] = len(self.packed)
        values["reason"], values["message"] = self.reason[:LONGEST_TEXT], self.message[:LONGEST_TEXT]
        values["services"] = [
            {**_counted(s), "message": str(s.get("message") or "")[:LONGEST_MESSAGE]} for s in self.services
        ]
        values["sources"] = dict(self.sources)
        refs: Dict[str, List[str]] = {}
        for kind, name in self.references:
            refs.setdefault(kind, []).append(name)
        values["references"], values["own"] = refs, [dict(note) for note in self.own]
        values["volumes"] = [dict(shot) for shot in self.volumes]
        values["owed"] = [dict(shot) for shot in self.owed]
        return {key: value for key, value in values.items() if value not in ("", 0, 0.0, [], {})}

    def shown(self) -> Dict[str, Any]:
        """What a user is shown: no snapshot, times as text in UTC."""
        return {
            "number": self.number,
            "id": self.id,
            "status": self.status,
            "operation": self.operation,
            "reason": self.reason,
            "message": self.message,
            "who": self.who,
            "back_to": self.back_to or None,
            "restored": self.restored,
            **{name: iso(getattr(self, name)) or None for name in ("queued", "started", "finished")},
            "services": [{**_counted(s), "message": s.get("message") or ""} for s in self.services],
            "files": [dict(file) for file in self.sources.get("files") or ()],
            "commit": dict(self.sources.get("commit") or {}),
            "metadata": dict(self.sources.get("metadata") or {}),
            "own": [
                {"kind": n["kind"], "name": n["name"], "did": n["did"], "who": n["who"], "at": iso(n["at"]) or None}
                for n in self.own
            ],
            "snapshots": [dict(shot) for shot in self.volumes],
            "damaged": self.damaged,
        }


def from_record(stack: str, number: int, record: object) -> Revision:
    """The revision of a stored record; ``damaged`` where the record is none, or another's."""
    if not isinstance(record, dict):
        return Revision(stack, number=number, status=FAILED, damaged="its record can't be read")
    values: Dict[str, Any] = {name: str(record.get(name) or "") for name in TEXTS}
    values.update({name: _number(record.get(name)) for name in TIMES})
    services = record.get("services")
    references = record.get("references")
    revision = Revision(
        stack,
        number=number,
        back_to=int(_number(record.get("back_to"))),
        services=tuple(s for s in services if isinstance(s, dict)) if isinstance(services, list) else (),
        references=tuple(sorted(_references(references))) if isinstance(references, dict) else (),
        own=tuple(_notes(record.get("own"))),
        volumes=tuple(_shots(record.get("volumes"))),
        owed=tuple(_shots(record.get("owed"))),
        sources=_sources(record.get("sources")),
        **values,
    )
    if record.get("number") != number:
        return replace(revision, damaged="its record belongs to another revision")
    if revision.status not in STATUSES:
        return replace(revision, status=FAILED, damaged=f"its status is unknown ({revision.status[:20] or 'none'})")
    return revision


def _counted(service: Mapping[str, object]) -> Dict[str, Any]:
    return {name: service.get(name) for name in ("name", "status", "desired", "running", "updated_at")}


def without_texts(sources: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """``sources`` of a snapshot as a record has them."""
    if not sources:
        return {}
    files = [{"path": file["path"], "sha256": file["sha256"]} for file in sources["files"]]
    return {"files": files, **{name: dict(sources[name]) for name in ("commit", "metadata") if sources.get(name)}}


def _sources(given: Any) -> Dict[str, Any]:
    """``sources`` of a record; what is none counts as not there."""
    files = given.get("files") if isinstance(given, dict) else None
    if not isinstance(files, list) or not all(isinstance(f, dict) and f.get("path") and f.get("sha256") for f in files):
        return {}
    maps = {name: given.get(name) for name in ("commit", "metadata")}
    return without_texts({"files": files, **{name: item for name, item in maps.items() if isinstance(item, dict)}})


def _notes(given: object) -> Iterator[Any]:
    """The notes of a record; what is none counts as not there."""
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict) and item.get("kind") and item.get("name"):
            paths = item.get("paths")
            note: Dict[str, Any] = {name: str(item.get(name) or "") for name in ("kind", "name", "did", "who", "state")}
            note["at"] = _number(item.get("at"))
            note["paths"] = {str(path): str(mark) for path, mark in paths.items()} if isinstance(paths, dict) else {}
            yield {name: value for name, value in note.items() if value or name in ("did", "who", "at")}


def _shots(given: object) -> Iterator[Dict[str, str]]:
    """The snapshots of a record; what is none counts as not there."""
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict) and all(item.get(name) and isinstance(item[name], str) for name in SHOT):
            yield {name: item[name] for name in SHOT}


def _number(value: Any) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12
    return float(value) if good else 0.0


def _references(values: Mapping[str, Any]) -> List[Tuple[str, str]]:
    return [
        (kind, str(name))
        for kind in ("config", "secret")
        for name in (values.get(kind) if isinstance(values.get(kind), list) else None) or ()
    ]
