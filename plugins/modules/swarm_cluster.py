#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_cluster
short_description: Bring the hosts of a play into one Swarm, as managers and workers
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Creates a Swarm on the first manager if there is none, joins the other hosts, promotes and demotes them, and lets hosts leave. The result of each
    host has the changes of this host and the reasons.
  - Run the task on all hosts of the Swarm, managers and workers. One process on the controller reads all of them, decides, and runs one change after
    the other on its host. The options may contain variables of each host, for example O(advertise_addr).
  - All changes are checked before the first one. A change that would lose quorum is refused with the numbers, and nothing is changed.
  - Only one run at a time changes the membership of a Swarm, over all controllers. If a run is killed, the next one continues from the current state.
  - Join tokens never appear in results, diffs or the output of C(-vvvv).
options:
  state:
    description:
      - With V(present), the host joins the Swarm with its role, unless it is a member already.
      - With V(absent), it leaves. The node is drained, and the task waits until its tasks have ended (O(wait_timeout)). A manager is demoted. Then the
        host leaves, and the node is removed.
    type: str
    choices: [present, absent]
    default: present
  role:
    description:
      - The role of the host.
      - By default, V(manager) for a host of O(manager_groups), and V(worker) for another host of O(worker_groups).
      - The leader is demoted last. The managers then elect a new leader, and the task waits for it.
    type: str
    choices: [manager, worker]
  manager_groups:
    description:
      - The inventory groups of the managers.
      - If no host of the play answers as a manager, managers of these groups outside the play are asked. They are not changed.
    type: list
    elements: str
    default: [swarm_managers]
  worker_groups:
    description: The inventory groups of the workers.
    type: list
    elements: str
    default: [swarm_workers, swarm_nodes]
  advertise_addr:
    description:
      - The address, or the network interface, at which other nodes reach this one.
      - By default, the Engine chooses. It fails if it has several addresses.
      - An address of a member can't be changed. If it differs from this, the task fails with the code C(unchangeable).
    type: str
  listen_addr:
    description: The address at which the Engine listens for other managers, as ADDRESS:PORT. V(0.0.0.0:2377) by default. Can't be changed.
    type: str
  data_path_addr:
    description: The address, or the network interface, for the traffic of overlay networks, if it differs. Can't be changed.
    type: str
  data_path_port:
    description: The UDP port for the traffic of overlay networks, V(4789) by default. It can't be changed after the creation.
    type: int
  default_addr_pool:
    description: The pools for subnets of overlay networks, V(10.0.0.0/8) by default. They can't be changed after the creation.
    type: list
    elements: str
    default: []
  subnet_size:
    description: The prefix length of subnets from O(default_addr_pool), V(24) by default. It can't be changed after the creation.
    type: int
  task_history_limit:
    description: How many ended tasks the Swarm keeps for each replica.
    type: int
  snapshot_interval:
    description: The number of log entries after which raft takes a snapshot.
    type: int
  dispatcher_heartbeat:
    description: How often nodes report to the managers, for example V(5s). A worker counts as down after about three times as long.
    type: str
  cert_expiry:
    description: How long certificates of nodes are valid, for example V(2160h). The Engine accepts an hour or more.
    type: str
  autolock:
    description: Whether a manager must be unlocked with a key after a restart.
    type: bool
  labels:
    description: All labels of the Swarm itself; others are removed.
    type: dict
  remove:
    description:
      - Removes these nodes, by name or id. Their machines are gone, so they must be down. Managers are demoted first.
      - A name that no node has is not an error.
    type: list
    elements: str
    default: []
  prune_down_after:
    description:
      - Removes nodes that have been down for this number of seconds, if a host of the play with the same name seems to replace them.
      - A node that is down is always removed if a host with its address has a new membership, or none.
      - By default, other nodes are kept, with a warning.
    type: int
  dissolve:
    description: Allow all nodes to leave, which ends the Swarm with all its services, secrets and configs.
    type: bool
    default: false
  rotate:
    description:
      - Creates new secrets of the Swarm, each time the task runs. The old ones become invalid, but members stay members.
      - V(ca) is the certificate authority. The task waits until all nodes have a new certificate (O(wait_timeout)).
      - V(unlock_key) needs O(unlock_key_store). The store is written before and after the rotation, so a store that can't be written stops it.
    type: list
    elements: str
    choices: [worker_token, manager_token, ca, unlock_key]
    default: []
  unlock_key:
    description:
      - The key that unlocks managers of an autolocked Swarm after a restart of their engines.
      - Only needed if no other manager answers and O(unlock_key_store) does not have it.
    type: str
  unlock_key_store:
    description:
      - Keeps the unlock key of an autolocked Swarm in an Ansible Vault on the controller, and unlocks managers with it.
    type: dict
    suboptions:
      store:
        description: The kind of store.
        type: str
        choices: [vault]
        default: vault
      path:
        description: The file, by default V(stackwright_values.yml) beside the inventory, as for kept values.
        type: path
      vault_id:
        description: The vault identity to encrypt with.
        type: str
  join_addrs:
    description: For hosts that join a Swarm whose managers are not in the inventory, the addresses of its managers, as ADDRESS:PORT.
    type: list
    elements: str
    default: []
  join_token:
    description: The join token for O(join_addrs).
    type: str
  wait_timeout:
    description: Seconds to wait until a node that leaves has no more tasks.
    type: int
    default: 300
  lock_timeout:
    description: Seconds to wait while another run changes the membership of the Swarm.
    type: int
    default: 120
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.swarm_info
"""

EXAMPLES = r"""
- name: Bring all hosts into one Swarm, managers and workers by their inventory groups
  stackwright.swarm.swarm_cluster:
    advertise_addr: "{{ ansible_host }}"

