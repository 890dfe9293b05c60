# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References of images, normalised as the API client does (distribution/reference: TagNameOnly, FamiliarString)."""

from __future__ import annotations

import re

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import text

_COMPONENT = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)"
_DOMAIN = rf"(?:{_COMPONENT}(?:\.{_COMPONENT})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PATH}(?:/{_PATH})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?\Z",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}\Z")
_SHA256 = re.compile(r"sha256:[a-f0-9]{64}\Z")
_DEFAULT_DOMAIN = "docker.io"


def image(scope: Scope) -> str:
    """Return the image as it goes into the ContainerSpec."""
    written = text(scope.service, "image", scope.path())
    if not written or not written.strip():
        if scope.service.get("build") is not None:
            hint = "Build and push it first, then name it with 'image'; Swarm's nodes pull images and build none."
        else:
            hint = "Add 'image'."
        raise scope.invalid("the service has no image", hint=hint, code="image_missing")
    normal = normalise(written)
    if normal is None:
        raise scope.invalid(
            f"{written!r} is no reference of an image",
            "image",
            hint="Write [REGISTRY/]NAME[:TAG][@DIGEST], the name in lower case.",
            code="image_invalid",
        )
    return normal


def normalise(reference: str) -> str | None:
    """Return the familiar form with a tag (``nginx`` gives ``nginx:latest``), or None if it is no reference.

    An image's id (64 hex digits) stays as it is.
    """
    if _IDENTIFIER.match(reference) or _SHA256.match(reference):
        return reference
    domain, name = _split_domain(reference)
    match = _REFERENCE.match(domain + "/" + name)
    if not match or match.group("domain") != domain or len(domain) + 1 + len(match.group("path")) > 255:
        return None
    path, tag, digest = match.group("path", "tag", "digest")
    if digest and digest.startswith("sha256:") and not _SHA256.match(digest):
        return None
    if domain == _DEFAULT_DOMAIN:
        parts = path.split("/")
        familiar = parts[1] if len(parts) == 2 and parts[0] == "library" else path
    else:
        familiar = domain + "/" + path
    if not tag and not digest:
        tag = "latest"
    return familiar + (":" + tag if tag else "") + ("@" + digest if digest else "")


def _split_domain(reference: str) -> tuple[str, str]:
    first, slash, rest = reference.partition("/")
    if not slash or not (set(first) & set(".:") or first == "localhost" or first.lower() != first):
        domain, name = _DEFAULT_DOMAIN, reference
    else:
        domain, name = first, rest
    if domain == "index.docker.io":
        domain = _DEFAULT_DOMAIN
    if domain == _DEFAULT_DOMAIN and "/" not in name:
        name = "library/" + name
    return domain, name
