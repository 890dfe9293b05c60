"""An Ansible inventory of a bed: each node is a host whose modules run on it, as on a separate machine."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from . import quickstart
from .bed import Bed
from .node import Node
from .paths import CACHE


def write(bed: Bed, path: Path, python: Path = CACHE / "venv/bin/python", guestbook: bool = True) -> None:
    """Writes the inventory of a running bed to ``path``, as JSON, which is valid YAML.

    Groups: swarm_managers, swarm_nodes (all), swarm_proxies (all). ``python`` runs the modules. The variable
    ``testbed`` has the image names and folders that are removed with the bed; ``guestbook``: with the example's images.
    Write it again after a node was restarted.
    """
    hosts = {node.name: _host(bed, node, python) for node in bed.nodes.values()}
    managers = {node.name: {} for node in bed.nodes.values() if node.role == "manager"}
    inventory = {
        "all": {
            "vars": {
                "ansible_connection": "local",
                "testbed": {
                    "folder": str(bed.record.run_folder),
                    "own_folder": str(own_folder(bed)),
                    "images": _images(bed, guestbook),
                },
            },
            "children": {
                "swarm_managers": {"hosts": managers},
                "swarm_nodes": {"hosts": hosts},
                "swarm_proxies": {"hosts": dict.fromkeys(hosts, {})},
            },
        }
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(inventory, indent=2) + "\n")


def own_folder(bed: Bed) -> Path:
    """Returns a folder that each node has for itself under the same path; nodes share all other files."""
    return bed.record.run_folder / "own"


def _host(bed: Bed, node: Node, python: Path) -> dict[str, str]:
    folder = own_folder(bed)
    folder.mkdir(exist_ok=True)
    path = shlex.quote(str(folder))
    node.run(["sh", "-c", f"mountpoint -q {path} || mount -t tmpfs -o mode=0755 tmpfs {path}"])
    # Modules find the node's Engine in their environment, as on any manager.
    interpreter = bed.record.run_folder / f"python-{node.name}"
    interpreter.write_text(f'#!/bin/sh\nexec {shlex.join(node.inside([str(python)]))} "$@"\n')
    interpreter.chmod(0o700)
    return {
        "ansible_python_interpreter": str(interpreter),
        "node_address": node.address,
        "node_engine": node.docker_host,
    }


def _images(bed: Bed, guestbook: bool) -> dict[str, str]:
    """Returns the bed's own images, and the prefix and tag of the guest book's."""
    found = {"busybox": bed.images["busybox"], "caddy": bed.images["caddy"]}
    if guestbook:
        web = quickstart.publish_guestbook(bed)
        found.update(guestbook=f"{bed.registry.address}/", guestbook_tag=web.partition(":")[2])
    return found


__all__ = ["own_folder", "write"]
