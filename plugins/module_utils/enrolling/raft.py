# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backs up the raft data of a manager while its Engine is stopped, and restores a Swarm from it."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import socket
import tarfile
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import is_transient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling.stopped import Commands, stopped
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.quorum import needed

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node

Item = Mapping[str, Any]
#: The largest raft folder in bytes: the archive goes through the memory of both sides.
MOST = 512 * 1024 * 1024
PAUSE = 0.5  # seconds between two reads
#: The kinds of objects in a backup, as the Engine's API names them.
KINDS = ("services", "networks", "configs", "secrets", "nodes")
#: The raft folder, and its parts that each backup has: the raft's data, and the node's identity.
FOLDER, MARK = "swarm", ("raft", "certificates")
#: Beside the folder: a backup while it is unpacked. In the folder: the backup's digest, until its Swarm is complete.
STAGE, UNFINISHED = "swarm.restoring", "stackwright-restoring"
#: Labels of the manager: its availability before the backup; the digest of the backup from which it was restored, until
#: a later task removes it. They tell the next run what a killed one has done.
BEFORE, RESTORED = "stackwright.backup-before", "stackwright.restored"


def look(client: EngineClient, downtime: bool) -> Dict[str, Any]:
    """Returns a backup's facts about the Swarm and this manager, without secrets.

    ``downtime`` allows it with a single manager. Raises StackwrightError (``not_a_manager``, ``quorum``,
    ``leader``, ``needs_downtime``, ``too_large``, ``autolock``) if this manager must not be stopped; EngineError.
    """
    info, own, nodes = _seen(client)
    swarm = info["Swarm"]
    managers = [node for node in nodes if node.get("ManagerStatus")]
    up = sum(node["ManagerStatus"].get("Reachability") == "reachable" for node in managers)
    name = str(info.get("Name") or "")
    if len(managers) == 1:
        if not downtime:
            raise StackwrightError(
                f"{name} is the only manager. A backup stops its Engine: its tasks end, and the Swarm can't be "
                "managed until the Engine runs again.",
                "needs_downtime",
                "Set downtime: true to accept this, or add two managers.",
            )
    elif up - 1 < needed(len(managers)):
        raise StackwrightError(
            f"{len(managers)} managers, {up} reachable: stopping {name} leaves {up - 1}, and {needed(len(managers))} "
            "are needed.",
            "quorum",
            "Bring the others back, or add a manager first. Nothing was changed.",
        )
    elif own["ManagerStatus"].get("Leader"):
        raise StackwrightError(
            f"{name} is the leader.", "leader", "Back up the raft on another manager. Nothing was changed."
        )
    folder = _folder(info)
    size = sum(entry.size for entry in _tree(folder))
    if size > MOST:
        raise StackwrightError(
            f"{folder} on {name} has {size >> 20} MiB, more than the limit of {MOST >> 20} MiB for a backup.",
            "too_large",
            "Lower snapshot_interval of the Swarm, and remove configs that nothing uses. Nothing was changed.",
        )
    cluster = swarm["Cluster"]
    found = {
        "cluster_id": str(cluster["ID"]),
        "node": name,
        "node_id": str(swarm["NodeID"]),
        "address": str(swarm.get("NodeAddr") or ""),
        "engine": str(info.get("ServerVersion") or ""),
        "autolock": bool(((cluster.get("Spec") or {}).get("EncryptionConfig") or {}).get("AutoLockManagers")),
        "managers": sorted(str(node["Description"]["Hostname"]) for node in managers),
        **_of_nodes(nodes),
        "objects": objects_of(client),
    }
    refuse_locked(bool(found["autolock"]), len(managers))
    return found


def refuse_locked(autolock: bool, managers: int) -> None:
    """Raises StackwrightError (``autolock``) if no Engine could become the only manager from this backup.

    ``--force-new-cluster`` takes no key. An unlocked Engine waits for the other managers before it answers any call, or
    even stops (seen on 20.10). A single manager leads as soon as it is unlocked.
    """
    if autolock and managers > 1:
        raise StackwrightError(
            "The Swarm is autolocked and has several managers. Docker can't make one of them the only manager without "
            "the others, so it can't be restored from a backup.",
            "autolock",
            "For backups, switch autolock off (docker swarm update --autolock=false), and encrypt the disks of the "
            "managers instead. Nothing was changed.",
        )


def _of_nodes(nodes: Sequence[Node]) -> Dict[str, Any]:
    """Returns labels and availability of each node by its name, as they are without a backup."""
    labels: Dict[str, Dict[str, str]] = {}
    availability: Dict[str, str] = {}
    # Of two nodes with the same name, the one that is ready counts.
    for node in sorted(nodes, key=lambda node: (node.get("Status") or {}).get("State") == "ready"):
        name, spec = str(node["Description"]["Hostname"]), node["Spec"]
        labels[name] = {key: text for key, text in (spec.get("Labels") or {}).items() if key not in (BEFORE, RESTORED)}
        availability[name] = str((spec.get("Labels") or {}).get(BEFORE) or spec.get("Availability") or "active")
    return {"node_labels": labels, "node_availability": availability}


