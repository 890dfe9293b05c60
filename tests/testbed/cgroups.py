"""Control groups that Engines leave behind."""

from __future__ import annotations

import contextlib
from pathlib import Path

from .commands import wait_for
from .paths import BedError

MOUNT = Path("/sys/fs/cgroup")


def find(name: str) -> list[Path]:
    """Returns the group's folders, in every hierarchy of cgroup v1 and in v2."""
    return [path for path in (MOUNT / name, *MOUNT.glob(f"*/{name}")) if path.is_dir()]


def remove(name: str) -> None:
    """Removes the group and all groups below it. Its processes have ended, but the kernel may be a moment late."""
    with contextlib.suppress(BedError):
        wait_for(f"control group {name} to go", lambda: _remove_all(name), 5)


def _remove_all(name: str) -> bool:
    """Tries once in every hierarchy. Returns whether nothing is left."""
    for path in find(name):
        _remove(path)
    return not find(name)


def _remove(top: Path) -> None:
    for path in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()
    with contextlib.suppress(OSError):
        top.rmdir()
