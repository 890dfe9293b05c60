# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of services as data."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Path, locate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of

#: Top-level keys that are not categories. Keys that begin with ``x-`` are not categories either.
TOP = ("configs", "domain", "networks", "phases", "secrets", "volumes")
#: The domain of all subdomains if the registry has no ``domain``.
DOMAIN = "${DOMAIN}"


@dataclass(frozen=True)
class Source:
    """One file of a registry: the registry itself, or an overlay of an environment."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Finding(Problem):
    """A problem or a warning, and its service ("" if it is not about one)."""

    service: str = ""


class RegistryError(ComposeError):
    """The registry can't be used; ``problems`` holds every ``Finding`` of the run."""

    default_code = "invalid_registry"
    subject = "the registry"


@dataclass(frozen=True)
class Phase:
    """A step of the rollout. Phases of one ``order`` roll out together; ``timeout`` is in seconds or None."""

    name: str
    order: int
    description: str = ""
    timeout: int | None = None


@dataclass(frozen=True)
class Service:
    """One service. ``keys`` are its keys with their places, after overlays were merged."""

    name: str
    category: str
    keys: Map
    mark: Mark

    @property
    def image(self) -> str:
        """The image with its tag."""
        image, version = text_of(self.keys.get("image")), text_of(self.keys.get("version"))
        between = "@" if version.startswith("sha256:") else ":"
        return f"{image}{between}{version}" if version else image

    @property
    def version(self) -> str:
        """The tag or the digest of the image; "" if it has none."""
        version = text_of(self.keys.get("version"))
        image = text_of(self.keys.get("image"))
        return version or image.partition("@")[2] or _tag(image)

    @property
    def phase(self) -> str:
        return text_of(self.keys.get("phase"))

    @property
    def depends_on(self) -> dict[str, str]:
        """The dependencies with their conditions, in the order of the registry."""
        needed = self.keys.get("depends_on") or {}
        if isinstance(needed, list):
            return {text_of(name): "service_started" for name in needed}
        return {
            name: text_of((entry or {}).get("condition")) or "service_started" if isinstance(entry, dict) else ""
            for name, entry in needed.items()
        }

    def path(self, *below: Any) -> Path:
        """Returns the path of one of its keys in ``Registry.tree``."""
        return (self.category, self.name, *below)


@dataclass(frozen=True)
class Registry:
    """All services, in the order of the file.

    ``tree`` is the merged document with the place of each key. If two services have one name, the second is only in
    ``tree``.
    """

    path: str
    tree: Map
    services: dict[str, Service]
    phases: dict[str, Phase]

    @functools.cached_property
    def categories(self) -> dict[str, list[Service]]:
        """The services by category."""
        found: dict[str, list[Service]] = {}
        for service in self.services.values():
            found.setdefault(service.category, []).append(service)
        return found

    @property
    def domain(self) -> str:
        return text_of(self.tree.get("domain")) or DOMAIN

    def section(self, name: str) -> Mapping[str, Any]:
        """Returns the definitions of ``networks``, ``volumes``, ``secrets`` or ``configs`` by name."""
        found = self.tree.get(name)
        return found if isinstance(found, dict) else {}

    def steps(self) -> list[tuple[int, list[str], list[str]]]:
        """Returns the rollout: for each order its phases and their services, in the order of the registry.

        Services without a phase come last, with order 0 and no phase.
        """
        orders = sorted({phase.order for phase in self.phases.values()})
        found: list[tuple[int, list[str], list[str]]] = []
        for order in orders:
            phases = [phase.name for phase in self.phases.values() if phase.order == order]
            found.append((order, phases, [s.name for s in self.services.values() if s.phase in phases]))
        others = [service.name for service in self.services.values() if service.phase not in self.phases]
        return [*found, *([(0, [], others)] if others else [])]

    def mark(self, path: Path) -> Mark:
        return locate(self.tree, path)

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the content of the registry, without comments and layout."""
        return "sha256:" + hashlib.sha256(json.dumps(_data(self.tree)).encode()).hexdigest()


def _data(node: object) -> Any:
    if isinstance(node, dict):
        return [[key, _data(value)] for key, value in node.items()]
    if isinstance(node, list):
        return {"list": [_data(value) for value in node]}
    return None if node is None else [type(node).__name__, text_of(node)]


def _tag(image: str) -> str:
    last = image.rpartition("/")[2]
    return "" if "$" in last else last.partition(":")[2]
