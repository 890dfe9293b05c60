# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expiry of the Swarm's root certificate, and of this node's certificate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import seconds
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.certificate import DAY, Validity, first_to_end

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info, Node

NODE_FILE = ("swarm", "certificates", "swarm-node.crt")
ROTATE = "Rotate it with `docker swarm ca --rotate` while all nodes are up."
RENEW = "Check that the node reaches a manager; `docker swarm ca --rotate` renews the certificates of all nodes."


def certificates_of(client: EngineClient, info: Info, nodes: Sequence[Node]) -> Tuple[Dict[str, Any], List[str]]:
    """Returns the data of the certificates, and a warning for each that expires soon."""
    cluster = (info.get("Swarm") or {}).get("Cluster") or {}
    trusted = str((cluster.get("TLSInfo") or {}).get("TrustRoot") or "")
    found = {name: validity for name, validity, _hint in _known(client, info)}
    now = seconds(info.get("SystemTime"))
    expiry = ((cluster.get("Spec") or {}).get("CAConfig") or {}).get("NodeCertExpiry")
    others = [
        hostname(node)
        for node in nodes
        for root in [str(((node.get("Description") or {}).get("TLSInfo") or {}).get("TrustRoot") or "")]
        if trusted and root and root != trusted
    ]
    result = {
        "root": _described(found.get("root"), now),
        "this_node": _described(found.get("node"), now),
        "node_days": round(float(expiry) / 1e9 / DAY, 2) if isinstance(expiry, (int, float)) else None,
        "rotating": bool(cluster.get("RootRotationInProgress")),
        "other_root": sorted(others),
    }
    return result, [f"{sentence} {hint}" for sentence, hint in due(client, info)]


def due(client: EngineClient, info: Info) -> List[Tuple[str, str]]:
    """Returns (sentence, hint) for each certificate that expires soon or has expired."""
    now = seconds(info.get("SystemTime"))
    name = str(info.get("Name") or "this node")
    subject = {"root": "The root certificate of the Swarm", "node": f"The certificate of the node {name}"}
    found = []
    for which, validity, hint in _known(client, info):
        if now is not None and validity is not None and validity.is_due(now):
            left = validity.days_left(now)
            when = f"in {left} day{'' if left == 1 else 's'}" if left >= 0 else "already"
            verb = "expires" if left >= 0 else "has expired"
            found.append(
                (f"{subject[which]} {verb} {when} ({validity.text}).".replace(" expired already", " expired"), hint)
            )
    return found


def _known(client: EngineClient, info: Info) -> List[Tuple[str, Optional[Validity], str]]:
    cluster = (info.get("Swarm") or {}).get("Cluster") or {}
    root = str((cluster.get("TLSInfo") or {}).get("TrustRoot") or "")
    return [("root", first_to_end(root), ROTATE), ("node", _own(client, info), RENEW)]


def _own(client: EngineClient, info: Info) -> Optional[Validity]:
    """Returns the validity of the node's certificate; None if its file is on another machine, or can't be read."""
    folder = str(info.get("DockerRootDir") or "")
    if client.connection.socket_path is None or not folder:
        return None
    try:
        with open(os.path.join(folder, *NODE_FILE), encoding="ascii", errors="replace") as file:
            return first_to_end(file.read(1 << 20))
    except OSError:
        return None


def _described(validity: Optional[Validity], now: Optional[float]) -> Optional[Dict[str, Any]]:
    if validity is None or now is None:
        return None
    return {"issued": validity.issued, "expires": validity.text, "days_left": validity.days_left(now)}
