"""Removes a bed by its record and its names: after success, failure, or a killed run."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from . import cgroups, processes, records
from .commands import run, wait_for
from .network import Network, namespaces
from .paths import BEDS, text
from .records import Record


def remove(prefix: str) -> bool:
    """Removes the bed of this checkout with this prefix. Returns whether anything was left of it."""
    record = records.load(prefix)
    tag = records.tag_of(prefix)
    exists = record is not None or (BEDS / prefix).exists() or bool(namespaces(f"swb-{tag}-"))
    if exists:
        _remove(record or records.new(prefix, ""))
    return exists


def remove_all() -> list[str]:
    """Removes every bed of this checkout, and of deleted checkouts. Returns their prefixes."""
    found = {record.tag: record for record in records.all_here()}
    for folder in sorted(BEDS.glob("[!.]*")):
        record = records.new(folder.name, "")
        found.setdefault(record.tag, record)
    for record in found.values():
        _remove(record)
    return sorted(record.prefix for record in found.values())


def _remove(record: Record) -> None:
    network = Network(record.tag, record.subnet)
    kept = [*record.nodes.values(), *({"keeper": process} for process in record.registries.values())]
    for entry in kept:
        processes.end(entry.get("keeper"))
    for entry in kept:
        first = entry.get("first")
        wait_for("the node's processes to end", lambda first=first: not processes.is_alive(first), 120, 0.01)
    _end_strays(network)
    network.remove()
    cgroups.remove(network.bridge)
    shutil.rmtree(record.folder, ignore_errors=True)
    shutil.rmtree(record.run_folder, ignore_errors=True)


def _end_strays(network: Network) -> None:
    """Ends processes that a killed ``up`` had started but not recorded: they run in namespaces of the bed."""
    for namespace in namespaces(network.bridge + "-"):
        pids = [int(word) for word in run(["ip", "netns", "pids", namespace], check=False).stdout.split()]
        for pid in pids:
            found = processes.record(pid)
            if str(BEDS) in text(Path(f"/proc/{pid}/cmdline")).replace("\0", " "):
                processes.end(found, signal.SIGKILL)
