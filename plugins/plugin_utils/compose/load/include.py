# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``include``: whole projects. Each is loaded in its own directory with its own variables, then added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import (
    is_scalar,
    text_list,
    wrong_type,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.variables import with_env_files
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.disk import refuse_remote
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import (
    FileReader,
    FileRefused,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.posix_paths import directory_of, join
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import SHARED, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq, to_plain, untagged

_SECTIONS = ("services", "networks", "volumes", "configs", "secrets", "models")


@dataclass(frozen=True)
class Inclusion:
    """One entry of ``include``: absolute paths, the project's directory, its env files (None: the default)."""

    paths: tuple[str, ...]
    directory: str
    env_files: tuple[str, ...] | None
    place: Place


LoadInclusion = Callable[[Inclusion], "Map | None"]


def apply_include(tree: Map, directory: str, place: Place, load_inclusion: LoadInclusion) -> Map:
    """Adds the resources of all included projects; changes ``tree``. Reports different resources with one name."""
    if "include" not in tree:
        return tree
    entries = tree["include"]
    here = place.at(tree, "include")
    tree.drop("include")
    if not isinstance(entries, Seq):
        wrong_type(entries, here, "a list")
        return tree
    for index, entry in enumerate(entries):
        inclusion = _parse(entry, directory, here.at(entries, index))
        included = load_inclusion(inclusion) if inclusion else None
        if inclusion is not None and included is not None:
            _import(tree, included, inclusion.place)
        else:
            tree.mark_lost(*_SECTIONS)
    return tree


def variables_of(inclusion: Inclusion, variables: Mapping[str, str], reader: FileReader) -> dict[str, str]:
    """Returns the variables of an included project: its parent's, and those of its env files (default: ``.env``)."""
    inclusion.place.spend(SHARED * len(variables))
    env_files = inclusion.env_files
    if env_files is None:
        default = join(inclusion.directory, ".env")
        try:
            reader.read(default)
        except FileRefused:
            pass  # reported below
        except (OSError, ValueError):
            return dict(variables)
        env_files = (default,)
    return with_env_files(variables, [(path, inclusion.place) for path in env_files], reader)


def is_refused(inclusion: Inclusion, reader: FileReader) -> bool:
    """Returns whether the reader refuses the folder of an included project, and reports it."""
    try:
        reader.read(inclusion.directory)
    except FileRefused as error:
        message = f"its project_directory {inclusion.directory} {error.strerror}"
        inclusion.place.problem(message, hint=error.hint, code=error.code)
        return True
    except (OSError, ValueError):
        pass  # a folder can't be read as a file; problems of the files in it are reported when they are read
    return False


def _parse(entry: object, directory: str, place: Place) -> Inclusion | None:
    if is_scalar(entry):
        if refuse_remote(str(entry), place):
            return None
        path = join(directory, str(entry))
        return Inclusion((path,), directory_of(path), None, place)
    if not isinstance(entry, Map) or entry.get("path") is None:
        wrong_type(entry, place, "a path, or a mapping with 'path'")
        return None
    paths = text_list(entry["path"], place.at(entry, "path"))
    if not isinstance(paths, Seq) or not paths or any(refuse_remote(str(path), place) for path in paths):
        return None
    absolute = tuple(join(directory, str(path)) for path in paths)
    own = entry.get("project_directory")
    base = join(directory, own) if isinstance(own, str) and own else directory_of(absolute[0])
    env_files = None
    if entry.get("env_file") is not None:
        listed = text_list(entry["env_file"], place.at(entry, "env_file"))
        env_files = tuple(join(directory, str(path)) for path in listed) if isinstance(listed, Seq) else ()
    return Inclusion(absolute, base, env_files, place)


def _import(tree: Map, included: Map, place: Place) -> None:
    tree.mark_lost(*included.lost)
    for section in _SECTIONS:
        resources = included.get(section)
        if not isinstance(resources, Map):
            continue
        if not isinstance(tree.get(section), Map):
            tree.put(section, Map(resources.start), place.mark)
        target = tree[section]
        for key, value in resources.items():
            if key not in target:
                target.put(key, untagged(value), resources.mark(key))
            elif to_plain(target[key]) != to_plain(value):
                other = target.mark(key)
                place.problem(
                    f"includes {section}.{key}, which {other.file}:{other.line} defines differently",
                    hint="rename one of them, or change the included one in an override file",
                    code="include_conflict",
                )