def objects_of(client: EngineClient) -> Dict[str, int]:
    """Returns the number of the Swarm's objects by kind, without networks of single nodes."""
    found = {kind: client.list("/" + kind) for kind in KINDS}
    found["networks"] = [one for one in found["networks"] if one.get("Scope") == "swarm"]
    return {kind: len(found[kind]) for kind in KINDS}


def save(client: EngineClient, clock: Clock, downtime: bool, commands: Commands) -> Dict[str, Any]:
    """Stops the Engine, packs its raft folder, and always starts the Engine again.

    Returns the result of ``look`` with ``archive`` (a gzipped tar in base64) and ``seconds`` without the Engine. Raises
    StackwrightError as ``look``, and ``engine_not_stopped``, ``engine_not_started``, ``unfinished``.
    """
    found = look(client, downtime)
    info = client.get("/info")
    keys = [str(client.get("/swarm/unlockkey")["UnlockKey"])] if found["autolock"] else []
    began = clock.now()
    with stopped(client, clock, commands, keys):
        archive = _packed(_folder(info))
    _until(client, clock, commands.timeout, found["node"], "is not a reachable manager again", _is_back)
    return {**found, "archive": archive, "seconds": round(clock.now() - began, 1)}


def fits(client: EngineClient, facts: Item) -> bool:
    """Returns True if a backup can be restored here, False if it is restored already.

    ``facts`` are the result of ``look`` with the ``digest`` of the archive. Raises StackwrightError
    (``already_in_swarm``, ``wrong_address``).
    """
    digest = str(facts.get("digest"))
    info = client.get("/info")
    swarm = info.get("Swarm") or {}
    name, state = info.get("Name"), swarm.get("LocalNodeState")
    if state not in ("inactive", "", None) and _read(os.path.join(_folder(info), UNFINISHED)) != digest:
        with suppress(StackwrightError):
            _info, own, _nodes = _seen(client)
            if (own["Spec"].get("Labels") or {}).get(RESTORED) == digest[:12]:
                return False
        raise StackwrightError(
            f"{name} is already in a Swarm (state {state}). Restore a backup on an Engine that is not in a Swarm.",
            "already_in_swarm",
            f"If that Swarm is lost for good: docker swarm leave --force on {name}. This deletes its data of "
            "that Swarm.",
        )
    address = str(facts.get("address") or "")
    if address and not _is_own(address):
        raise StackwrightError(
            f"{name} does not have the address {address}, by which the other nodes know the manager in the backup.",
            "wrong_address",
            f"Restore on a machine with the address {address}.",
        )
    return True


def restore(
    client: EngineClient, clock: Clock, facts: Item, archive: str, keys: Sequence[str], commands: Commands
) -> Dict[str, Any]:
    """Makes this Engine the only manager of the Swarm in a backup; returns its ``objects`` and the ``seconds`` it took.

    A restore that was killed starts again; one that is complete changes nothing. Raises StackwrightError as ``fits``,
    and ``damaged_backup``, ``swarm_locked``, ``wrong_unlock_key``, ``engine_not_stopped``, ``engine_not_started``,
    ``unfinished``.
    """
    digest = str(facts.get("digest"))
    if not fits(client, facts):
        return {"changed": False, "objects": objects_of(client), "removed_nodes": [], "seconds": 0.0}
    refuse_locked(bool(facts.get("autolock")), len(facts.get("managers") or ()))
    if facts.get("autolock") and not keys:
        raise StackwrightError(
            "The Swarm in the backup is autolocked.", "swarm_locked", "Set unlock_key. Nothing was changed."
        )
    folder, content = _folder(client.get("/info")), _content(archive)
    stage = os.path.join(os.path.dirname(folder), STAGE)
    _unpack(content, stage, digest)
    began = clock.now()
    with stopped(client, clock, commands, keys):
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(stage, folder)
    if not facts.get("autolock"):
        client.post("/swarm/init", body=_forced(folder, str(facts.get("address") or "")))
    _until(client, clock, commands.timeout, str(facts.get("node")), "does not lead the restored Swarm", _leads)
    _mark(client, digest[:12])
    objects, removed = objects_of(client), _without_old_managers(client)
    os.unlink(os.path.join(folder, UNFINISHED))
    return {
        "changed": True,
        "objects": objects,
        "removed_nodes": removed,
        "seconds": round(clock.now() - began, 1),
    }


def _forced(folder: str, address: str) -> Dict[str, object]:
    """Returns the request that makes this Engine the only manager, with its former addresses."""
    known: Any = {}
    with suppress(ValueError):
        known = json.loads(_read(os.path.join(folder, "docker-state.json")) or "{}")
    known = known if isinstance(known, dict) else {}
    return {
        "ListenAddr": known.get("ListenAddr") or "0.0.0.0:2377",
        "AdvertiseAddr": known.get("AdvertiseAddr") or address,
        "DataPathAddr": known.get("DataPathAddr") or "",
        "ForceNewCluster": True,
        "Spec": {},
    }


