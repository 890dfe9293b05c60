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
#: The statuses of revisions to which a rollback can return.
GOOD = (HEALTHY, UNHEALTHY)
#: It has not ended yet.
OPEN = (QUEUED, DEPLOYING)

DEPLOY, ROLLBACK, HEAL, STOP, REMOVE = "deploy", "rollback", "heal", "stop", "remove"
#: The beginning of the reason if the run died during its work.
INTERRUPTED = "The run was interrupted"
LONGEST_TEXT = 2000  # characters of a reason or a message
LONGEST_MESSAGE = 200  # characters of a service's message

#: Fields of the record by type; a value of another type is ignored.
TEXTS = ("id", "status", "operation", "reason", "message", "who", "restored")
TIMES = ("queued", "started", "noticed", "finished", "until")
#: The recorded fields of a volume's snapshot.
SHOT = ("volume", "snapshot", "dest", "node")


@dataclass(frozen=True)
class Revision:
    """One recorded deployment. ``number`` is 0 until it is recorded; times are seconds since 1970, 0 means not yet.

    ``id`` is that of the run. ``noticed`` is the time when a failure was detected, ``restored`` the outcome of the
    restoration (``done``, ``failed``, ``none``), ``back_to`` the number to which a rollback or a heal returns,
    ``until`` the time after which a queued run has certainly ended. ``references`` are the configs and secrets that it
    needs, as (kind, name). ``owner`` is PROJECT/ENVIRONMENT/NAME, if its config has it. ``own`` are notes about changes
    by our own runs (drift/own_changes.py). ``sources`` are its Compose files (``files``: path, sha256), their git
    ``commit`` (id, branch) and the run's ``metadata``.
    ``volumes`` are the snapshots from before its first change (SHOT), ``owed`` those that it must still restore.
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
        """Whether a rollback can return to it."""
        return self.status in GOOD and bool(self.packed) and not self.damaged

    @property
    def interrupted(self) -> bool:
        """Whether its run died during its work."""
        return self.status == FAILED and self.reason.startswith(INTERRUPTED)

    @property
    def undone(self) -> bool:
        """Whether no change of it can be left. Only a failed or canceled revision may leave changes."""
        broke_off = self.status == FAILED or (self.status == CANCELLED and self.restored in ("none", "failed"))
        return not broke_off or self.restored == "done"

    def record(self) -> Dict[str, Any]:
        """Returns the record, which is stored besides the snapshot."""
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
        """Returns the revision for results: without the snapshot, with times as text in UTC."""
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
    """Returns the revision of a stored record; ``damaged`` if the record is invalid, or belongs to another one."""
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
    """Returns ``sources`` of a snapshot as in a record, without the texts of files."""
    if not sources:
        return {}
    files = [{"path": file["path"], "sha256": file["sha256"]} for file in sources["files"]]
    return {"files": files, **{name: dict(sources[name]) for name in ("commit", "metadata") if sources.get(name)}}


def _sources(given: Any) -> Dict[str, Any]:
    """Returns ``sources`` of a record; empty if they are invalid."""
    files = given.get("files") if isinstance(given, dict) else None
    if not isinstance(files, list) or not all(isinstance(f, dict) and f.get("path") and f.get("sha256") for f in files):
        return {}
    maps = {name: given.get(name) for name in ("commit", "metadata")}
    return without_texts({"files": files, **{name: item for name, item in maps.items() if isinstance(item, dict)}})


def _notes(given: object) -> Iterator[Any]:
    """Yields the valid notes of a record."""
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict) and item.get("kind") and item.get("name"):
            paths = item.get("paths")
            note: Dict[str, Any] = {name: str(item.get(name) or "") for name in ("kind", "name", "did", "who", "state")}
            note["at"] = _number(item.get("at"))
            note["paths"] = {str(path): str(mark) for path, mark in paths.items()} if isinstance(paths, dict) else {}
            yield {name: value for name, value in note.items() if value or name in ("did", "who", "at")}


def _shots(given: object) -> Iterator[Dict[str, str]]:
    """Yields the valid snapshots of a record."""
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
