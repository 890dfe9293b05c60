# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of a deployment: texts for the metadata of its revision, and the changes since."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of

#: Limits of metadata (plugin_utils/compiling/metadata.py): the length of an entry, and the entries for services.
_LONGEST, _MOST = 500, 12
#: Keys that do not change a deployment.
_NO_EFFECT = frozenset(("description", "security_note", "tags", "phase_order"))
_SERVICES = "registry_services"


def metadata_of(registry: Registry, commit: Mapping[str, str]) -> dict[str, str]:
    """Returns ``registry`` (the file), ``registry_checksum``, ``registry_commit`` (git), and digests of services."""
    found = {"registry": posixpath.basename(registry.path)[:_LONGEST], "registry_checksum": registry.checksum}
    if commit.get("id"):
        branch = f" ({commit['branch']})" if commit.get("branch") else ""
        found["registry_commit"] = f"{commit['id']}{branch}"[:_LONGEST]
    parts = [""]
    for service in registry.services.values():
        entry = f"{service.name}={digest_of(service)}"
        if len(parts[-1]) + 1 + len(entry) > _LONGEST:
            parts.append("")
        parts[-1] += f" {entry}" if parts[-1] else entry
    if len(parts) <= _MOST:
        for number, part in enumerate(parts):
            found[f"{_SERVICES}_{number + 1}"] = part
    return found


def digest_of(service: Service) -> str:
    """Returns eight hexadecimal digits that change if the service changes."""
    data = _data({key: value for key, value in service.keys.items() if key not in _NO_EFFECT})
    return hashlib.sha256(json.dumps([service.category, data]).encode()).hexdigest()[:8]


def _data(node: object) -> Any:
    if isinstance(node, dict):
        return {str(key): _data(node[key]) for key in sorted(node, key=str)}
    if isinstance(node, list):
        return [_data(value) for value in node]
    return None if node is None else text_of(node)


def changed_since(registry: Registry, metadata: Mapping[str, str]) -> dict[str, Any] | None:
    """Returns the ``added``, ``changed`` and ``removed`` services since the deployment with this metadata.

    None if the metadata has no digests.
    """
    parts = sorted(
        (key for key in metadata if key.startswith(_SERVICES + "_") and key.rpartition("_")[2].isdigit()),
        key=lambda key: int(key.rpartition("_")[2]),
    )
    before = dict(entry.partition("=")[::2] for key in parts for entry in metadata[key].split())
    if not before:
        return None
    now = {service.name: digest_of(service) for service in registry.services.values()}
    return {
        "added": [name for name in now if name not in before],
        "changed": [name for name in now if name in before and before[name] != now[name]],
        "removed": [name for name in before if name not in now],
    }
