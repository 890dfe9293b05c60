#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_bundle
short_description: Save the stacks of a Swarm to a file, and verify and read it
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - A bundle contains everything that another cluster needs to run the stacks of a Swarm - their Compose files, contents of configs, kept values, networks,
    labels of nodes, and the contents of secrets if you provide them. The data of volumes is not included.
  - It is one encrypted file and one readable manifest. A bundle that was changed, is damaged or incomplete is refused.
  - Use the playbooks C(bundle) and C(bundle_restore). To restore the same Swarm on its own machines, see M(stackwright.swarm.swarm_raft).
options:
  state:
    description:
      - V(saved) reads the Swarm and writes a bundle, each time the task runs.
      - V(verified) reads the bundle O(path) on the controller, checks each byte of it, and compiles each of its stacks. It needs no manager.
      - V(read) does the same, compares the bundle with the Swarm of the host, and returns the options of the modules that restore it. It changes
        nothing. The result contains passwords, so the task must set C(no_log=true), else it fails (C(no_log_needed)).
    type: str
    choices: [saved, verified, read]
    required: true
  path:
    description:
      - For O(state=saved), a folder on the controller. A relative path is relative to the playbook.
      - Else a bundle on the controller, with its manifest beside it.
    type: path
    required: true
  vault_id:
    description:
      - The vault identity to encrypt with. By default the first of the play.
    type: str
  password:
    description:
      - The password to encrypt and decrypt with, in place of the passwords of the play.
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
      - The number of bundles of this Swarm to keep in O(path). Older ones are removed after a new one is complete. V(0) removes none.
    type: int
    default: 7
  values:
    description:
      - For O(state=saved), kept values that the manager can't read because they are in a vault, as a dictionary per stack.
      - M(stackwright.swarm.stack_values) with O(stackwright.swarm.stack_values#module:state=read) returns them.
    type: dict
    default: {}
  secrets:
    description:
      - Contents of secrets as text, by their names in the Swarm, since no Swarm returns them. For O(state=saved), they become part of the bundle. For
        O(state=read), they are used in addition to those of the bundle.
    type: dict
    default: {}
  snapshots:
    description:
      - For O(state=saved), results of M(stackwright.swarm.volume_snapshot) on the nodes. The bundle names these snapshots, so that a restore can restore their
        volumes first. Their archives are not in it.
    type: list
    elements: dict
    default: []
  platform:
    description:
      - For O(state=saved), the stacks that other stacks need, such as the proxy. They are restored first.
    type: list
    elements: str
    default: [proxy]
  label_prefix:
    description: The prefix of this collection's labels, for stacks whose labels do not show another prefix.
    type: str
    default: stackwright
  only:
    description:
      - For O(state=read), V(platform) returns only the stacks in O(platform) of the bundle, and what they need.
    type: str
    choices: [all, platform]
    default: all
  incomplete:
    description:
      - For O(state=read), leave out stacks with secrets whose contents are not known. Without it, they are an error.
    type: bool
    default: false
  nodes:
    description:
      - For O(state=read), names of nodes in the bundle and their successors in this Swarm. A node keeps its name by default. An empty text
        drops its labels.
    type: dict
    default: {}
  spread_nodes:
    description:
      - For O(state=read), map nodes of the bundle that the Swarm does not have, and that O(nodes) does not name, to its nodes in turn. For a trial.
    type: bool
    default: false
  domains:
    description:
      - For O(state=read), domains and their successors, in labels and environments. The domains below them change too.
    type: dict
    default: {}
  networks:
    description:
      - For O(state=read), networks that belong to no stack, and their successors. An existing successor is used unchanged.
    type: dict
    default: {}
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
    support: partial
    details:
      - With O(state=saved), each run writes a bundle.
seealso:
  - module: stackwright.swarm.stack_export
  - module: stackwright.swarm.swarm_raft
"""

EXAMPLES = r"""
- name: Save the stacks, encrypted with Ansible Vault
  stackwright.swarm.swarm_bundle:
    state: saved
    path: bundles
    password: "{{ vault_db_password }}"
  run_once: true
  register: bundle

- name: Verify the bundle
  stackwright.swarm.swarm_bundle:
    state: verified
    path: "{{ bundle.path }}"
    password: "{{ vault_db_password }}"
  run_once: true
"""

RETURN = r"""
path:
  description: The bundle.
  returned: success, and not in check mode with O(state=saved)
  type: str
  sample: /srv/bundles/bundle-jrbs3yqvnxzq-20261129T030000Z.bundle
format:
  description: The version of the bundle's format.
  returned: success, and not in check mode with O(state=saved)
  type: int
  sample: 1
collection:
  description: The version of this collection that wrote it.
  returned: success
  type: str
  sample: 1.1.0
created:
  description: When it was written.
  returned: success
  type: str
  sample: "2026-11-29T03:00:00Z"
cluster_id:
  description: The id of the Swarm in the bundle.
  returned: success
  type: str
  sample: jrbs3yqvnxzq2fgtpy5njs0y6
node:
  description: The manager that was read for it.
  returned: success
  type: str
  sample: manager1
sha256:
  description: The checksum of the encrypted file.
  returned: success, and not in check mode with O(state=saved)
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
bytes:
  description: The size of the encrypted file.
  returned: success, and not in check mode with O(state=saved)
  type: int
  sample: 18403
encryption:
  description: V(ansible-vault), or the name of the command.
  returned: success, and not in check mode with O(state=saved)
  type: str
  sample: ansible-vault
stacks:
  description: The stacks, with their services and the number of their kept values.
  returned: success
  type: dict
  sample: {shop: {services: [db, web], values: 2}}
platform:
  description: The stacks that are restored first.
  returned: success
  type: list
  elements: str
  sample: [proxy]
nodes:
  description: The names of the nodes.
  returned: success
  type: list
  elements: str
  sample: [manager1, worker1]
networks:
  description: The networks that belong to no stack.
  returned: success
  type: list
  elements: str
  sample: [public]
configs:
  description: The configs that belong to no stack.
  returned: success
  type: list
  elements: str
  sample: []
secrets:
  description: The secrets whose contents are in the bundle.
  returned: success
  type: list
  elements: str
  sample: [shop_key]
snapshots:
  description: The snapshots of volumes that belong to the bundle.
  returned: success, but not for bundles of older versions
  type: list
  elements: dict
  contains:
    volume: {description: The volume., type: str, sample: shop_data}
    node: {description: Its node., type: str, sample: worker1}
    id: {description: The id of the snapshot., type: str, sample: 20261129T233000Z-5f0a1c}
    sha256: {description: The checksum of its archive., type: str}
not_in_bundle:
  description: The parts that are not in the bundle, one sentence each. For example the data of volumes, and secrets whose contents were not given.
  returned: success
  type: list
  elements: str
  sample: ["stack shop: the data of the volume shop_data"]
removed:
  description: The files of older bundles that were removed.
  returned: success, with O(state=saved), and not in check mode
  type: list
  elements: str
  sample: []
restore:
  description: The options of the modules that restore the bundle. Contains passwords.
  returned: success, with O(state=read)
  type: dict
  contains:
    node_labels: {description: The labels of each node., type: dict}
    networks: {description: Options of M(stackwright.swarm.swarm_network)., type: list, elements: dict}
    secrets: {description: 'Contents in base64 and labels of secrets that do not exist, by name.', type: dict}
    configs: {description: The same of configs that belong to no stack., type: dict}
    kept: {description: The kept values of stacks., type: list, elements: dict}
    volumes:
      description: The snapshots of volumes to restore, with their node in this Swarm.
      type: list
      elements: dict
    folders: {description: Folders that the platform needs on its nodes., type: list, elements: str}
    platform: {description: 'The platform, as O(stackwright.swarm.compose_stack#module:stacks).', type: list, elements: dict}
    stacks: {description: The other stacks., type: list, elements: dict}
    unplanned: {description: 'In check mode, stacks that can''t be planned before other objects exist.', type: list, elements: str}
    not_restored: {description: 'The parts of the bundle that are not restored, one sentence each.', type: list, elements: str}
error_code:
  description:
    - A stable code of the error. V(damaged_backup), V(bundle_format), V(bundle_mapping), V(bundle_incomplete), V(backup_not_encrypted),
      V(backup_not_decrypted), V(backup_unwritable), V(not_found), V(no_log_needed), V(invalid_options), and the codes of the connection.
  returned: failure
  type: str
  sample: damaged_backup
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.bundle_options import SWARM_BUNDLE
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.stack_export import read_whole_swarm


def main() -> None:
    run_module(SWARM_BUNDLE, read_whole_swarm)


if __name__ == "__main__":
    main()
