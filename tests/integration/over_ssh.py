"""Nodes as most users reach them: over ssh, as a user who may do nothing but sudo."""

from __future__ import annotations

import subprocess
from pathlib import Path

from monitoring import unpacked
from testbed import inventory

SCRIPT = Path(__file__).with_name("over_ssh.sh")
OPTIONS = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"


def hosts_of(bed, folder: Path) -> dict:
    """The inventory of a bed whose nodes take ssh. Each has users, sudo and a home of its own."""
    own = inventory.own_folder(bed)
    inventory.write(bed, folder / "local.json", guestbook=False)  # which makes that folder on each node
    for key in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    # Installed, an sshd would run on this machine, too.
    packages = ["libwrap0", "openssh-server", "openssh-sftp-server", "sudo"]
    programs = unpacked("over_ssh", packages, "usr/bin/sudo")
    for node in bed.nodes.values():
        given = (own, folder, node.address, node.socket, programs)
        node.run(["sh", str(SCRIPT), *map(str, given)])
    reach = {
        "ansible_connection": "ssh",
        "ansible_user": "deploy",
        "ansible_become": True,
        "ansible_ssh_private_key_file": str(folder / "key"),
        "ansible_ssh_common_args": OPTIONS,
        "ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=10s",
        "ansible_control_path_dir": str(bed.record.run_folder / "ssh"),
        "ansible_python_interpreter": str(own / "python"),
    }
    hosts = {node.name: {"ansible_host": node.address, "docker_host": node.docker_host} for node in bed.nodes.values()}
    managers = {node.name: {} for node in bed.nodes.values() if node.role == "manager"}
    groups = {"swarm_managers": {"hosts": managers}, "swarm_nodes": {"hosts": hosts}}
    return {"all": {"vars": reach, "children": groups}}
