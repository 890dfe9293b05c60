"""The folders of the test bed, and locks on them.

Lasting files are in the checkout's ``.cache/``. Records of processes and sockets, which end with the machine's run, are
in ``/run/stackwright-testbed``: a socket's path must be short.
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
    """The test bed can't carry out a request; the message says what to do."""


@contextlib.contextmanager
def locked(name: Path) -> Iterator[None]:
    """Holds an exclusive lock on the file ``name``, which is created if absent; other processes wait."""
    name.parent.mkdir(parents=True, exist_ok=True)
    with name.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def text(path: Path) -> str:
    """Returns the file's text, empty if it can't be read (for example of a process that has ended)."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
