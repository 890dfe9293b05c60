#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_init
short_description: Create a Swarm if there is none
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Makes the engine the first manager of a new Swarm. An engine that is already a manager is not changed, regardless of the options.
  - Fails if the engine is a worker of another Swarm.
  - For a Swarm of several hosts, and to compare its settings, use M(stackwright.swarm.swarm_cluster), which will replace this module.
options:
  advertise_addr:
    description:
      - The address, or the network interface, at which other nodes reach this one.
      - By default, the engine chooses. It fails if it has several addresses.
    type: str
    default: ""
  listen_addr:
    description:
      - The address at which the engine listens for other managers, as ADDRESS:PORT.
    type: str
    default: 0.0.0.0:2377
  data_path_addr:
    description:
      - The address, or the network interface, for the traffic of overlay networks, if it differs.
    type: str
    default: ""
  default_addr_pool:
    description:
      - The pools for subnets of overlay networks.
    type: list
    elements: str
    default: []
  subnet_size:
    description:
      - The prefix length of subnets from O(default_addr_pool).
    type: int
    default: 24
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.swarm_cluster
  - module: stackwright.swarm.swarm_info
"""

EXAMPLES = r"""
- name: Create a Swarm on this engine
  stackwright.swarm.swarm_init:
    advertise_addr: "{{ ansible_host | default('127.0.0.1') }}"
"""

RETURN = r"""
node:
  description: The name of the node.
  returned: success
  type: str
  sample: manager1
node_id:
  description: The id of the node in the Swarm; empty in check mode if there is no Swarm.
  returned: success
  type: str
  sample: b1tk2gq3dsq2k0vbfzqbpa8d4
cluster_id:
  description: The id of the Swarm; empty in check mode if there is none.
  returned: success
  type: str
  sample: jrbs3yqvnxzq2fgtpy5njs0y6
address:
  description: The address at which other nodes reach this one.
  returned: success
  type: str
  sample: 192.0.2.10
error_code:
  description: A stable code of the error, for example V(not_a_manager).
  returned: failure
  type: str
  sample: not_a_manager
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import SWARM_INIT
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.swarm_init import init_swarm


def main() -> None:
    run_module(SWARM_INIT, init_swarm)


if __name__ == "__main__":
    main()
