# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's part of a preflight: its Engine, its kernel, its disk, and the ports and paths that the stack needs there.

It reads ports from /proc and binds none, and it loads no kernel module.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import through_an_election
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import check_manager
from ansible_collections.stackwright.swarm.plugins.module_utils.info.certificates import due
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight import host
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight import node_questions as nodes
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    finding,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.volume_checks import volume_findings
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import Port

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.fact_types import Facts
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import DiskOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Container, Driver

Result = Dict[str, Any]
PATIENCE = 10.0  # seconds for the list of containers


def check_host(client: EngineClient, clock: Clock, options: DiskOptions, vips: bool) -> Result:
    """Checks the host with one call: returns ``findings``, node, node_id, cluster_id, manager, local and api.

    An Engine that does not answer, or is not a member of a Swarm, is a finding. ``vips``: whether virtual IPs matter.
    """
    found: Result = {"findings": [], "node": "", "node_id": "", "cluster_id": "", "manager": False, "local": False}
    found["api"] = ""
    try:
        info = _info(client, clock)
    except EngineError as error:
        found["findings"].append(of_error(error))
        return found
    node, swarm = str(info.get("Name") or client.where), info.get("Swarm") or {}
    found.update(node=node, node_id=str(swarm.get("NodeID") or ""))
    found["api"] = "{}.{}".format(*client.api_version) if client.api_version else ""
    try:
        check_manager(info, client.where)
        found.update(manager=True, cluster_id=str(swarm["Cluster"]["ID"]))
    except EngineError as error:
        if error.error_code != "not_a_manager":
            found["findings"].append(of_error(error, node))
            found["node_id"] = ""
    found["local"] = client.connection.socket_path is not None and os.uname().nodename == info.get("Name")
    if found["local"]:
        found["findings"] += _own(node, info, options, vips)
        found["findings"] += [finding(WARNING, "certificate", text, hint) for text, hint in due(client, info)]
    else:
        message = f"the task does not run on the host of this Engine ({client.where}): its kernel, disk, ports and"
        hint = "Run the task on each node, with the socket of its own Engine."
        found["findings"].append(finding(WARNING, "not_local", f"{message} paths are not checked.", hint, node=node))
    return found


def _info(client: EngineClient, clock: Clock) -> Any:
    """Returns the answer of /info; waits for the end of an election."""

    def story() -> Any:
        info: Any = client.get("/info") or {}
        try:
            check_manager(info, client.where)
        except EngineError as error:
            if error.error_code == "no_quorum":
                raise
        return info

    try:
        return through_an_election(clock, story)
    except EngineError as error:
        if error.error_code != "no_quorum":
            raise
    return client.get("/info") or {}


def of_error(error: EngineError, node: str = "") -> Finding:
    """Returns an error of the Engine as a finding, with its own code."""
    return finding(ERROR, error.error_code, error.message, error.hint, node=node)


def _own(node: str, info: Mapping[str, object], options: DiskOptions, vips: bool) -> List[Finding]:
    found: List[Finding] = []
    if str(info.get("OSType") or "linux") == "linux":
        loaded = _read("/proc/modules") or ""
        has = {name: _kernel_has(name, loaded) for name in ("vxlan", "ip_vs")}
        found += host.kernel_findings(node, has, vips)
        systems = (_read("/proc/filesystems") or "").split()
        found += host.storage_findings(node, info, "overlay" in systems)
    disk = _disk(str(info.get("DockerRootDir") or ""))
    if disk is not None:
        found += host.disk_findings(node, disk, options["min_free_mib"], options["warn_free_mib"])
    return found


def _kernel_has(name: str, loaded: str) -> Optional[bool]:
    in_sys = os.path.exists(f"/sys/module/{name}") or (name == "ip_vs" and os.path.exists("/proc/net/ip_vs"))
    if host.kernel_has(name, loaded, None, None, in_sys):
        return True
    folder = f"/lib/modules/{os.uname().release}"
    return host.kernel_has(name, loaded, _read(f"{folder}/modules.builtin"), _read(f"{folder}/modules.dep"), in_sys)


def _disk(path: str) -> Optional[host.Disk]:
    try:
        stat = os.statvfs(path)
    except OSError:
        return None
    inodes = stat.f_favail / stat.f_files if stat.f_files else None
    return host.Disk(path, stat.f_bavail * stat.f_frsize, inodes)


def check_node(client: EngineClient, node: str, facts: Facts, wanted: Mapping[str, Driver]) -> List[Finding]:
    """Checks the ports, paths and volumes in ``facts`` (``preflight.nodes``), with one call if there are ports, and one
    if there are volumes; ``wanted`` has the desired drivers of volumes (``preflight.volumes``)."""
    ports = nodes.wanted_ports(facts)
    found = list(nodes.port_findings(node, facts, _holders(client, ports) if ports else {}))
    found += nodes.bind_findings(node, facts, _paths({item["source"] for item in facts["binds"]}))
    if facts.get("volumes") and wanted:
        existing = (client.get("/volumes", timeout=PATIENCE) or {}).get("Volumes") or []
        found += volume_findings(node, facts, wanted, existing)
    return found


def _paths(sources: Set[str]) -> Dict[str, str]:
    states = {}
    for source in sorted(sources):
        try:
            os.stat(source)
        except PermissionError:
            states[source] = "hidden"
        except OSError:
            states[source] = "missing"
    return states


def _holders(client: EngineClient, ports: Set[Port]) -> Dict[Port, str]:
    """Returns the holder of each port: a container, or a process if it is visible."""
    held: Dict[Port, str] = {}
    sockets: Dict[str, Port] = {}
    for protocol in sorted({protocol for _number, protocol in ports}):
        for family in ("", "6"):
            for number, inode in host.listening(_read(f"/proc/net/{protocol}{family}") or "", protocol).items():
                if (number, protocol) in ports:
                    held[number, protocol] = ""
                    sockets[inode] = (number, protocol)
    # A container's port needs no process that listens.
    containers = client.list("/containers/json", timeout=PATIENCE)
    names = {
        (int(port.get("PublicPort") or 0), str(port.get("Type") or "tcp")): _name(container)
        for container in containers
        for port in container.get("Ports") or []
    }
    held.update({port: f"container {names[port]}" for port in ports if port in names})
    if "" in held.values():
        for inode, name in _owners({i for i, port in sockets.items() if not held[port]}, os.listdir).items():
            held[sockets[inode]] = name
    return held


def _name(container: Container) -> str:
    return str((container.get("Names") or [str(container.get("Id"))[:12]])[0]).lstrip("/")


def _owners(inodes: Set[str], entries: Callable[[str], List[str]]) -> Dict[str, str]:
    """Returns the processes that have these sockets open; only root sees those of other users."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: Dict[str, str] = {}
    for pid in entries("/proc"):
        if not pid.isdigit():
            continue
        try:
            links = [os.readlink(f"/proc/{pid}/fd/{handle}") for handle in entries(f"/proc/{pid}/fd")]
        except OSError:
            continue
        for link in links:
            if link in wanted:
                name = (_read(f"/proc/{pid}/comm") or "").strip()
                found.setdefault(wanted[link], f"the process {name} ({pid})")
    return found


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None
