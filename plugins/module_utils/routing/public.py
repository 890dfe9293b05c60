# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A route as plain data that may be shown, stored, and passed from host to host."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.readable import is_credential
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import plain_of
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_labels import Labelled


def public_of(labelled: Labelled) -> Dict[str, Any]:
    """Returns a route as in the desired state.

    Credentials, and values that only the manager has, are replaced by the names of their labels (``from_labels``).
    """
    plain = plain_of(labelled.route)
    later = dict(labelled.later)
    if labelled.route.auth:
        later["auth"] = labelled.labels["auth"]
    for part, headers in plain.get("headers", {}).items():
        for name, value in headers.items():
            if is_credential(name, value):
                later[f"headers.{part}.{name}"] = labelled.labels[f"headers.{part}.{name}"]
    for name in later:
        _drop(plain, name.split(".", 2))
    if later:
        plain["from_labels"] = later
    return plain


def open_of(labelled: Labelled) -> Dict[str, Any]:
    """Returns a route with its credentials, for a proxy on a host that can't read labels.

    Credentials in headers are in ``secret_headers`` and ``secret_response_headers``, which no result repeats.
    """
    plain = plain_of(labelled.route)
    for part, hidden in (("request", "secret_headers"), ("response", "secret_response_headers")):
        given = plain.get("headers", {}).get(part, {})
        secret = {name: value for name, value in given.items() if is_credential(name, value)}
        for name in secret:
            _drop(plain, ["headers", part, name])
        if secret:
            plain[hidden] = secret
    return plain


def _drop(plain: Dict[str, Any], path: List[str]) -> None:
    """Removes an entry, and the maps around it if they become empty."""
    first, rest = path[0], path[1:]
    if rest and isinstance(plain.get(first), dict):
        _drop(plain[first], rest)
    if not rest or not plain.get(first):
        plain.pop(first, None)
