# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs and secrets: one source, a size that the Engine accepts, and a separate target in each service."""

from __future__ import annotations

from typing import Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    has_lost,
    is_text,
    items_of,
    mapping,
)

KINDS = ("configs", "secrets")
SOURCES = ("file", "content", "environment", "driver")
#: swarmkit's MaxSecretSize (at least one byte, less than this) and MaxConfigSize, in bytes.
LARGEST = {"secrets": 500 * 1024, "configs": 1000 * 1024}
#: The only keys that have a meaning for an external object.
EXTERNAL_KEYS = ("name", "external")


def check_objects(review: Review) -> None:
    for kind in KINDS:
        for key, entry in review.section(kind).items():
            if mapping(entry).get("external") is not True:
                _check_source(review, kind, key, mapping(entry))
                _check_size(review, kind, key)
        for name, service in review.services.items():
            _check_targets(review, kind, name, service)


def check_external(review: Review) -> None:
    """Reports options of external objects: the stack does not create them."""
    for kind in (*KINDS, "volumes"):
        for key, entry in review.section(kind).items():
            if mapping(entry).get("external") is not True:
                continue
            for option, value in mapping(entry).items():
                if option not in EXTERNAL_KEYS and not str(option).startswith("x-") and value not in (None, "", [], {}):
                    message = f"an external {kind[:-1]} can't have '{option}'"
                    review.problem((kind, key, option), message, "remove it, or remove external", "external")


def _check_source(review: Review, kind: str, key: str, entry: Mapping[str, object]) -> None:
    given = [source for source in SOURCES if entry.get(source) is not None]
    sources = ", ".join(("file", "content", "environment") + (("driver",) if kind == "secrets" else ()))
    if not given:
        hint = f"set one of {sources}, or external: true"
        review.problem((kind, key), f"the {kind[:-1]} has no content", hint, "no_content")
    elif len(given) > 1:
        message = f"the {kind[:-1]} has more than one source ({', '.join(given)})"
        review.problem((kind, key, given[1]), message, "keep one of them", "sources")


def _check_size(review: Review, kind: str, key: str) -> None:
    content = review.project.contents.get((kind, key))
    if content is None:
        return
    size = len(content)
    if size == 0:
        review.problem((kind, key), f"the {kind[:-1]} is empty, which the Engine rejects", "add content", "size")
    elif size >= LARGEST[kind]:
        hint = "split it, or put it in the image or a volume"
        message = f"the {kind[:-1]} has {size} bytes, the Engine accepts less than {LARGEST[kind]}"
        review.problem((kind, key), message, hint, "size")


def _check_targets(review: Review, kind: str, name: str, service: Mapping[str, object]) -> None:
    seen: Dict[str, int] = {}
    for index, item in items_of(service, kind):
        if has_lost(item, "source", "target"):
            continue
        target = _target(kind, item)
        if target in seen:
            message = f"two {kind} have the same target ({kind}[{seen[target]}] as well)"
            review.problem(
                ("services", name, kind, index), message, "give one of them another target", "duplicate_target"
            )
        seen.setdefault(target, index)


def _target(kind: str, item: Mapping[str, object]) -> str:
    target = item.get("target") if is_text(item.get("target")) else item.get("source")
    text = str(target)
    return text if text.startswith("/") else ("/run/secrets/" if kind == "secrets" else "/") + text
