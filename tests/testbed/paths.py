"""Where the test bed keeps its things, and locks on them.

Everything that lasts stands under the checkout's ``.cache/``; what dies with the machine's run (records of
processes, sockets: their path must be short) stands under ``/run/stackwright-testbed``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
#: Engines and images may be shared by several checkouts.
SHARED_CACHE = Path(os.environ.get("STACKWRIGHT_TESTBED_CACHE") or CACHE)
ENGINES = SHARED_CACHE / "engines"
PACKAGES = SHARED_CACHE / "packages"
IMAGES = SHARED_CACHE / "images"
CADDIES = SHARED_CACHE / "caddy"
BEDS = CACHE / "testbed"
RUN = Path("/run/stackwright-testbed")


class BedError(Exception):
    """The test bed can't do what was asked; the message says what to do."""


@contextlib.contextmanager
def locked(name: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file ``name`` (made if absent); other processes wait."""
    name.parent.mkdir(parents=True, exist_ok=True)
    with name.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def text(path: Path) -> str:
    """The file's text, empty where it can't be read (a process that has gone, for one)."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
