# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A separate process for a change that may take long.

It outlives the module, the connection and the controller, so their failures leave no half-changed stack.
See docs/decisions/0005-a-worker-on-the-manager.md.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, NoReturn, Optional, Sequence

from ansible.module_utils.common.parameters import remove_values

from ansible_collections.stackwright.swarm.plugins.module_utils.detached.follow import look
from ansible_collections.stackwright.swarm.plugins.module_utils.detached.job_folder import Job, create
from ansible_collections.stackwright.swarm.plugins.module_utils.detached.zip_importer import keep

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Question

FOREGROUND = 3.0  # seconds that the module waits: many changes take less
#: Seconds: how long a result that was read stays, if its answer gets lost; how long one stays that no follower reads;
#: between two checks.
TAKEN, UNCLAIMED, PAUSE = 10.0, 600.0, 0.2
#: Seconds in which a follower must read a question, and must answer it; without an answer the work continues. A slow
#: follower gets more time (``Job.patience``), up to ``LONGEST``. Seconds between two checks.
HEARD, ANSWERED, LONGEST, LISTEN = 5.0, 10.0, 60.0, 0.05
#: Seconds after which a follower counts as gone: it retries a lost connection for a minute.
LEFT = 75.0


class DetachedProcess:
    """The process, seen from inside: it reports to ``job``, without the texts in ``secrets``."""

    def __init__(self, job: Job, secrets: Sequence[str], ready: int) -> None:
        self._job, self._secrets, self._ready = job, secrets, ready
        self._asked = 0

    def say(self, line: str) -> None:
        """Reports a progress line to the followers."""
        self._job.say(remove_values(line, self._secrets))

    def ask(self, question: Dict[str, object]) -> Dict[str, Any]:
        """Returns the followers' answer; empty if there is none in time."""
        if not self._post(question):
            return {}
        start, slow, answer = time.monotonic(), min(self._job.patience, LONGEST / 2), None
        heard, answered = max(HEARD, slow), max(ANSWERED, 2 * slow)
        while answer is None and time.monotonic() - start < (answered if self._job.heard else heard):
            time.sleep(LISTEN)
            answer = self._job.answer(self._asked)
        self._job.unask()
        return answer or {}

    def ask_patiently(self, question: Question, keep: Callable[[], None]) -> Dict[str, Any]:
        """Waits for the answer as long as there is a follower; empty if there is none. Calls ``keep`` meanwhile."""
        if not self._post(question):
            return {}
        answer, last, since = None, self._job.heard_at, time.monotonic()
        while answer is None and time.monotonic() - since < LEFT:
            time.sleep(LISTEN)
            keep()
            answer = self._job.answer(self._asked)
            if self._job.heard_at != last:
                last, since = self._job.heard_at, time.monotonic()
        self._job.unask()
        return answer or {}

    def _post(self, question: Mapping[str, object]) -> bool:
        """Writes the question; returns False if it can't be written."""
        self._asked += 1
        try:
            self._job.ask({**question, "number": self._asked})
        except OSError:
            return False
        with suppress(OSError):
            os.write(self._ready, b"?")  # the module may still wait for a quick end
        return True

    def finish(self, result: Dict[str, object]) -> NoReturn:
        """Writes the result, waits until it was read, cleans up and ends the process."""
        try:
            self._job.finish(remove_values(result, self._secrets))
            os.close(self._ready)
            _clean_up(self._job)
        finally:
            os._exit(0)

    def fail(self, error: BaseException) -> NoReturn:
        """Ends the process with an unexpected error, without its text, which could contain secrets."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
        msg = f"The detached process failed: unexpected {type(error).__name__}{place}. Please report this as a bug."
        trace = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        self.finish({"failed": True, "error_code": "unexpected", "msg": msg, "changed": True, "trace": trace})


class Foreground(Exception):
    """Raised in the module's process, which does not do the work, with its ``result``."""

    def __init__(self, result: Dict[str, object]) -> None:
        super().__init__("the detached process does the work")
        self.result = result


def start(root: str, secrets: Sequence[str], foreground: float = FOREGROUND) -> Optional[DetachedProcess]:
    """Starts a process for the work, and returns in it; returns None if it can't be started.

    :param root: the folder for the job's folder.
    :raises Foreground: in the caller's process, when the new one has ended or after ``foreground`` seconds.
    """
    try:
        job = create(root)
    except OSError:
        return None
    try:
        keep()
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # Threads of a closed ssh connection may still exist; the process does not need them.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
    except (AttributeError, OSError):
        job.let_go()
        job.remove()
        return None
    if child:
        os.close(writing)
        job.let_go()
        raise Foreground(_wait(job, reading, foreground))
    try:
        _cut_off((job.held, writing))
        return DetachedProcess(job, secrets, writing)
    except BaseException:
        os._exit(1)


def _wait(job: Job, reading: int, seconds: float) -> Dict[str, Any]:
    # The other end closes when there is a result or the process ends, and is written to when the process asks.
    select.select([reading], [], [], seconds)
    os.close(reading)
    result = look(job, 0)
    if result["progress"]["done"]:
        job.remove()
    return result


def _cut_off(kept: Sequence[Optional[int]]) -> None:
    """Leaves the caller's session and closes its open files, because the caller waits for their end."""
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    # Replaced, not closed: an object that still has the descriptor would later close another file.
    for handle in _open_files():
        if handle not in (nothing, *kept):
            try:
                os.dup2(nothing, handle, inheritable=handle < 3)
            except OSError:
                continue
    sys.stdin = sys.stdout = sys.stderr = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115


def _open_files() -> Sequence[int]:
    try:
        return [int(name) for name in os.listdir("/dev/fd")]
    except (OSError, ValueError):
        return range(3)


def _clean_up(job: Job) -> None:
    end = time.monotonic() + UNCLAIMED
    while job.exists and time.monotonic() < end:
        if job.taken:
            time.sleep(TAKEN)
            job.remove()
        time.sleep(PAUSE)