def _mark(client: EngineClient, digest: str) -> None:
    _info, own, _nodes = _seen(client)
    spec = {**own["Spec"], "Labels": {**(own["Spec"].get("Labels") or {}), RESTORED: digest}}
    client.post(f"/nodes/{own['ID']}/update", {"version": own["Version"]["Index"]}, spec)


def _without_old_managers(client: EngineClient) -> List[str]:
    """Removes the entries of managers that the new raft does not have; returns their names.

    Such an entry is a manager that is down and can't be demoted, and its tasks count as running. Workers return by
    themselves: they know this manager's address and trust its certificates.
    """
    _info, own, nodes = _seen(client)
    old = [node for node in nodes if node["ID"] != own["ID"] and node["Spec"].get("Role") == "manager"]
    for node in old:
        client.delete(f"/nodes/{node['ID']}", {"force": True})
    return sorted(str(node["Description"]["Hostname"]) for node in old)


def _seen(client: EngineClient) -> Any:
    info = client.get("/info")
    swarm = info.get("Swarm") or {}
    if not swarm.get("ControlAvailable"):
        raise StackwrightError(
            f"{info.get('Name')} is not a manager of a Swarm with a leader.",
            "not_a_manager",
            "Only a manager has raft data. Nothing was changed.",
        )
    nodes = client.list("/nodes")
    own = next((node for node in nodes if node["ID"] == swarm["NodeID"]), None)
    if own is None:
        raise StackwrightError(
            f"{info.get('Name')} is not in the list of its Swarm's nodes.",
            "not_a_manager",
            "Run `docker node ls` on it. Nothing was changed.",
        )
    return info, own, nodes


def _folder(info: Item) -> str:
    return os.path.join(str(info["DockerRootDir"]), FOLDER)


def _tree(folder: str) -> List[tarfile.TarInfo]:
    """Returns the files and folders in ``folder``, without sockets and other special files."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(), mode="w", dereference=True) as tar:
        for path, _folders, files in os.walk(folder):
            for name in ["", *files]:
                entry = os.path.join(path, name) if name else path
                with suppress(OSError):
                    one = tar.gettarinfo(entry, os.path.relpath(entry, folder))
                    if one is not None and (one.isreg() or one.isdir()):
                        found.append(one)
    return found


def _packed(folder: str) -> str:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for entry in _tree(folder):
            if entry.isdir():
                tar.addfile(entry)
            else:
                # Nothing writes here now: the Engine is stopped.
                with open(os.path.join(folder, entry.name), "rb") as source:
                    tar.addfile(entry, source)
    return base64.b64encode(out.getvalue()).decode("ascii")


def _content(archive: str) -> bytes:
    try:
        content = base64.b64decode(archive)
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
            entries = tar.getmembers()
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        raise StackwrightError(f"The backup can't be read: {error}.", "damaged_backup") from None
    names = {os.path.normpath(entry.name) for entry in entries}
    strange = [
        entry.name
        for entry in entries
        if not (entry.isreg() or entry.isdir()) or entry.name.startswith("/") or ".." in entry.name.split("/")
    ]
    if strange or not set(MARK) <= names:
        raise StackwrightError(
            "The backup is not the raft folder of a manager.", "damaged_backup", "Nothing was changed."
        )
    return content


def _unpack(content: bytes, folder: str, digest: str) -> None:
    """Unpacks a backup to ``folder``, with a file that has its digest."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, 0o700)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
        for entry in tar.getmembers():
            path = os.path.join(folder, entry.name)
            if entry.isdir():
                os.makedirs(path, exist_ok=True)
            else:
                source = tar.extractfile(entry)
                with open(path, "wb") as target:
                    shutil.copyfileobj(source, target)  # type: ignore[arg-type]
            os.chmod(path, entry.mode & 0o777)
    with open(os.path.join(folder, UNFINISHED), "w") as target:
        target.write(digest)


def _read(path: str) -> str:
    """Returns the text of a file; empty if it can't be read."""
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except (OSError, ValueError):
        return ""


def _is_own(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _until(
    client: EngineClient, clock: Clock, timeout: float, node: str, not_yet: str, done: Callable[[Item, Item], bool]
) -> None:
    """Waits until /info and the Engine's own node are ``done``. Raises StackwrightError (``unfinished``)."""
    deadline, state = clock.now() + timeout, ""
    while True:
        try:
            info, own, _nodes = _seen(client)
            if done(info, own):
                return
            state = f"state {(own.get('Status') or {}).get('State')}"
        except EngineError as error:
            if not is_transient(error) and error.error_code not in ("not_a_manager", "not_in_swarm"):
                raise
            state = error.message
        except StackwrightError as error:
            state = error.message
        if clock.now() >= deadline:
            raise StackwrightError(f"{node} {not_yet} after {timeout:g} s ({state}).", "unfinished", "Check its log.")
        clock.sleep(PAUSE)


def _is_back(info: Item, own: Item) -> bool:
    status = own.get("ManagerStatus") or {}
    ready = (own.get("Status") or {}).get("State") == "ready"
    return ready and status.get("Reachability") == "reachable" and not info["Swarm"].get("Error")


def _leads(info: Item, own: Item) -> bool:
    return _is_back(info, own) and bool(own["ManagerStatus"].get("Leader"))
