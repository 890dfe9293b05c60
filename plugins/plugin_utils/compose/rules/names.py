# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of services and of the stack's other objects (swarmkit's controlapi; CONVERSION.md 15)."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.scan import LEFT
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    OBJECTS,
    Review,
    deep,
    is_text,
    mapping,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.steps import environments
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_key

LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\Z")
OBJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\Z")
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+\Z")
LABEL_WORDS = "letters, digits, '-' and '_'; begin and end with a letter or digit"
OBJECT_WORDS = "letters, digits, '-', '_' and '.'; begin and end with a letter or digit"
VOLUME_WORDS = "letters, digits, '-', '_' and '.'; begin with a letter or digit"
#: Only the driver ``local`` creates folders with these names. The Engine does not check the names of other drivers.
OTHER_VOLUME = re.compile(r"[^/\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z")
OTHER_VOLUME_WORDS = "printable characters; don't begin with '/'"

#: The names that the Engine accepts for each kind: pattern, the pattern in words, maximum length.
KINDS: Mapping[str, Tuple[Any, str, int]] = {
    "services": (LABEL, LABEL_WORDS, 63),
    "networks": (LABEL, LABEL_WORDS, 63),
    "volumes": (VOLUME, VOLUME_WORDS, 255),
    "configs": (OBJECT, OBJECT_WORDS, 64),
    "secrets": (OBJECT, OBJECT_WORDS, 64),
}


def full_name(review: Review, kind: str, key: str, entry: object) -> str:
    """Returns the name in the Swarm: ``name``, the key of an external object, else STACK_key."""
    given = mapping(entry).get("name") if kind != "services" else None
    if given is not None and str(given).strip():
        return str(given)
    return key if mapping(entry).get("external") is True else f"{review.stack_name}_{key}"


def check_names(review: Review) -> None:
    for kind in ("services", *OBJECTS):
        for key, entry in review.section(kind).items():
            if mapping(entry).get("external") is not True:
                check_name(review, kind, key, entry, full_name(review, kind, key, entry))
    for kind in ("networks", "configs", "secrets"):
        _check_unique(review, kind)


def check_empty_keys(review: Review) -> None:
    """Reports variables and labels without a name, which the Engine or docker's own check refuses."""
    for kind in ("services", *OBJECTS):
        for name, entry in review.section(kind).items():
            given = [((*keys,), deep(entry, *keys)) for keys in (("labels",), ("deploy", "labels"))]
            for keys, holder in (*given, *environments(mapping(entry))):
                if "" in mapping(holder):
                    what = "variable" if keys[-1] == "environment" else "label"
                    review.problem((kind, name, *keys, ""), f"a {what} has no name", "write NAME=value", "name")


def _check_unique(review: Review, kind: str) -> None:
    """Reports two keys with one name in the Swarm. Two volumes with one name are one volume, which does no harm."""
    seen: Dict[str, str] = {}
    for key, entry in review.section(kind).items():
        if mapping(entry).get("external") is not True:
            name = full_name(review, kind, key, entry)
            if name in seen:
                message = f"the {kind[:-1]} '{shown_key(seen[name])}' has the same name '{shown_key(name)}'"
                review.problem((kind, key), message, "give one of them another name", "duplicate_name")
            seen.setdefault(name, key)


def check_name(review: Review, kind: str, key: str, entry: object, name: str) -> None:
    """Checks if the Engine accepts ``name``. A volume's name with a template is checked with each service instead."""
    if kind == "volumes" and LEFT in name:
        return
    pattern, words, longest = KINDS[kind]
    if kind == "volumes" and mapping(entry).get("driver") not in (None, "", "local"):
        pattern, words = OTHER_VOLUME, OTHER_VOLUME_WORDS
    own = kind != "services" and is_text(mapping(entry).get("name"))
    path = (kind, key, "name") if own else (kind, key)
    what = kind[:-1]
    if len(name) > longest:
        rest = "" if own else f" ('{shown_key(review.stack_name)}_' and the key)"
        hint = "choose a shorter name" if own else "choose a shorter key or stack name"
        message = f"the {what}'s name has {len(name)} characters{rest}, the Engine accepts {longest}"
        review.problem(path, message, hint, "name_too_long")
    elif not pattern.match(name):
        review.problem(path, f"the Engine does not accept '{shown_key(name)}' as a {what} name", f"use {words}", "name")
