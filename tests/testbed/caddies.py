"""The Caddy program in several versions, unpacked from Debian packages, for tests outside a Swarm."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from .commands import run
from .packages import Release, unpack
from .paths import CADDIES, BedError, locked

#: Version -> the Debian release that has it.
SOURCES = {"2.6": "bookworm", "2.11": "sid"}


def caddy(version: str) -> Path:
    """Returns the path of the program, fetched if absent. Raises BedError if Debian does not have it."""
    if version not in SOURCES:
        raise BedError(f"unknown Caddy {version}: choose one of {', '.join(SOURCES)}")
    program = CADDIES / version / "caddy"
    with locked(CADDIES / f"{version}.lock"):
        if not program.exists():
            _fetch(version, program)
    return program


def _fetch(version: str, program: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CADDIES, prefix="part-") as scratch:
        root = Path(scratch) / "root"
        unpack(Release(SOURCES[version]).download(["caddy"]), root)
        found = run([str(root / "usr/bin/caddy"), "version"]).stdout
        if not re.match(rf"v?{re.escape(version)}\.", found):
            raise BedError(f"Caddy {version} is not available: Debian {SOURCES[version]} now has {found.strip()}")
        program.parent.mkdir(exist_ok=True)
        shutil.move(str(root / "usr/bin/caddy"), program)
