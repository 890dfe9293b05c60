# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a host's membership in a Swarm from its Engine and disk, in one or two calls."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import NO_ENGINE, EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import message_of
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import LEAVING

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node

Facts = Dict[str, Any]
#: The fields of a node that decisions need.
NODE = ("ID", "Version", "UpdatedAt", "Spec", "Status", "ManagerStatus")
#: Task states in which a container may run.
AT_WORK = frozenset(("assigned", "accepted", "preparing", "ready", "starting", "running"))
STATE_AND_ROOT = (("docker-state.json",), ("certificates", "swarm-root-ca.crt"))
#: Seconds: how long a join may take, and how long a connection to a manager's port may take.
AS_IT_JOINS, PROBE = 60.0, 1.0
_LOCAL = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL")


def look(client: EngineClient, clock: Clock, interfaces: Sequence[str] = ()) -> Facts:
    """Returns the membership of this host: the facts of membership.members.Host, and those that only a manager has.

    :param interfaces: names of interfaces; the result has their addresses.
    :raises EngineError: the Engine does not answer. For a Swarm without a leader, ``error`` is set instead.
    """
    info = client.get("/info")
    if not isinstance(info, dict):
        raise EngineError(f"GET /info on {client.where}: the answer is not a JSON object.", hint=NO_ENGINE)
    swarm = info.get("Swarm") or {}
    cluster = swarm.get("Cluster") or {}
    local = client.connection.socket_path is not None
    folder = os.path.join(str(info.get("DockerRootDir") or ""), "swarm")
    facts: Facts = {
        "name": str(info.get("Name") or ""),
        "state": str(swarm.get("LocalNodeState") or "inactive"),
        "node_id": str(swarm.get("NodeID") or ""),
        "control": False,
        "cluster_id": str(cluster.get("ID") or ""),
        "address": str(swarm.get("NodeAddr") or ""),
        "error": message_of(str(swarm.get("Error") or "").encode()),
        "engine": str(info.get("ServerVersion") or ""),
        "addresses": _addresses() if local else [],
        "interfaces": {name: _of_interface(name) for name in interfaces} if local else {},
        "managers": sorted(str(peer.get("Addr") or "") for peer in swarm.get("RemoteManagers") or ()),
        "wall": clock.wall(),
    }
    if local and facts["state"] != "inactive":
        facts.update(_on_disk(folder))
        facts["cluster_id"] = facts["cluster_id"] or _named_in(os.path.join(folder, "certificates", "swarm-node.crt"))
        joined = facts.pop("join_addr")
        if joined and not swarm.get("ControlAvailable") and joined not in facts["managers"] and not _answers(joined):
            facts["joins_by"] = joined
    if swarm.get("ControlAvailable") and facts["cluster_id"] and not facts["error"]:
        try:
            facts.update(_of_manager(client, clock, cluster))
        except EngineError as error:
            facts["error"] = error.message
    return {**facts, "calls": client.calls}


def _of_manager(client: EngineClient, clock: Clock, cluster: Mapping[str, object]) -> Facts:
    nodes = patiently(clock, lambda: client.list("/nodes"))
    fixed = {name: cluster.get(name) for name in ("DefaultAddrPool", "SubnetSize", "DataPathPort")}
    return {
        "control": True,
        "nodes": [
            {**{name: node.get(name) for name in NODE}, "Description": {"Hostname": _hostname(node)}} for node in nodes
        ],
        "busy": busy_nodes(
            client, [node for node in nodes if LEAVING in ((node.get("Spec") or {}).get("Labels") or {})]
        ),
        "settings": cluster.get("Spec") or {},
        "fixed": fixed,
        "rotating": bool(cluster.get("RootRotationInProgress")),
    }


def _hostname(node: Node) -> str:
    return str((node.get("Description") or {}).get("Hostname") or "")


def busy_nodes(client: EngineClient, nodes: Sequence[Node]) -> Dict[str, int]:
    """Returns the number of tasks that may run on each of these nodes, by id, without nodes that are down."""
    found: Dict[str, int] = {}
    for node in nodes:
        if (node.get("Status") or {}).get("State") == "down":
            continue
        tasks = client.list("/tasks", {"filters": {"node": [node["ID"]]}})
        states = [str((task.get("Status") or {}).get("State") or "") for task in tasks]
        found[str(node["ID"])] = sum(state in AT_WORK for state in states)
    return found


def _on_disk(folder: str) -> Facts:
    """Returns the addresses that the Engine was given, from its state file; None if that can't be read."""
    state: Any = {}
    try:
        with open(os.path.join(folder, "docker-state.json"), encoding="utf-8") as handle:
            state = parse(handle.read())
    except (OSError, ValueError):
        pass
    known = state if isinstance(state, dict) else {}
    return {
        "listen_addr": known.get("ListenAddr"),
        "data_path_addr": known.get("DataPathAddr"),
        "join_addr": str(known.get("RemoteAddr") or "") if _not_restarted(folder) else "",
    }


def _not_restarted(folder: str) -> bool:
    """Whether the Engine was not restarted since it joined. It writes its state when it starts, the CA when it joins.

    Until its restart, an Engine that is promoted joins the raft only through the address through which it joined the
    Swarm. If there is no manager at this address, it loses its membership (swarmkit, to 28.5).
    """
    try:
        state, root = (os.stat(os.path.join(folder, *parts)).st_mtime for parts in STATE_AND_ROOT)
    except OSError:
        return False
    return state - root < AS_IT_JOINS


def _answers(address: str) -> bool:
    """Whether something listens at ``address`` (with a port); True if the address is invalid."""
    import socket

    host, _colon, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PROBE).close()
    except ValueError:
        return True
    except OSError:
        return False
    return True


def _named_in(path: str) -> str:
    """Returns the id of the Swarm in a node's certificate; empty if it can't be read."""
    # The standard library has no public function that reads a certificate.
    try:
        import _ssl

        subject = _ssl._test_decode_cert(path)["subject"]  # type: ignore[attr-defined]
        return str({name: value for part in subject for name, value in part}.get("organizationName") or "")
    except Exception:
        return ""


def _addresses() -> List[str]:
    """Returns the IPv4 addresses of this machine, without loopback addresses."""
    try:
        with open("/proc/net/fib_trie", encoding="ascii", errors="replace") as handle:
            found = _LOCAL.findall(handle.read())
    except OSError:
        return []
    return sorted({address for address in found if not address.startswith("127.")})


def _of_interface(name: str) -> List[str]:
    import fcntl
    import socket

    request = name.encode()[:15].ljust(40, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            return [socket.inet_ntoa(fcntl.ioctl(probe.fileno(), 0x8915, request)[20:24])]  # SIOCGIFADDR
        except OSError:
            return []
