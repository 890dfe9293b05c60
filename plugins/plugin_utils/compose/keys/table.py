# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all keys, and views of it for several stages."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.keys_deploy import DEPLOY
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.keys_service import SERVICE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.keys_top import TOP
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import Key

#: Every key by its pattern: ``*`` is any name, ``[]`` any item of a list.
KEYS: Mapping[str, Key] = {
    **TOP,
    **{f"services.*.{key}": row for key, row in SERVICE.items()},
    **{f"services.*.deploy.{key}": row for key, row in DEPLOY.items()},
}
#: The direct keys of a service; and by path also those in its mappings, except in lists and under names.
SERVICE_KEYS: Mapping[str, Key] = {key: row for key, row in SERVICE.items() if key.isidentifier()}
SERVICE_PATHS: Mapping[tuple[str, ...], Key] = {
    tuple(key.split(".")[2:]): row
    for key, row in KEYS.items()
    if key.startswith("services.*.") and "[]" not in key and "*" not in key[len("services.*") :]
}


def names_of(*schemas: str, pairs: bool = False) -> frozenset[str]:
    """Returns the last names of the keys whose kind has one of ``schemas``; with ``pairs`` also those with pairs."""
    found = (
        key.rpartition(".")[2] for key, row in KEYS.items() if row.kind.schema in schemas or pairs and row.kind.pairs
    )
    return frozenset(found)
