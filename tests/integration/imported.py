"""Files of modules that a process which forks has imported already, for the modules that it forks.

``Imports`` is a finder. In a fork it gives a module's import the object that the forking process has made of the same
file, if the module's own zip has this very file (by its checksum); its imports are repeated, so that a file that is
missing in this zip is missed. What a fork had to import itself it tells, with a copy of its zip; the forking process
imports it then, for later forks. See docs/decisions/0024.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import shutil
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from zipimport import zipimporter


@dataclass
class Known:
    """``imports``: what the file imports of Ansible and of collections while it is imported itself, in order."""

    module: ModuleType
    checksum: int
    imports: list[str] = field(default_factory=list)


class Imports:
    def __init__(self, folder: str, tell: Callable[[bytes], object]) -> None:
        self.known: dict[str, Known] = {}
        self.folder, self.tell, self.copy = folder, tell, ""
        self.ours = os.getpid()
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: object = None, _target: object = None) -> ModuleSpec | None:
        if not is_shared(name):
            return None
        spec = PathFinder.find_spec(name, path)
        known, checksum = self.known.get(name), checksum_of(spec)
        if checksum is None:
            return None
        if known is None and os.getpid() != self.ours:
            self._tell(name, spec.loader.archive)
        if known is None or known.checksum != checksum:
            return None
        ours = ModuleSpec(name, Again(self, known, spec), origin=spec.origin)
        ours.submodule_search_locations = spec.submodule_search_locations
        return ours

    def _tell(self, name: str, archive: str) -> None:
        with contextlib.suppress(OSError):
            if not self.copy:
                copy = os.path.join(
                    self.folder, f"{zlib.crc32(repr(sorted(zipimporter(archive)._files)).encode())}.zip"
                )
                if not os.path.exists(copy):
                    shutil.copyfile(archive, f"{copy}-{os.getpid()}")
                    os.replace(f"{copy}-{os.getpid()}", copy)
                self.copy = copy
            self.tell(json.dumps([name, self.copy]).encode())

    def add(self, told: bytes) -> None:
        """Imports what a fork has told of, in the process that forks."""
        name, archive = json.loads(told)
        if name in self.known or not os.path.exists(archive):
            return
        sys.path.insert(0, archive)
        imports: dict[str, list[str]] = {}
        real, builtins.__import__ = builtins.__import__, recording(builtins.__import__, imports)
        try:
            with contextlib.suppress(Exception), contextlib.redirect_stdout(None):
                importlib.import_module(name)
        finally:
            builtins.__import__ = real
            sys.path.remove(archive)
        mine = {each: sys.modules.pop(each) for each in list(sys.modules) if each.partition(".")[0] in PACKAGES}
        for each, module in mine.items():
            checksum = checksum_of(module.__spec__)
            if is_shared(each) and each not in self.known and checksum is not None:
                self.known[each] = Known(module, checksum, imports.get(each, []))
            # A package shows those of its parts that have been imported: each fork does so anew.
            for part in [part for part, value in vars(module).items() if mine.get(f"{each}.{part}", self) is value]:
                delattr(module, part)
        gc.freeze()


class Again:
    """The loader of what is known; ``spec`` is that of the module's own zip."""

    def __init__(self, imports: Imports, known: Known, spec: ModuleSpec) -> None:
        self.imports, self.known, self.spec = imports, known, spec

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        module = self.known.module
        module.__file__, module.__loader__ = self.spec.origin, self.spec.loader
        if self.spec.submodule_search_locations is not None:
            module.__path__ = self.spec.submodule_search_locations
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec
        if all(self._is_same(name) for name in self.known.imports):
            return
        fresh = importlib.util.module_from_spec(self.spec)
        sys.modules[self.spec.name] = fresh
        self.spec.loader.exec_module(fresh)

    def _is_same(self, name: str) -> bool:
        with contextlib.suppress(ImportError):
            there, known = importlib.import_module(name), self.imports.known.get(name)
            return known is None or known.module is there
        return False


PACKAGES = ("ansible", "ansible_collections")


def is_shared(name: str) -> bool:
    """Whether it is a file for modules; a module itself is run anew each time."""
    parts = name.split(".")
    return parts[0] in PACKAGES and "module_utils" in parts


def checksum_of(spec: ModuleSpec | None) -> int | None:
    """The CRC of a file's source, as the zip's directory says it; None if it comes from elsewhere."""
    if spec is None or not isinstance(spec.loader, zipimporter) or not spec.origin:
        return None
    entry = spec.loader._files.get(spec.origin[len(spec.loader.archive) + 1 :])
    return entry[7] if entry else None


def recording(real: Callable, imports: dict[str, list[str]]) -> Callable:
    """``__import__`` that notes who imports what."""

    def note(name, globals=None, locals=None, fromlist=(), level=0):
        importer = (globals or {}).get("__name__", "")
        found = real(name, globals, locals, fromlist, level)
        if importer.partition(".")[0] in PACKAGES:
            full = importlib.util.resolve_name("." * level + name, globals["__package__"]) if level else name
            parts = [f"{full}.{part}" for part in fromlist or () if f"{full}.{part}" in sys.modules]
            known = imports.setdefault(importer, [])
            known.extend(each for each in (full, *parts) if each.partition(".")[0] in PACKAGES and each not in known)
        return found

    return note
