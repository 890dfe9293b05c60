# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's folder: the messages of a detached process for its followers.

* ``lines``: the progress, one line of text per event
* ``result.json``: the result, written atomically when the work has ended
* ``alive``: locked as long as the process lives
* ``taken``: exists when a follower has read the result
* ``question.json``, ``heard``, ``answer.json``: exist while the process waits for an answer, when a follower has read
  the question, and when it has answered
* ``pace.json``: how long the process may wait for an answer

The jobs of a user are in a folder that no other user can read.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import stat
import time
import uuid
from contextlib import suppress
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown_line

OLD = 24 * 3600.0  # seconds to keep a folder that is not read
ID = re.compile(r"[0-9a-f]{32}")
LOST = "Run the task again: it continues from the current state."


class Job:
    """One job, in ``folder``."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._held: Optional[int] = None

    @property
    def id(self) -> str:
        """The name by which a follower finds the job."""
        return os.path.basename(self.folder)

    # -- the process's side

    @property
    def held(self) -> Optional[int]:
        """The file descriptor that keeps the job alive in this process."""
        return self._held

    def hold(self) -> None:
        """Marks the job as alive, for this process and those that it forks. Raises OSError."""
        self._held = self._open("alive", os.O_RDWR)
        fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def let_go(self) -> None:
        """Closes the lock file: the forked process holds the lock."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def say(self, line: str) -> None:
        """Adds a line. Ignores a full disk: the work matters more."""
        try:
            handle = self._open("lines", os.O_WRONLY | os.O_APPEND)
            try:
                os.write(handle, shown_line(line).encode("utf-8", "replace") + b"\n")
            finally:
                os.close(handle)
        except OSError:
            pass

    def finish(self, result: Dict[str, object]) -> None:
        """Writes the result. Raises OSError."""
        self._put("result", result)

    def ask(self, question: Dict[str, object]) -> None:
        """Asks the followers; ``number`` identifies the question. Raises OSError."""
        self._put("question", question)

    def answer(self, number: int) -> Optional[Dict[str, Any]]:
        """Returns a follower's answer to the question ``number``, or None."""
        found = self._get("answer")
        return found if found is not None and found.get("number") == number else None

    def unask(self) -> None:
        """Removes the question and its answer, which may have secrets."""
        for name in ("question.json", "heard", "answer.json"):
            with suppress(OSError):
                os.unlink(self._path(name))

    # -- the follower's side

    @property
    def alive(self) -> bool:
        """True while the process lives."""
        try:
            handle = os.open(self._path("alive"), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return True
            raise
        finally:
            os.close(handle)
        return False

    def lines(self, seen: int) -> Tuple[List[str], int]:
        """Returns the lines after the first ``seen`` bytes, and the number of bytes so far."""
        try:
            with open(self._path("lines"), "rb") as file:
                file.seek(seen)
                content = file.read()
        except FileNotFoundError:
            return [], seen
        whole = content[: content.rfind(b"\n") + 1]
        return whole.decode("utf-8", "replace").splitlines(), seen + len(whole)

    def result(self) -> Optional[Dict[str, Any]]:
        """Returns the result, None if there is none yet."""
        return self._get("result")

    def question(self) -> Optional[Dict[str, Any]]:
        """Returns the process's question until a follower has answered it, and records that it was read."""
        found = self._get("question")
        if found is None or self.answer(found["number"]) is not None:
            return None
        with suppress(OSError):
            os.close(self._open("heard", os.O_WRONLY))
            os.utime(self._path("heard"))
        return found

    @property
    def heard(self) -> bool:
        """True if a follower has read the question."""
        return os.path.exists(self._path("heard"))

    @property
    def heard_at(self) -> int:
        """The time in ns when a follower last read the question; 0 if none has."""
        try:
            return os.stat(self._path("heard")).st_mtime_ns
        except OSError:
            return 0

    def pace(self, seconds: float) -> None:
        """Records how many seconds the follower needs at most for a question to another host."""
        with suppress(OSError):
            self._put("pace", {"seconds": seconds})

    @property
    def patience(self) -> float:
        """The seconds of the last ``pace``, or 0."""
        return float((self._get("pace") or {}).get("seconds") or 0.0)

    def tell(self, answer: Dict[str, object]) -> None:
        """Answers the question if the process still waits for it."""
        asked = self._get("question")
        if asked is not None and asked["number"] == answer.get("number"):
            with suppress(OSError):
                self._put("answer", answer)

    def mark_read(self) -> None:
        """Records that the result was read: the process may clean up."""
        os.close(self._open("taken", os.O_WRONLY))

    @property
    def taken(self) -> bool:
        """True if the result was read."""
        return os.path.exists(self._path("taken"))

    @property
    def exists(self) -> bool:
        """Whether the folder exists."""
        return os.path.isdir(self.folder)

    def remove(self) -> None:
        """Removes the folder; never raises."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _put(self, name: str, data: Dict[str, object]) -> None:
        handle = self._open(f"{name}.new", os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, default=str)
        os.rename(self._path(f"{name}.new"), self._path(f"{name}.json"))

    def _get(self, name: str) -> Optional[Dict[str, Any]]:
        try:
            with open(self._path(f"{name}.json"), encoding="utf-8") as file:
                found: Dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return None
        return found

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _open(self, name: str, flags: int) -> int:
        return os.open(self._path(name), flags | os.O_CREAT | os.O_CLOEXEC, 0o600)


def create(root: str) -> Job:
    """Creates a job, marked as alive. Removes dead jobs that are older than a day. Raises OSError."""
    os.makedirs(os.path.dirname(root), mode=0o700, exist_ok=True)
    try:
        os.mkdir(root, 0o700)
    except FileExistsError:
        _tidy(root)
    _own(root)
    job = Job(os.path.join(root, uuid.uuid4().hex))
    os.mkdir(job.folder, 0o700)
    try:
        job.hold()
    except OSError:
        job.remove()
        raise
    return job


def find(root: str, name: str) -> Job:
    """Returns the job with the id ``name``. Raises StackwrightError (``job_unknown``) if this user has none."""
    job = Job(os.path.join(root, name))
    try:
        _own(root)
        known = bool(ID.fullmatch(name)) and job.exists
    except OSError:
        known = False
    if not known:
        raise StackwrightError(f"This host has no job {name} of this user, or no longer has it.", "job_unknown", LOST)
    return job


def _own(root: str) -> None:
    """Raises OSError if other users could read or change the content of the folder."""
    found = os.lstat(root)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise OSError(errno.EPERM, "other users can write to this folder", root)


def _tidy(root: str) -> None:
    for name in os.listdir(root):
        job = Job(os.path.join(root, name))
        try:
            old = time.time() - os.lstat(job.folder).st_mtime > OLD
            if old and ID.fullmatch(name) and not job.alive:
                job.remove()
        except OSError:
            continue
