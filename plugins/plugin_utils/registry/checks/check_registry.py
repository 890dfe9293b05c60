# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks of a registry, in one run."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.load import load_registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Finding, Registry, Source


def read_registry(
    sources: Sequence[Source], strict: bool = False, accept: Collection[str] = ()
) -> tuple[Registry, list[Finding]]:
    """The registry in ``sources`` (the file, then overlays) and the warnings about it.

    :param strict: warnings are problems.
    :param accept: codes of problems that are only warnings.
    :raises RegistryError: with every problem of the run.
    """
    findings = Findings(strict, accept)
    registry = load_registry(sources, findings)
    findings.finish()
    return registry, findings.warnings
