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
    return str(unpacked(package, [package], f"usr/bin/{name}") / "usr/bin" / name)


def unpacked(part: str, packages: list[str], last: str) -> Path:
    """Debian's packages, unpacked; ``last`` is a file of the last one. Skips the test where they can't be had."""
    root = PACKAGES / "tools" / part
    try:
        archives = Release("bookworm").download(packages)
        with locked(PACKAGES / "tools.lock"):
            if not (root / last).exists():
                unpack(archives, root)
    except (BedError, OSError) as error:
        pytest.skip(f"no {Path(last).name}: {error}")
    return root


def check(folder: Path, name: str, package: str, *arguments: str) -> str:
    """Runs a check of a tool in ``folder``; what it says, if it finds nothing."""
    command = [tool(name, package), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
