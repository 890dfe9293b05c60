"""Processes of the bed, identified by pid *and* start time, so that no other process is ever ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .commands import wait_for
from .paths import text

BOOT_ID = text(Path("/proc/sys/kernel/random/boot_id")).strip()


def start(argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> dict[str, object]:
    """Starts a long-running process in its own session. Returns its record (plain JSON)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=env
        )
    return record(process.pid)


def record(pid: int) -> dict[str, object]:
    """Returns the permanent identity of a process: pids are reused, but not with the same start time and boot."""
    return {"pid": pid, "started": _started(pid), "boot": BOOT_ID}


def is_alive(process: Mapping[str, object] | None) -> bool:
    """Whether exactly this process still runs (a zombie does not)."""
    if not process or process["boot"] != BOOT_ID or not process["started"]:
        return False
    return _started(int(process["pid"])) == process["started"]


def end(process: Mapping[str, object] | None, how: signal.Signals = signal.SIGKILL, seconds: float = 120) -> None:
    """Ends this process if it is still the one of the record, and waits until it has ended."""
    if not is_alive(process):
        return
    pid = int(process["pid"])
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, how)
    wait_for(f"process {pid} to end", lambda: _reaped(process), seconds, 0.01)


def children(pid: int) -> list[int]:
    return [int(word) for word in text(Path(f"/proc/{pid}/task/{pid}/children")).split()]


def _reaped(process: Mapping[str, object]) -> bool:
    with contextlib.suppress(ChildProcessError):  # it was started by an earlier run
        os.waitpid(int(process["pid"]), os.WNOHANG)
    return not is_alive(process)


def _started(pid: int) -> int:
    """Returns the start time in clock ticks since boot (proc(5), field 22), 0 if it has ended or is a zombie."""
    fields = text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return 0 if len(fields) < 20 or fields[0] in "ZX" else int(fields[19])
