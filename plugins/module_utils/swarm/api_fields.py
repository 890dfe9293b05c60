# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of a ServiceSpec that are newer than API 1.41 (Engine 20.10), the oldest that we support.

An older Engine silently drops such a field, so the planner warns about it.
Source: the Engine's API changelog, and trials on 20.10, 26.1 and 28.5.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Tuple

Path = Tuple[object, ...]
Version = Tuple[int, int]

_CONTAINER = ("TaskTemplate", "ContainerSpec")
_MOUNT = _CONTAINER + ("Mounts", "*")

#: Path pattern (``*`` is any item of a list) and the lowest API that knows it.
SINCE: Tuple[Tuple[Path, Version], ...] = (
    (_CONTAINER + ("Healthcheck", "StartInterval"), (1, 44)),
    (_CONTAINER + ("Privileges", "NoNewPrivileges"), (1, 44)),
    (_CONTAINER + ("Privileges", "Seccomp"), (1, 44)),
    (_CONTAINER + ("Privileges", "AppArmor"), (1, 44)),
    (_MOUNT + ("BindOptions", "ReadOnlyNonRecursive"), (1, 44)),
    (_MOUNT + ("BindOptions", "ReadOnlyForceRecursive"), (1, 44)),
    (_MOUNT + ("VolumeOptions", "Subpath"), (1, 45)),
    (_MOUNT + ("TmpfsOptions", "Options"), (1, 46)),
    (_CONTAINER + ("OomScoreAdj",), (1, 46)),
    (_MOUNT + ("ImageOptions",), (1, 48)),
)

#: The first Engine with an API, for messages.
ENGINES: Mapping[Version, str] = {(1, 44): "25.0", (1, 45): "26.0", (1, 46): "27.0", (1, 48): "28.0"}


def too_new(spec: Mapping[str, object], api: Version) -> List[Tuple[Path, Version]]:
    """Returns the paths in ``spec`` that an Engine with ``api`` does not know, each with the API that added it.

    A field with its zero value has no effect and is not listed.
    """
    return [
        (path, since) for pattern, since in SINCE if api < since for path, value in _matches(spec, pattern) if value
    ]


def explain(path: Path, since: Version) -> str:
    """Returns the requirement of a field: ``OomScoreAdj needs API 1.46 (Engine 27.0)``."""
    name = ".".join(str(part) for part in path if part not in _CONTAINER)
    return f"{name} needs API {since[0]}.{since[1]} (Engine {ENGINES[since]})"


def _matches(value: object, pattern: Path, path: Path = ()) -> Iterator[Tuple[Path, Any]]:
    if not pattern:
        yield path, value
    elif pattern[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _matches(item, pattern[1:], path + (index,))
    elif isinstance(value, dict) and pattern[0] in value:
        yield from _matches(value[pattern[0]], pattern[1:], path + (pattern[0],))
