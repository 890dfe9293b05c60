# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container finds others by name: extra hosts and DNS."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import filled, texts


def hosts(scope: Scope) -> list[str] | None:
    """Return ``extra_hosts`` in the Engine's form, ``IP HOST``, in the file's order."""
    found = []
    for entry in texts(scope.service, "extra_hosts", scope.path()) or []:
        separator = "=" if "=" in entry else ":"
        host, given, address = entry.partition(separator)
        if given:
            if address.startswith("[") and address.endswith("]"):
                address = address[1:-1]
            found.append(f"{address} {host}")
    return found or None


def dns_config(scope: Scope) -> dict[str, Any] | None:
    """Return the DNSConfig; an empty list in the file gives an empty one, as docker's CLI sends it."""
    servers, search, options = (texts(scope.service, key, scope.path()) for key in ("dns", "dns_search", "dns_opt"))
    if servers is None and search is None and not options:
        return None
    return filled(Nameservers=servers, Search=search, Options=options)
