# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks of a registry, in one run."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Collection, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.claims import check_claims
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.health import check_health
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.identity import check_identity
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.phases import (
    check_dependencies,
    check_phases,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.references import check_references
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.load import load_registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import (
    Finding,
    Registry,
    RegistryError,
    Source,
)

#: Codes of problems that a task may accept, because the generated files are the same as for a correct registry.
ACCEPTABLE = ("dependency_later", "phase_order", "restart_unquoted")
CHECKS = (check_identity, check_phases, check_dependencies, check_references, check_claims, check_health)


def read_registry(
    sources: Sequence[Source], strict: bool = False, accept: Collection[str] = ()
) -> tuple[Registry, list[Finding]]:
    """Reads the registry in ``sources`` (the file, then overlays); returns it and its warnings.

    :param strict: turns warnings into problems.
    :param accept: codes of ACCEPTABLE whose problems are only warnings.
    :raises RegistryError: with every problem of the run.
    """
    registry, findings = checked(sources, strict, accept)
    findings.finish()
    return registry, findings.warnings


def checked(sources: Sequence[Source], strict: bool = False, accept: Collection[str] = ()) -> tuple[Registry, Findings]:
    """Reads the registry like ``read_registry``, but leaves the problems in the findings, so that more can be added."""
    findings = Findings(strict, accept)
    registry = load_registry(sources, findings)
    for check in CHECKS:
        check(registry, findings)
    return registry, findings


def sources_of(seen: Sequence[Mapping[str, str]]) -> list[Source]:
    """Returns the files of a registry that the module has read on its target.

    :raises RegistryError: with a problem for each unreadable file.
    """
    unread = [
        Finding(f"the registry {entry['problem']}", file=entry["path"], hint=_hint(entry["code"]), code=entry["code"])
        for entry in seen
        if "problem" in entry
    ]
    if unread:
        raise RegistryError(unread)
    return [Source(entry["path"], zlib.decompress(base64.b64decode(entry["data"]))) for entry in seen]


def _hint(code: str) -> str:
    return "check the path on the target" if code == "file_missing" else "name a readable file"
