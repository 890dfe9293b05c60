# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uses Python's own cache of compiled code (``__pycache__``) for imports of our plugins on the controller.

Ansible loads a plugin's own file with that cache, but compiles everything that the plugin imports from its collection
again in each play (``ansible.utils.collection_loader``): a third of our own time in a run without changes. See
docs/decisions/0078. An action plugin imports this file before any other file of ours.
"""

from __future__ import annotations

import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any, Dict, Optional, Sequence

PLUGINS = __name__[: -len("plugin_utils.loading.bytecode")]
OURS = (PLUGINS + "plugin_utils.", PLUGINS + "module_utils.")


class Finder:
    """Finds the files of OURS as Python finds any other file; leaves all other files to the finders after it."""

    def __init__(self) -> None:
        self._folders: Dict[str, FileFinder] = {}

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        for folder in path or () if name.startswith(OURS) else ():
            if folder not in self._folders:
                self._folders[folder] = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
            found = self._folders[folder].find_spec(name)
            if found is not None and found.loader is not None:
                return found
        return None


def _found_this(finder: object) -> bool:
    find: Any = getattr(finder, "find_spec", None)
    return find is not None and find(__name__, sys.modules[__package__].__path__) is not None


#: Right before Ansible's own finder, not first: finders of others before it (ansible-test, a debugger) stay first.
_place = next((place for place, finder in enumerate(sys.meta_path) if _found_this(finder)), None)
if _place is not None:
    sys.meta_path.insert(_place, Finder())
