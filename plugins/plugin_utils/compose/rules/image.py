# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each service needs an image, and its reference must be one (the grammar of distribution/reference)."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.look import Look, is_text

IMAGE_ID = re.compile(r"[0-9a-f]{64}\Z")
HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?\Z"
)
PART = re.compile(r"[a-z0-9]+(?:(?:[.]|__?|-+)[a-z0-9]+)*\Z")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}\Z")
DIGEST_LENGTH = {"sha256": 64, "sha384": 96, "sha512": 128}
LONGEST = 255


def check_images(look: Look) -> None:
    for name, service in look.services.items():
        image: Any = service.get("image")
        if "provider" in service:
            continue  # refused as a whole by the notices' table
        if not is_text(image) or not image.strip():
            _missing(look, name, service)
        else:
            fault = image_fault(image)
            if fault:
                look.problem(("services", name, "image"), f"invalid image reference: {fault}", _hint(image), "image")


def _missing(look: Look, name: str, service: Any) -> None:
    if "build" in service:
        hint = "build and push the image first and name it with image:"
        look.problem(
            ("services", name, "build"), f"Swarm does not build; service '{name}' needs image:", hint, "no_image"
        )
    elif "image" in service:
        hint = "is a variable unset?"
        look.problem(("services", name, "image"), f"the image of service '{name}' is empty", hint, "no_image")
    else:
        look.problem(("services", name), f"service '{name}' has no image", "name one with image:", "no_image")


def _hint(image: str) -> str:
    if image.startswith((":", "/")) or image.endswith((":", "/", "@")):
        return f"it {'begins' if image[0] in ':/' else 'ends'} with a separator: is a variable unset?"
    return "write it as name:tag, with the registry's host before it"


def image_fault(image: str) -> str:
    """What is wrong with an image reference, "" if nothing is."""
    if IMAGE_ID.match(image):
        return ""
    if image != image.strip() or re.search(r"\s", image):
        return "it has a blank in it"
    name, at, digest = image.partition("@")
    if at and not _is_digest(digest):
        return "its digest is not of the form sha256:… with 64 hexadecimal digits"
    path, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not TAG.match(tag):
        return "its tag is empty" if not tag else "its tag has characters that tags can't have"
    host, repository = _split_host(f"{path}{slash}{last}")
    if host and not HOST.match(host):
        return "its registry is no host name"
    if repository != repository.lower():
        return "its repository must be in lower case"
    if not repository or not all(PART.match(part) for part in repository.split("/")):
        return "its repository has an empty part, or characters that repositories can't have"
    return f"its name has more than {LONGEST} characters" if len(host) + len(repository) > LONGEST else ""


def _split_host(name: str) -> tuple[str, str]:
    """The registry and the repository; what stands before the first slash is a registry only if it looks like one."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first.lower() != first):
        return first, rest
    return "", name


def _is_digest(digest: str) -> bool:
    algorithm, _colon, value = digest.partition(":")
    return bool(DIGEST.match(digest)) and len(value) == DIGEST_LENGTH.get(algorithm, len(value))
