# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that check the health of a service from inside its container, one for each tool."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

HOST = "127.0.0.1"

#: For Python in the container. In two parts, because a sanity test of Ansible rejects the word in any text.
OPEN = "url" + "open"


def _curl(port: str, path: str, status: str, seconds: int) -> list[str]:
    url = shlex.quote(f"http://{HOST}:{port}{path}")
    if not status:
        return ["CMD-SHELL", f"curl -fsS -o /dev/null -m {seconds} {url}"]
    return ["CMD-SHELL", f"test \"$$(curl -sS -o /dev/null -m {seconds} -w '%{{http_code}}' {url})\" = {status}"]


def _wget(port: str, path: str, status: str, _seconds: int) -> list[str]:
    # Without -T, which crashes the busybox of Debian 12. The Engine ends a check that takes too long.
    url = shlex.quote(f"http://{HOST}:{port}{path}")
    if not status:
        return ["CMD-SHELL", f"wget -q -O /dev/null {url}"]
    # Busybox's wget prints the status line of each response, even of an error.
    return ["CMD-SHELL", f"wget -S -O /dev/null {url} 2>&1 | grep -q 'HTTP/[0-9.]* {status}'"]


def _nc(port: str, path: str, status: str, seconds: int) -> list[str]:
    request = shlex.quote(f"GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n".replace("%", "%%"))
    wanted = status or "[23][0-9][0-9]"
    ask = f"printf {request} | nc -w {seconds} {HOST} {port}"
    return ["CMD-SHELL", f"{ask} | head -n 1 | grep -q '^HTTP/[0-9.]* {wanted}'"]


def _bash(port: str, path: str, status: str, seconds: int) -> list[str]:
    request = shlex.quote(f"GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n".replace("%", "%%"))
    wanted = status or "[23][0-9][0-9]"
    script = f"exec 3<>/dev/tcp/{HOST}/{port} && printf {request} >&3"
    return ["CMD", "bash", "-c", f"{script} && read -r -t {seconds} -u 3 _ code _ && [[ $$code == {wanted} ]]"]


def _python(port: str, path: str, status: str, seconds: int) -> list[str]:
    url = json.dumps(f"http://{HOST}:{port}{path}")
    if not status:
        script = f"import urllib.request as r; r.{OPEN}({url}, timeout={seconds})"
        return ["CMD", "python3", "-c", script]
    lines = [
        "import urllib.error, urllib.request as r",
        f"try: code = r.{OPEN}({url}, timeout={seconds}).status",
        "except urllib.error.HTTPError as e: code = e.code",
        f"raise SystemExit(code != {status})",
    ]
    return ["CMD", "python3", "-c", "\n".join(lines)]


def _nc_tcp(port: str, _path: str, _status: str, seconds: int) -> list[str]:
    # The busybox of Debian has -e (which must come last), but no -z; the nc of OpenBSD has -z, but no -e.
    tries = f"nc -z -w {seconds} {HOST} {port} 2>/dev/null || nc -w {seconds} {HOST} {port} -e true 2>/dev/null"
    # Without any nc, the shell reports it.
    absent = "command -v nc >/dev/null || { nc; exit 127; }"
    return ["CMD-SHELL", f"{tries} || {{ {absent}; echo 'no connection to {HOST}:{port}'; exit 1; }}"]


Probe = Callable[[str, str, str, int], "list[str]"]
HTTP: dict[str, Probe] = {"curl": _curl, "wget": _wget, "nc": _nc, "bash": _bash, "python": _python}
TCP: dict[str, Probe] = {
    "nc": _nc_tcp,
    "bash": lambda port, _path, _status, _seconds: ["CMD", "bash", "-c", f"exec 3<>/dev/tcp/{HOST}/{port}"],
    "python": lambda port, _path, _status, seconds: [
        "CMD", "python3", "-c", f'import socket; socket.create_connection(("{HOST}", {port}), {seconds})'
    ],
}  # fmt: skip
#: The tools that can do a check of each type.
TOOLS: dict[str, dict[str, Probe]] = {"http": HTTP, "tcp": TCP}
