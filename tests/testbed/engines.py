"""Docker engines of several versions, unpacked from Debian packages; nothing is installed or started."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from .commands import need_tools, run
from .packages import Release, unpack
from .paths import ENGINES, BedError, locked

#: Engine -> its Debian release and packages.
SOURCES = {
    "20.10": ("bookworm", ("docker.io", "containerd")),
    "26.1": ("trixie", ("docker.io", "docker-cli", "containerd")),
    "28.5": ("sid", ("docker.io", "docker-cli", "containerd")),
}
#: From the machine's own release for every Engine: later builds need a newer libc.
COMMON = ("bookworm", ("runc", "tini"))
#: Libraries that the engines link to.
LIBRARIES = ("libdevmapper1.02.1", "libsystemd0")
DEFAULT = "20.10"


def engine(version: str) -> Path:
    """Returns the folder with an Engine's programs (dockerd, docker, containerd, runc, ...), fetched if absent.

    Raises BedError if the Engine is not available.
    """
    if version not in SOURCES:
        raise BedError(f"unknown engine {version}: choose one of {', '.join(SOURCES)}")
    need_tools(LIBRARIES)
    folder = ENGINES / version
    with locked(ENGINES / f"{version}.lock"):
        if not folder.is_dir():
            _fetch(version, folder)
    return folder


def _fetch(version: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=ENGINES, prefix="part-") as scratch:
        root = Path(scratch) / "root"
        try:
            for release, packages in (SOURCES[version], COMMON):
                unpack(Release(release).download(packages), root)
        except BedError as error:
            raise BedError(f"engine {version} is not available from Debian {SOURCES[version][0]}: {error}") from error
        programs = Path(scratch) / "bin"
        programs.mkdir()
        for source in sorted((root / "usr").glob("*bin/*")):
            shutil.copy2(source, programs / source.name, follow_symlinks=True)
        shutil.copy2(programs / "tini-static", programs / "docker-init")
        found = run([str(programs / "dockerd"), "--version"]).stdout
        if not re.search(rf"\b{re.escape(version)}\.", found):
            raise BedError(f"engine {version} is not available: Debian {SOURCES[version][0]} now has {found.strip()}")
        programs.rename(folder)