- name: See what would change
  stackwright.swarm.swarm_cluster:
  check_mode: true
  diff: true

- name: Let one host leave
  stackwright.swarm.swarm_cluster:
    state: "{{ 'absent' if inventory_hostname == 'worker3' else 'present' }}"

- name: Rotate the join tokens
  stackwright.swarm.swarm_cluster:
    rotate: [worker_token, manager_token]

- name: Replace a manager whose machine is gone with a new host of the inventory
  stackwright.swarm.swarm_cluster:
    remove: [manager3]
"""

RETURN = r"""
wanted:
  description: The requested role of the host, V(manager), V(worker) or V(absent).
  returned: if the hosts could be read
  type: str
  sample: manager
role:
  description: The role of the host in the Swarm after the run, or in check mode after a real one; empty if it is in none.
  returned: if the hosts could be read
  type: str
  sample: manager
actions:
  description:
    - The changes of this host, in order; in check mode, the changes of a real run. Changes that concern no host of the play are in the result of its first
      manager.
  returned: success, and if some changes were made
  type: list
  elements: dict
  contains:
    action:
      description: One of V(init), V(join), V(promote), V(demote), V(drain), V(leave), V(remove), V(readmit), V(forget), V(unlock), V(settings),
          V(rotate), V(keep_key).
      type: str
    node:
      description: The name of the node.
      type: str
    reason:
      description: The reason.
      type: str
  sample:
    - {action: join, node: worker1, reason: it is in no Swarm}
node:
  description: The name of the node.
  returned: if the host could be read
  type: str
  sample: worker1
node_id:
  description: The id of the node in the Swarm; empty if it is in none.
  returned: if the host could be read
  type: str
  sample: b1tk2gq3dsq2k0vbfzqbpa8d4
address:
  description: The address at which the other nodes reach this one; empty if it is in no Swarm.
  returned: if the host could be read
  type: str
  sample: 192.0.2.10
cluster_id:
  description: The id of the Swarm; empty in check mode if there is none.
  returned: if the hosts could be read
  type: str
  sample: jrbs3yqvnxzq2fgtpy5njs0y6
calls:
  description: The number of calls to the Engine API of this host.
  returned: if the hosts could be read
  type: int
  sample: 2
done_by:
  description: The inventory host whose process did the work for all.
  returned: if it was another host of the play
  type: str
  sample: manager1
holder:
  description: The run that changes the membership right now.
  returned: if error_code is V(locked)
  type: dict
error_code:
  description:
    - A stable code of the error, for example V(quorum), V(no_quorum), V(two_clusters), V(other_cluster), V(unchangeable), V(unknown_role), V(no_manager),
      V(join_address_gone), V(last_manager), V(node_up), V(wrong_token), V(managers_unreachable), V(host_unreachable), V(clock_skew),
      V(certificate_time), V(swarm_locked), V(wrong_unlock_key), V(locked), V(conflict), V(unfinished), V(timeout) or V(invalid_options).
  returned: failure
  type: str
  sample: quorum
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.cluster_options import SWARM_CLUSTER
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import change_membership


def main() -> None:
    run_module(SWARM_CLUSTER, change_membership)


if __name__ == "__main__":
    main()
