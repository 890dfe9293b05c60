# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps errors of the Engine to ours. The texts are those of dockerd 20.10 to 28 (moby daemon/cluster, swarmkit)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Dict, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info

# (text in the Engine's message in lower case, error code, what to do); the first match wins.
BY_TEXT: Tuple[Tuple[str, str, str], ...] = (
    ("swarm is encrypted and needs to be unlocked", "swarm_locked", "Unlock it with `docker swarm unlock`."),
    ("does not have a leader", "no_quorum", "Bring back more than half of the managers."),
    ("node lost leader status", "no_quorum", "Bring back more than half of the managers."),
    ("lost quorum", "no_quorum", "Bring back more than half of the managers."),
    ("no elected primary", "no_quorum", "Bring back more than half of the managers."),
    ("worker nodes can't be used", "not_a_manager", "Run the task on a manager."),
    ("this node is not a swarm manager", "not_in_swarm", "Run the task on a manager, or `docker swarm init`."),
    ("this node is not participating as a swarm", "not_a_manager", "Run the task on a manager."),
    ("update out of sequence", "out_of_sequence", "Another client changed it at the same time: run again."),
    ("deadline exceeded", "no_quorum", "The managers did not agree in time: check that more than half of them are up."),
    (
        "client sent an http request to an https server",
        "tls_error",
        "The Engine requires TLS: set validate_certs, ca_path, client_cert and client_key.",
    ),
    (
        "client version",
        "engine_error",
        "Set api_version (or DOCKER_API_VERSION on the host) to a version that the Engine supports, or to auto.",
    ),
)
BY_STATUS: Dict[int, Tuple[str, str]] = {
    400: ("invalid_spec", "The Engine rejects the specification: correct the Compose file."),
    401: ("registry_auth", "Log in to the registry, or give credentials."),
    403: ("invalid_spec", "The Engine does not allow this: correct the Compose file."),
    404: ("not_found", ""),
    409: ("conflict", "An object with this name already exists."),
}


def refusal(status: int, body: bytes, what: str, where: str, node: str = "") -> EngineError:
    """Returns the error for a response with ``status``. ``what`` is the call, ``where`` the Engine's address."""
    text = message_of(body)
    lower = text.lower()
    code, hint = BY_STATUS.get(status, ("engine_error", ""))
    for part, part_code, part_hint in BY_TEXT:
        # A slow registry is not a lost quorum.
        of_registry = "/distribution/" in what or what.endswith(" /auth")
        if part in lower and not (part == "deadline exceeded" and of_registry):
            code, hint = part_code, part_hint
            break
    if code == "no_quorum":
        return no_leader(node or where, hint, f"{what}: {text}", status)
    return EngineError(f"{what} on {where}: {text or f'HTTP status {status}'}", code, hint, status)


def no_leader(name: str, hint: str, message: str, status: int = 0) -> EngineError:
    """Returns the error for a Swarm without a leader. ``message`` is the Engine's."""
    quote = f" The Engine said: {message.rstrip('.')}." if message else ""
    return EngineError(f"The Swarm of {name} has no leader.", "no_quorum", f"{hint}{quote}", status)


def message_of(body: bytes) -> str:
    """Returns the Engine's message, without the prefix of its RPC layer."""
    text = body[:4000].decode("utf-8", "replace").strip()
    try:
        value = parse(text)
    except ValueError:
        return text
    if isinstance(value, dict):
        text = str(value.get("message") or "")
    marker = " desc = "
    return text.split(marker, 1)[1] if text.startswith("rpc error:") and marker in text else text


def unreachable(error: OSError, docker_host: str, what: str) -> EngineError:
    """Returns the error for a connection that failed or broke."""
    if isinstance(error, PermissionError):
        return EngineError(
            f"No permission to access the Engine at {docker_host}.",
            "permission_denied",
            "Run the task as root (become: true) or as a user of the group docker.",
        )
    # Before Python 3.10 a socket timeout is not a TimeoutError.
    if isinstance(error, (TimeoutError, socket.timeout)):
        return EngineError(
            f"{what} on {docker_host}: no answer in time.",
            "timeout",
            "The Engine hangs, or its Swarm has lost quorum: check the Engine's log. The option timeout sets the "
            "limit.",
        )
    return EngineError(
        f"No Engine answers at {docker_host}: {error.strerror or error}.",
        "daemon_unreachable",
        "Start the Engine, or correct docker_host.",
    )


def check_manager(info: Info, docker_host: str) -> None:
    """Raises EngineError unless ``info`` is from a manager whose Swarm has a leader."""
    swarm = info.get("Swarm") or {}
    state = swarm.get("LocalNodeState") or "inactive"
    name = info.get("Name") or docker_host
    error = str(swarm.get("Error") or "")
    if state == "locked":
        raise EngineError(f"The Swarm on {name} is locked.", "swarm_locked", "Unlock it with `docker swarm unlock`.")
    if state in ("inactive", ""):
        raise EngineError(
            f"{name} is not part of a Swarm.", "not_in_swarm", "Run `docker swarm init`, or run the task on a manager."
        )
    if swarm.get("ControlAvailable"):
        if error or not (swarm.get("Cluster") or {}).get("ID"):
            message = message_of(error.encode()) or "nothing"
            message = "" if "does not have a leader" in message else message
            raise no_leader(name, "Bring back more than half of the managers.", message)
        return
    if state in ("pending", "error"):
        raise EngineError(
            f"The node {name} is not ready in its Swarm (state {state}): {error or 'no reason given'}",
            "no_quorum",
            "Check that more than half of the managers are up, and the Engine's log on this node.",
        )
    managers = sorted(str(m.get("Addr")) for m in swarm.get("RemoteManagers") or [] if m.get("Addr"))
    node = str(swarm.get("NodeID") or "")
    raise EngineError(
        f"{name} (node {node}) is a worker, not a manager.",
        "not_a_manager",
        f"Run the task on a manager{': ' + ', '.join(managers) if managers else ''}.",
        details={"node_id": node, "managers": managers},
    )
