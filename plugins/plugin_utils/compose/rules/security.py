# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``credential_spec`` and ``isolation``, which Windows containers have."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.deploy import check_word
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.look import Look, mapping

SOURCES = ("config", "file", "registry")


def check_security(look: Look) -> None:
    for name, service in look.services.items():
        check_word(
            look,
            ("services", name, "isolation"),
            str(service.get("isolation") or "").lower(),
            ("default", "process", "hyperv"),
        )
        if service.get("credential_spec") is None:
            continue
        given = [source for source in SOURCES if mapping(service["credential_spec"]).get(source)]
        if len(given) != 1:
            message = f"credential_spec needs exactly one of {', '.join(SOURCES)}"
            look.problem(("services", name, "credential_spec"), message, "", "credential_spec")
