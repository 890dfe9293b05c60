#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_export
short_description: Write running stacks as Compose files
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Reads stacks from a running Swarm, whoever deployed them, and writes a Compose file for each of them on the controller.
  - The module compiles each file again and plans it against the running stack. A deployment of the file changes nothing, except
    for the parts in RV(not_exported).
  - Configs become files. The content of a secret can't be read, so a secret becomes C(external). Routes stay labels.
  - Defaults are left out, and images have no digest unless the stack was deployed with one.
  - Kept values of this collection become the expressions that generate them.
  - Compose files contain environment variables unmasked. So they and the configs have the mode V(0600), and their contents are in no result or diff.
options:
  name:
    description:
      - The stacks, by their full names, as C(docker stack ls) shows them. Each gets a folder in O(dest).
      - Give this or O(all=true).
    type: list
    elements: str
    default: []
  all:
    description:
      - Export all stacks into the folder C(stacks) of O(dest).
      - A service that belongs to no stack becomes a stack with its name in the folder C(loose). A deployment of this stack creates a new service beside it.
    type: bool
    default: false
  dest:
    description: A folder on the controller. A relative path is relative to the playbook.
    type: path
    required: true
  playbook:
    description:
      - Also write an inventory, a playbook that deploys everything, its variables and a C(README.md). Requires O(all=true).
    type: bool
    default: false
  overwrite:
    description: Replace files with other content. Without it, they are an error, and nothing is written.
    type: bool
    default: false
  strict:
    description: Fail, and write nothing, if anything can't be expressed in the files.
    type: bool
    default: false
  label_prefix:
    description: The prefix of this collection's labels, for stacks whose labels do not show another prefix.
    type: str
    default: stackwright
attributes:
  check_mode:
    support: full
  diff_mode:
    support: partial
    details: The diff names the files. It does not show their contents.
  idempotent:
    support: full
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
notes:
  - Needs one manager. If a play has several, each reads the Swarm, and the files are written once. Use C(run_once) to read it once.
  - Comments, C(depends_on), profiles, variables and C(pre_start) are not part of a running service, so no export has them.
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.services_registry_import
"""

EXAMPLES = r"""
- name: Export one stack to shop/compose.yml
  stackwright.swarm.stack_export:
    name: shop
    dest: exported
  register: export

- name: Show what the file can't express
  ansible.builtin.debug:
    var: export.not_exported

- name: Export the whole Swarm with an inventory and a playbook
  stackwright.swarm.stack_export:
    all: true
    dest: swarm
    playbook: true
    overwrite: true
  run_once: true
"""

RETURN = r"""
dest:
  description: The folder.
  returned: success
  type: str
  sample: /srv/ansible/exported
stacks:
  description: The exported stacks.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The name of the stack in the Swarm., type: str}
    folder: {description: Its folder in RV(dest)., type: str}
    services: {description: Its services., type: list, elements: str}
    loose: {description: 'The service without a stack from which it was created, or an empty text.', type: str}
    not_exported: {description: 'The parts that the files can''t express, one sentence each.', type: list, elements: str}
    options: {description: 'The options of M(stackwright.swarm.compose_stack) that the stack needs, as in C(stack.yml).', type: dict}
    secrets: {description: 'The secrets that must exist before a deployment, because their contents can''t be read.', type: list, elements: str}
  sample:
    - {name: shop, folder: shop, services: [db, web], loose: "", not_exported: [], options: {name: shop}, secrets: [shop_key]}
written:
  description: The files that were written, or would be in check mode, as paths in RV(dest).
  returned: success
  type: list
  elements: str
  sample: [shop/compose.yml, shop/configs/site.conf]
not_exported:
  description: The parts of all stacks that the files can't express. Empty if a deployment would change nothing.
  returned: success
  type: list
  elements: str
  sample: []
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
node:
  description: The manager that was read.
  returned: success
  type: str
  sample: manager1
error_code:
  description: A stable code of the error. V(not_found), V(export_exists), V(not_exportable), V(dest_unusable), V(invalid_options), and those of the connection.
  returned: failure
  type: str
  sample: export_exists
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.export_options import STACK_EXPORT
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.stack_export import read_swarm


def main() -> None:
    run_module(STACK_EXPORT, read_swarm)


if __name__ == "__main__":
    main()
