"""Runs commands of the system, with errors that name the failed command."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence

from .paths import BedError

#: Required command -> its Debian package.
TOOLS = {"ip": "iproute2", "iptables": "iptables", "nsenter": "util-linux", "unshare": "util-linux", "gzip": "gzip"}


def run(
    argv: Sequence[str], check: bool = True, timeout: float | None = 300, **options: object
) -> subprocess.CompletedProcess:
    """Runs a command and captures its text output.

    Raises BedError with the command and the end of its output if it fails and ``check`` is set.
    """
    try:
        done = subprocess.run(
            list(argv), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **options
        )
    except FileNotFoundError as error:
        raise BedError(f"{argv[0]} is not installed: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise BedError(f"{' '.join(argv)} did not end within {timeout:g} s") from error
    if check and done.returncode:
        raise BedError(f"{' '.join(argv)} failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-2000:]}")
    return done


def apt_get(*argv: str) -> None:
    """Runs apt-get without questions, and waits for another apt-get to end."""
    run(
        ["apt-get", "-y", "-qq", "-o", "DPkg::Lock::Timeout=300", *argv],
        timeout=900,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
    )


def need_tools(extra_packages: Sequence[str] = ()) -> None:
    """Installs the Debian packages of missing commands, and libraries of the Engines."""
    missing = {package for command, package in TOOLS.items() if not shutil.which(command)}
    missing |= {package for package in extra_packages if not _installed(package)}
    if missing:
        apt_get("update")
        apt_get("install", "--no-install-recommends", *sorted(missing))


def _installed(package: str) -> bool:
    done = run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package], check=False)
    return done.stdout.startswith("ii")


def wait_for(what: str, ready: Callable[[], object], seconds: float, interval: float = 0.05) -> object:
    """Polls ``ready`` until its result is true, and returns this result.

    Raises BedError with ``what`` after ``seconds``. Does not catch errors of ``ready``.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise BedError(f"waited {seconds:g} s for {what} without success")
        time.sleep(interval)
