# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses image names as Docker does, by the grammar of distribution/reference. No other code parses them."""

from __future__ import annotations

import functools
import re
from typing import List, NamedTuple, Tuple

HUB = "docker.io"
#: The longest registry and repository together; newer Engines count the repository alone.
LONGEST = 255

_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}\Z")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?\Z")
_PART = re.compile(r"[a-z0-9]+(?:(?:[.]|__?|-+)[a-z0-9]+)*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
#: The digests that each Engine supports.
_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})\Z")


class ImageName(NamedTuple):
    """A complete name: ``registry`` is docker.io and ``path`` begins with library/ if the text omits that."""

    registry: str
    path: str
    tag: str  # empty if there is none
    digest: str  # empty if there is none

    @property
    def repository(self) -> str:
        """The name as Docker shows it, without tag and digest: ``nginx``, ``registry.example:5000/app``."""
        if self.registry != HUB:
            return f"{self.registry}/{self.path}"
        library, _slash, rest = self.path.partition("/")
        short = rest if library == "library" and "/" not in rest else self.path
        # Docker shortens docker.io/a.example/app to the name of an image in another registry, so keep docker.io.
        return short if _split(short) == (HUB, self.path) and not _ID.match(short) else f"{HUB}/{self.path}"

    @property
    def familiar(self) -> str:
        """The name as in a spec: with the tag latest if it has neither tag nor digest."""
        tag = self.tag or ("" if self.digest else "latest")
        short = self.repository + (f":{tag}" if tag else "")
        short = f"{HUB}/{self.path}:{tag}" if _ID.match(short) else short
        return short + (f"@{self.digest}" if self.digest else "")


def is_id(text: str) -> bool:
    """Whether this is an image ID, which no registry knows."""
    return bool(_ID.match(text))


def is_registry(text: str) -> bool:
    """Whether this is a host with or without a port, as before an image's first slash."""
    return bool(_HOST.match(text))


@functools.lru_cache(maxsize=1024)  # it is called several times per service, often with the same image
def parse(text: str) -> ImageName:
    """Parses an image's name. Raises ValueError with the fault."""
    if re.match(r"[0-9a-f]{64}\Z", text):
        raise ValueError("it is an image ID")
    if re.search(r"\s", text):
        raise ValueError("it contains a space")
    name, at, digest = text.partition("@")
    if at and not _DIGEST.match(digest):
        raise ValueError("its digest is not of the form sha256:… with 64 hexadecimal digits")
    registry, rest = _split(name)
    path, colon, tag = rest.partition(":")
    if not _HOST.match(registry):
        raise ValueError("its registry is not a valid host name")
    if colon and not _TAG.match(tag):
        raise ValueError("its tag contains invalid characters" if tag else "its tag is empty")
    if path != path.lower():
        raise ValueError("its repository must be in lower case")
    if not all(_PART.match(part) for part in path.split("/")):
        raise ValueError("its repository has an empty part or invalid characters")
    if len(registry) + 1 + len(path) > LONGEST:
        raise ValueError(f"its name has more than {LONGEST} characters")
    return ImageName(registry, path, tag, digest)


def registry_of(image: str) -> str:
    """Returns the registry of an image; empty for an ID, and for an invalid name."""
    if is_id(image):
        return ""
    try:
        return parse(image).registry
    except ValueError:
        return ""


def _split(name: str) -> Tuple[str, str]:
    """Returns the registry, and the rest. The text before the first slash must look like a registry."""
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        first, rest = HUB, name
    if first in (HUB, "index.docker.io"):
        return HUB, rest if "/" in rest else f"library/{rest}"
    return first, rest


def names_of(image: str) -> List[str]:
    """Returns the names by which a node's Engine lists a service's image: by tag, by digest, or both."""
    try:
        name = parse(image)
    except ValueError:
        return [image]
    tagged = f"{name.repository}:{name.tag or 'latest'}"
    if not name.digest:
        return [tagged]
    return [f"{name.repository}@{name.digest}"] + ([tagged] if name.tag else [])
