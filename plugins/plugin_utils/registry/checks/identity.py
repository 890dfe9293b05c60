# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the image, container name and restart of each service."""

from __future__ import annotations

import re

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import settled
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import Unquoted, text_of

#: Tags that usually move to newer images.
MOVING = frozenset(("latest", "main", "master", "edge", "nightly", "stable", "dev", "develop", "testing", "unstable"))
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z|sha256:[0-9a-f]{64}\Z")
_IMAGE = re.compile(r"[A-Za-z0-9._:/@\[\]-]+\Z")


def check_identity(registry: Registry, findings: Findings) -> None:
    names: dict[str, Service] = {}
    for service in registry.services.values():
        _check_image(service, findings)
        _check_restart(service, findings)
        container = text_of(service.keys.get("container_name"))
        if container:
            first = names.setdefault(container, service)
            if first is not service:
                message = f"the container name '{container}' already belongs to '{first.name}' (line {first.mark.line})"
                findings.problem(service.path("container_name"), message, "choose another name", "container_name_taken")


def _check_image(service: Service, findings: Findings) -> None:
    image, version = text_of(service.keys.get("image")), text_of(service.keys.get("version"))
    if not image:
        return
    path = service.path("version" if version else "image")
    plain = settled(image)
    if plain is not None and not (_IMAGE.match(plain) and not plain.startswith(("-", "/", ":"))):
        findings.problem(service.path("image"), "the image's name is not valid", "write [HOST/]NAME", "image")
        return
    own = "" if "$" in image else image.partition("@")[2] or image.rpartition("/")[2].partition(":")[2]
    if version and own:
        message = f"the image has the tag '{own}', and the service a version"
        findings.problem(path, message, "keep one of the two; best is 'version'", "version_twice")
        return
    tag = settled(version) if version else own
    if tag is None or (not version and "$" in image):
        return  # the tag comes from a variable
    if tag and not _TAG.match(tag):
        findings.problem(
            path, "the version is neither a tag nor a digest", "use letters, digits, '.', '_', '-'", "version"
        )
    elif (not tag and "version" not in service.keys.lost) or tag.lower() in MOVING:
        what = f"'{tag}' refers to another image each time it is pushed" if tag else "no version: this means 'latest'"
        findings.warning(path, what, 'pin a version, such as "1.4.2"', "unpinned")


def _check_restart(service: Service, findings: Findings) -> None:
    restart = service.keys.get("restart")
    path: Path = service.path("restart")
    if restart is True or restart is False or isinstance(restart, Unquoted):
        message = f"'restart: {text_of(restart)}' without quotes is true or false to many readers of YAML"
        word = "no" if restart is False or text_of(restart).lower() in ("no", "n", "off", "false") else "always"
        findings.problem(path, message, f'write restart: "{word}"', "restart_unquoted")
