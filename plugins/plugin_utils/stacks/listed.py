# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``stacks`` of compose_stack: from dictionaries and folders to the options of each stack."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Dict, List

import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

#: The names of a Compose file, in the order in which Compose searches for them.
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
#: The file with the options of a stack in its folder, and those options that are paths.
OPTIONS_FILE, PATHS = "stack.yml", ("src", "env_files")
#: Options that can't apply to several stacks.
OF_ONE = ("name", "src", "definition", "plan_id")
#: Options that can't be used with a list; check mode shows its changes.
NEVER = ("on_changes",)


class StackListError(StackwrightError):
    """The list of stacks can't be used: ``invalid_stack_list``, ``duplicate_stack``."""

    default_code = "invalid_stack_list"


def each_stack(given: Sequence[object], find: Callable[[str], str], own: Sequence[str]) -> List[Dict[str, Any]]:
    """Returns the options that are set for each stack, with ``after``.

    :param find: returns the path of a folder on the controller; raises StackwrightError if it doesn't exist.
    :param own: the options of the task that a stack doesn't have.
    :raises StackListError: with all mistakes.
    """
    found: List[Dict[str, Any]] = []
    mistakes: List[str] = []
    for number, entry in enumerate(given):
        if isinstance(entry, str):
            found += _in_folder(find(entry), mistakes)
        elif isinstance(entry, Mapping):
            found.append(_checked(dict(entry), f"stacks[{number}]", mistakes))
        else:
            mistakes.append(f"stacks[{number}] must be a dictionary of options, or the path of a folder.")
    for entry in found:
        wrong = [name for name in entry if name in (*own, *NEVER)]
        if wrong:
            mistakes.append(f"stack {entry.get('name')}: {', '.join(wrong)} can't be set for a stack in a list.")
    if mistakes:
        raise StackListError("\n".join([*mistakes, "Nothing was changed."]))
    return found


def shared(arguments: Mapping[str, object], own: Sequence[str]) -> Dict[str, Any]:
    """Returns the options of the task that apply to each stack. Raises StackListError.

    :param own: the options of the task that a stack doesn't have.
    """
    wrong = [name for name in (*OF_ONE, *NEVER) if name in arguments]
    if wrong:
        raise StackListError(
            f"{', '.join(wrong)} can't be used with stacks. Set options of one stack in its dictionary."
        )
    return {name: value for name, value in arguments.items() if name not in own}


def merged(every: Mapping[str, object], one: Mapping[str, object]) -> Dict[str, Any]:
    """Returns the options of a stack: its own over those for every stack. Dictionaries are merged by their keys."""
    found = {name: value for name, value in one.items() if name != "after"}
    for name, value in every.items():
        given = found.get(name, value)
        found[name] = {**value, **given} if isinstance(value, Mapping) and isinstance(given, Mapping) else given
    return found


def _checked(entry: Dict[str, object], where: str, mistakes: List[str]) -> Dict[str, Any]:
    after = entry.get("after") or []
    after = [after] if isinstance(after, str) else after
    if not isinstance(after, list) or not all(isinstance(name, str) for name in after):
        mistakes.append(f"{where}: after must be a list of names of stacks.")
        after = []
    if not isinstance(entry.get("name"), str) or not entry["name"]:
        mistakes.append(f"{where}: name is missing: set it to the name of the stack.")
    return {**entry, "after": list(after)}


def _in_folder(folder: str, mistakes: List[str]) -> List[Dict[str, Any]]:
    if not os.path.isdir(folder):
        mistakes.append(f"{folder} is not a folder with one sub-folder per stack.")
        return []
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        mistakes.append(f"{folder} has no sub-folders: create one per stack.")
    return [_of_folder(os.path.join(folder, name), name, mistakes) for name in names]


def _of_folder(folder: str, name: str, mistakes: List[str]) -> Dict[str, Any]:
    entry = {"name": name, **_options_in(os.path.join(folder, OPTIONS_FILE), mistakes)}
    for option in PATHS:
        paths = entry.get(option, [])
        paths = [paths] if isinstance(paths, str) else paths
        if paths and isinstance(paths, list):
            entry[option] = [os.path.join(folder, str(path)) for path in paths]
    if "src" not in entry and "definition" not in entry and entry.get("state", "present") == "present":
        existing = [file for file in COMPOSE_FILES if os.path.exists(os.path.join(folder, file))]
        if existing:
            entry["src"] = [os.path.join(folder, existing[0])]
        else:
            mistakes.append(f"{folder} has no Compose file ({', '.join(COMPOSE_FILES)}).")
    return _checked(entry, folder, mistakes)


def _options_in(path: str, mistakes: List[str]) -> Dict[str, Any]:
    try:
        found = yaml.safe_load(LocalFiles().read(path)) or {}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        mistakes.append(f"{path} can't be read: {error}")
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        mistakes.append(f"{path} must be a dictionary of options.")
        return {}
    return found
