#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_network
short_description: Create, compare or remove a network that belongs to no stack
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Manages a network of the Swarm that several stacks share (C(external) in their Compose files).
  - Swarm can't change a network. If it differs, the module replaces it with O(recreate=true), but never while services or containers use it.
  - On all managers of a play, one creates the network and the others find it.
options:
  name:
    description: The name of the network.
    type: str
    required: true
  state:
    description:
      - V(present) creates the network, or compares it.
      - V(absent) removes it. It fails with RV(error_code=in_use) if services or containers use it.
    type: str
    choices: [present, absent]
    default: present
  driver:
    description: The driver.
    type: str
    default: overlay
  driver_options:
    description: Options of the driver.
    type: dict
  attachable:
    description: Whether standalone containers can join it.
    type: bool
    default: false
  internal:
    description: Whether it has no external access.
    type: bool
    default: false
  encrypted:
    description: Whether the traffic between nodes is encrypted.
    type: bool
    default: false
  ipv6:
    description: Whether it has IPv6 addresses.
    type: bool
    default: false
  ipam:
    description: The subnets. Without this option, Swarm chooses one, and subnets are not compared.
    type: list
    elements: dict
    default: []
    suboptions:
      subnet:
        description: The subnet, for example V(10.20.0.0/24).
        type: str
        required: true
      gateway:
        description: The address of the gateway.
        type: str
      ip_range:
        description: The part of the subnet that tasks get their addresses from.
        type: str
  labels:
    description: The labels of a new network. Swarm can't change them afterwards, which is a warning.
    type: dict
  recreate:
    description: Whether a network that differs may be removed and created again, if nothing uses it.
    type: bool
    default: false
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
  - module: stackwright.swarm.compose_stack
"""

EXAMPLES = r"""
- name: Create a network that stacks share
  stackwright.swarm.swarm_network:
    name: backbone
    attachable: true

- name: Replace it if it differs and nothing uses it
  stackwright.swarm.swarm_network:
    name: backbone
    recreate: true
    ipam:
      - subnet: 10.99.7.0/24

- name: Remove it if nothing uses it
  stackwright.swarm.swarm_network:
    name: backbone
    state: absent
"""

RETURN = r"""
name:
  description: The name of the network.
  returned: success
  type: str
  sample: backbone
network_id:
  description: The id of the network; empty if there is none.
  returned: success
  type: str
  sample: zq9hs3rq1mvsaa2vkkrzs8qlf
used_by:
  description: The services and containers that use it.
  returned: success, and if it can't be replaced or removed because of them
  type: list
  elements: str
  sample: ["shop_web (stack shop)"]
changes:
  description: The differences that cause the replacement.
  returned: success
  type: list
  elements: dict
  contains:
    path: {description: The property., type: str}
    before: {description: Its value before., type: raw}
    after: {description: Its value after., type: raw}
  sample: []
plan_lines:
  description: The changes as text.
  returned: success
  type: list
  elements: str
  sample: ["create network backbone: new"]
notices:
  description: Notices about the change. Ansible also shows them as warnings.
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
  description: The node whose Engine answered.
  returned: success
  type: str
  sample: manager1
calls:
  description: The number of calls to the Engine API.
  returned: success
  type: int
  sample: 2
differences:
  description: The differences as text.
  returned: if it differs and can't be replaced
  type: list
  elements: str
  sample: ["Attachable false → true"]
error_code:
  description: A stable code of the error, for example V(network_differs), V(in_use), V(conflict) or V(not_a_manager).
  returned: failure
  type: str
  sample: in_use
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.request.node_options import NETWORK
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.networks import change_network


def main() -> None:
    run_module(NETWORK, change_network)


if __name__ == "__main__":
    main()
