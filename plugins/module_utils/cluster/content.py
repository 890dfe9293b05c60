# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of content, names made from them, and the cluster's key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import configs_named
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import KEY_CONFIG
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import MAX_OBJECT_NAME

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ContentEntry

SHOWN = 8


def digest(kind: str, entry: ContentEntry, key: Optional[str]) -> str:
    """Returns the hexadecimal digest of a config's or secret's content; a secret's is keyed, and empty without a key.

    A secret's digest includes its name, so that equal secrets with two names don't look equal.
    """
    import hashlib

    spec = entry["spec"] or {}
    material = json.dumps(
        [
            entry.get("name") if kind == "secret" else "",
            spec.get("Templating"),
            spec.get("Driver"),
            entry["data"] or "",
        ],
        sort_keys=True,
    ).encode()
    if kind == "config":
        return hashlib.sha256(material).hexdigest()
    if key is None:
        return ""
    import base64
    import hmac

    return hmac.new(base64.b64decode(key), material, hashlib.sha256).hexdigest()


def suffixed(base: str, mark: str) -> str:
    """Returns ``BASE_MARK`` with 8 characters of ``mark``; a long base is shortened and gets a hash of itself."""
    room = MAX_OBJECT_NAME - SHOWN - 1
    if len(base) > room:
        import hashlib

        base = base[: room - SHOWN - 1] + "-" + hashlib.sha256(base.encode()).hexdigest()[:SHOWN]
    return f"{base}_{mark[:SHOWN]}"


def create_key(client: EngineClient) -> str:
    """Creates the cluster's key for digests of secrets, or reads the one that another run created (base64)."""
    import base64
    import secrets

    data = base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    try:
        client.create("/configs/create", {"Name": KEY_CONFIG, "Labels": {}, "Data": data})
        return data
    except EngineError as error:
        if error.error_code != "conflict":
            raise
    return str(configs_named(client, [KEY_CONFIG])[0]["Spec"]["Data"])
