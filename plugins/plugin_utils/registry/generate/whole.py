# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins all generated files into one Compose file, to plan a deployment before anything is written."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import read_yaml
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import ORCHESTRATOR, generate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.compose_file import compose_text


def project_of(registry: Registry, findings: Findings, prefix: str) -> dict[str, Any]:
    """Returns the project that the orchestrator includes.

    :raises RegistryError: if Compose does not accept a part of the registry.
    """
    files = generate(registry, findings, registry.path, prefix)
    findings.finish()
    whole: dict[str, Any] = {}
    for path, text in files.items():
        if path != ORCHESTRATOR and path.endswith((".yml", ".yaml")):
            for section, entries in read_yaml(text, path, Report()).items():
                whole.setdefault(section, {}).update(entries or {})
    return whole


def definition(registry: Registry, findings: Findings, prefix: str) -> str:
    """Returns the project as one text. Raises RegistryError."""
    return compose_text(project_of(registry, findings, prefix), interpolated=False)
