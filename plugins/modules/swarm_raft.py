#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_raft
short_description: Back up and restore the raft data of a Swarm
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - The raft data of a manager is the Swarm itself - its services, networks, configs, secrets, nodes and certificates. Volumes and images are not in it.
  - With O(state=saved), stops the Engine of the host, packs C(swarm) in its data folder, starts the Engine again, and writes the archive to the
    controller, encrypted, with a manifest. The host must be a manager that is not the leader, and the others must keep their quorum.
  - With O(state=restored), makes the Engine of the host the only manager of the Swarm in a backup. Its node then has the label C(stackwright.restored).
    While the node has this label, the same task changes nothing.
  - An autolocked Swarm can only be backed up if it has one manager. Docker can't restore a single manager from several locked ones.
  - The Engine is started again, and unlocked, even if the module is killed. A restore that was killed is done again from its start by the next run.
  - Use the playbooks C(raft_backup) and C(raft_restore). They also drain the manager, and check the other members.
  - The archive appears neither in results nor in the output of C(-vvvv). It is not stored unencrypted, except in the data folder of the Engine, or
    if the connection to the host can't pipe modules.
options:
  state:
    description:
      - V(saved) writes a backup, each time the task runs. V(restored) restores one.
    type: str
    choices: [saved, restored]
    required: true
  path:
    description:
      - For O(state=saved), a folder on the controller. A relative path is relative to the playbook.
      - For O(state=restored), a backup on the controller, with its manifest beside it.
    type: path
    required: true
  vault_id:
    description:
      - The vault identity to encrypt with. By default the first of the play.
    type: str
  encrypt_command:
    description:
      - A command on the controller that encrypts its input to its output, in place of Ansible Vault. For example C(age -r age1...).
    type: str
  decrypt_command:
    description:
      - The command that decrypts what O(encrypt_command) has encrypted, for example C(age -d -i key.txt).
    type: str
  keep:
    description:
      - The number of backups of this Swarm to keep in O(path). Older ones are removed after a new one is complete. V(0) removes none.
    type: int
    default: 7
  downtime:
    description:
      - Allow a backup of the only manager. Its tasks end, and the Swarm can't be managed until its Engine runs again.
    type: bool
    default: false
  unlock_key:
    description:
      - For O(state=restored), the key that unlocks the managers, if the Swarm in the backup is autolocked.
    type: str
  stop_command:
    description:
      - The command that stops the Engine on the host. It must not end before the Engine.
    type: str
    default: systemctl stop docker.socket docker.service
  start_command:
    description:
      - The command that starts the Engine on the host.
    type: str
    default: systemctl start docker.service
  wait_timeout:
    description:
      - Seconds for the Engine to stop and to start, and for the manager to be reachable again; 1 to 86400.
    type: int
    default: 300
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
  - stackwright.swarm.attributes.no_async
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
seealso:
  - module: stackwright.swarm.swarm_cluster
  - module: stackwright.swarm.swarm_info
"""

EXAMPLES = r"""
- name: See whether this manager can be backed up
  stackwright.swarm.swarm_raft:
    state: saved
    path: backups
    encrypt_command: cat
    downtime: true
  check_mode: true

- name: Back up the raft, encrypted with Ansible Vault
  stackwright.swarm.swarm_raft:
    state: saved
    path: backups
    keep: 14

- name: Restore it on a fresh machine with the address of that manager
  stackwright.swarm.swarm_raft:
    state: restored
    path: backups/swarm-jrbs3yqvnxzq-20261129T030000Z.raft
"""

RETURN = r"""
path:
  description: The backup that was written.
  returned: success, with O(state=saved), and not in check mode
  type: str
  sample: /srv/backups/swarm-jrbs3yqvnxzq-20261129T030000Z.raft
sha256:
  description: The checksum of the encrypted file, as in its manifest.
  returned: success, with O(state=saved), and not in check mode
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
bytes:
  description: The size of the encrypted file.
  returned: success, with O(state=saved), and not in check mode
  type: int
  sample: 1093401
created:
  description: When it was written.
  returned: success, with O(state=saved), and not in check mode
  type: str
  sample: "2026-11-29T03:00:00Z"
encryption:
  description: V(ansible-vault), or the name of the command.
  returned: success, with O(state=saved), and not in check mode
  type: str
  sample: ansible-vault
removed:
  description: The files of older backups that were removed.
  returned: success, with O(state=saved), and not in check mode
  type: list
  elements: str
  sample: [swarm-jrbs3yqvnxzq-20261122T030000Z.json, swarm-jrbs3yqvnxzq-20261122T030000Z.raft]
seconds:
  description: The seconds from the stop of the Engine until the manager was reachable again.
  returned: success, and not in check mode
  type: float
  sample: 12.4
objects:
  description: How many objects of each kind the Swarm has.
  returned: success, except in check mode with O(state=restored)
  type: dict
  sample: {services: 12, networks: 4, configs: 9, secrets: 7, nodes: 5}
missing:
  description: With O(state=restored), how many objects of each kind are fewer than at the time of the backup.
  returned: success, with O(state=restored)
  type: dict
  sample: {}
removed_nodes:
  description: With O(state=restored), the managers that are not in the restored Swarm. Their entries were removed.
  returned: success, with O(state=restored), and not in check mode
  type: list
  elements: str
  sample: [manager1, manager3]
node_labels:
  description: The labels of each node at the time of the backup. A node that joins again has none.
  returned: success
  type: dict
  sample: {manager1: {disk: ssd}, manager2: {}}
node_availability:
  description: The availability of each node at the time of the backup.
  returned: success
  type: dict
  sample: {manager1: active, manager2: active}
node:
  description: The manager of the backup.
  returned: success
  type: str
  sample: manager2
node_id:
  description: Its id in the Swarm.
  returned: success
  type: str
  sample: b1tk2gq3dsq2k0vbfzqbpa8d4
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: jrbs3yqvnxzq2fgtpy5njs0y6
address:
  description: The address by which the other nodes know the manager.
  returned: success, with O(state=saved)
  type: str
  sample: 10.0.1.12
engine:
  description: The version of its Engine.
  returned: success, with O(state=saved)
  type: str
  sample: 28.5.2
autolock:
  description: Whether the Swarm is autolocked. Its key is then needed to restore the backup, and is not in it.
  returned: success, with O(state=saved)
  type: bool
  sample: false
managers:
  description: The names of its managers at the time of the backup.
  returned: success
  type: list
  elements: str
  sample: [manager1, manager2, manager3]
error_code:
  description:
    - A stable code of the error. V(not_a_manager), V(leader), V(quorum), V(needs_downtime), V(too_large), V(autolock), V(backup_not_encrypted),
      V(backup_not_decrypted), V(backup_unwritable), V(damaged_backup), V(already_in_swarm), V(wrong_address), V(swarm_locked), V(wrong_unlock_key),
      V(engine_not_stopped), V(engine_not_started), V(unfinished), V(invalid_options), and the codes of the connection.
  returned: failure
  type: str
  sample: quorum
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.raft_options import SWARM_RAFT
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_raft import raft_data


def main() -> None:
    run_module(SWARM_RAFT, raft_data)


if __name__ == "__main__":
    main()
