# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs and secrets: one source each, a size that the Engine takes, and no file of a service written twice."""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Look,
    has_lost,
    is_text,
    items_of,
    mapping,
)

KINDS = ("configs", "secrets")
SOURCES = ("file", "content", "environment", "driver")
#: swarmkit's MaxSecretSize (at least one byte, less than this) and MaxConfigSize, in bytes.
LARGEST = {"secrets": 500 * 1024, "configs": 1000 * 1024}
#: What of an external object's entry still means something.
EXTERNAL_KEYS: Mapping[str, Tuple[str, ...]] = {
    "configs": ("name", "external"),
    "secrets": ("name", "external"),
    "volumes": ("name", "external"),
}


def check_objects(look: Look) -> None:
    contents = getattr(look.project, "contents", None) or {}
    for kind in KINDS:
        for key, entry in look.section(kind).items():
            if mapping(entry).get("external") is not True:
                _check_source(look, kind, key, mapping(entry))
                _check_size(look, kind, key, contents.get((kind, key)))
        for name, service in look.services.items():
            _check_targets(look, kind, name, service)


def check_external(look: Look) -> None:
    """Options of an object that was made elsewhere contradict it."""
    for kind, meaningful in EXTERNAL_KEYS.items():
        for key, entry in look.section(kind).items():
            if mapping(entry).get("external") is not True:
                continue
            for option, value in mapping(entry).items():
                if option not in meaningful and not str(option).startswith("x-") and value not in (None, "", [], {}):
                    message = f"an external {kind[:-1]} can't have '{option}'"
                    look.problem((kind, key, option), message, "remove it, or remove external", "external")


def _check_source(look: Look, kind: str, key: str, entry: Mapping[str, object]) -> None:
    given = [source for source in SOURCES if entry.get(source) is not None]
    sources = ", ".join(("file", "content", "environment") + (("driver",) if kind == "secrets" else ()))
    if not given:
        hint = f"set one of {sources}, or external: true"
        look.problem((kind, key), f"the {kind[:-1]} has no content", hint, "no_content")
    elif len(given) > 1:
        message = f"the {kind[:-1]} has more than one source ({', '.join(given)})"
        look.problem((kind, key, given[1]), message, "keep one of them", "sources")


def _check_size(look: Look, kind: str, key: str, content: object) -> None:
    if not isinstance(content, (bytes, str)):
        return
    size = len(content.encode() if isinstance(content, str) else content)
    if size == 0:
        look.problem((kind, key), f"the {kind[:-1]} is empty, which the Engine rejects", "add content", "size")
    elif size >= LARGEST[kind]:
        hint = "split it, or put it in the image or a volume"
        message = f"the {kind[:-1]} has {size} bytes, the Engine accepts less than {LARGEST[kind]}"
        look.problem((kind, key), message, hint, "size")


def _check_targets(look: Look, kind: str, name: str, service: Mapping[str, object]) -> None:
    seen: Dict[str, int] = {}
    for index, item in items_of(service, kind):
        if has_lost(item, "source", "target"):
            continue
        target = _target(kind, item)
        if target in seen:
            message = f"two {kind} have the same target ({kind}[{seen[target]}] as well)"
            look.problem(
                ("services", name, kind, index), message, "give one of them another target", "duplicate_target"
            )
        seen.setdefault(target, index)


def _target(kind: str, item: Mapping[str, object]) -> str:
    target = item.get("target") if is_text(item.get("target")) else item.get("source")
    text = str(target)
    return text if text.startswith("/") else ("/run/secrets/" if kind == "secrets" else "/") + text
