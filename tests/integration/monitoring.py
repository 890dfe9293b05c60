"""Tools of Prometheus and its alertmanager, unpacked from Debian's packages; no bed is needed."""

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from testbed.packages import Release, unpack
from testbed.paths import PACKAGES, BedError, locked


@functools.cache
def tool(name: str, package: str) -> str:
    """The path of a tool. Where its package is neither installed nor to be had, the test is skipped."""
    installed = shutil.which(name)
    if installed:
        return installed
    root = PACKAGES / "tools" / package
    try:
        archives = Release("bookworm").download([package])
        with locked(PACKAGES / "tools.lock"):
            if not (root / "usr/bin" / name).exists():
                unpack(archives, root)
    except (BedError, OSError) as error:
        pytest.skip(f"no {name}: {error}")
    return str(root / "usr/bin" / name)


def check(folder: Path, name: str, package: str, *arguments: str) -> str:
    """Runs a check of a tool in ``folder``; what it says, if it finds nothing."""
    command = [tool(name, package), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
