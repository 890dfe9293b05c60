# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a module's code available after its zip file was removed.

Ansible runs a module from a zip file, and removes the file when the module ends. The detached process lives longer, and
imports more.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import io
import sys
import zipfile
from typing import Any, Optional


class ZipImporter(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):  # type: ignore[misc]
    """Finds modules in the bytes of a zip file that was at ``archive``."""

    def __init__(self, archive: str, content: bytes) -> None:
        self._archive = archive
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self._names = frozenset(self._zip.namelist())

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> Any:
        """Returns the module's spec, None if the zip file does not have it."""
        if self._name(fullname) is None:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def get_filename(self, fullname: str) -> str:
        """Returns the former path of the module's code. Raises ImportError."""
        name = self._name(fullname)
        if name is None:
            raise ImportError(fullname)
        return f"{self._archive}/{name}"

    def get_data(self, path: object) -> bytes:
        """Returns the content of the file that was at ``path``. Raises OSError."""
        name = str(path)[len(self._archive) + 1 :]
        if name not in self._names:
            raise OSError(path)
        return self._zip.read(name)

    def _name(self, fullname: str) -> Optional[str]:
        base = fullname.replace(".", "/")
        return next((name for name in (f"{base}/__init__.py", f"{base}.py") if name in self._names), None)


def keep() -> None:
    """Reads the zip file of this code, if there is one, and imports from memory from now on. Raises OSError."""
    archive = getattr(getattr(sys.modules[__name__], "__loader__", None), "archive", None)
    if archive:
        with open(archive, "rb") as file:
            sys.meta_path.insert(0, ZipImporter(archive, file.read()))
