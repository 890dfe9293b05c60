# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of this run for the lock, and whether another run on this machine has ended."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional

BOOT = "/proc/sys/kernel/random/boot_id"
NAMESPACE = "/proc/{}/ns/pid"
STAT = "/proc/{}/stat"


def this_run(operation: str, message: str, since: float, who: str = "") -> Dict[str, Any]:
    """Returns run, who, host, user, pid, boot, pid_ns, started, since, operation and message of this process.

    Call it in the process that does the work. ``since`` is in seconds since 1970; unknown fields are empty.
    """
    import secrets
    import socket

    host, user = socket.gethostname(), _user()
    return {
        "run": secrets.token_hex(8),
        "who": who or f"{user}@{host}",
        "host": host,
        "user": user,
        "pid": os.getpid(),
        "boot": _read(BOOT),
        "pid_ns": _link(NAMESPACE.format("self")),
        "started": (_stat(os.getpid()) or ["", ""])[1],
        "since": since,
        "operation": operation,
        "message": message,
    }


def is_gone(holder: Mapping[str, object]) -> bool:
    """Whether the process of ``holder`` has certainly ended; False if this is unknown."""
    boot, namespace, pid = holder.get("boot"), holder.get("pid_ns"), holder.get("pid")
    if not boot or boot != _read(BOOT) or not namespace or namespace != _link(NAMESPACE.format("self")):
        return False
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return False
    try:
        # /proc alone is not enough: it may hide other users' processes.
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    state = _stat(pid)
    if state is None:
        return False
    return state[0] in ("Z", "X") or bool(holder.get("started")) and state[1] != holder["started"]


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _stat(pid: int) -> Optional[List[str]]:
    """Returns state and start time of a process, as in /proc."""
    text = _read(STAT.format(pid))
    # The second field is the command's name in parentheses, which may contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return [fields[0], fields[19]] if len(fields) > 19 else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read().strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
