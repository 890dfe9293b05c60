#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: Show the state of a Swarm
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Shows the cluster, its nodes with their reserved resources, stacks, services, tasks, networks, and the configs and secrets with the services that use them.
  - Takes one snapshot with at most eight Engine calls, regardless of the size of the Swarm. The content of configs and secrets is never shown, and
    labels whose names look like passwords are hidden.
options:
  gather:
    description:
      - The sections to show. V(tasks) and V(tasks_by_node) are only shown if they are listed here.
    type: list
    elements: str
    choices: [cluster, nodes, stacks, services, tasks, tasks_by_node, networks, configs, secrets]
    default: [cluster, nodes, stacks, services, networks, configs, secrets]
  filters:
    description:
      - Show only matching items. Use shell patterns, for example V(shop_*). They are case-sensitive.
      - A filter does not apply to sections without this property.
    type: dict
    default: {}
    suboptions:
      name:
        description: The name of a node, stack, service, network, config or secret.
        type: str
      stack:
        description: The stack of an item.
        type: str
      service:
        description: The name of a service, for services and tasks.
        type: str
      node:
        description: The name of a node, for nodes and tasks.
        type: str
      role:
        description: The role of a node, V(manager) or V(worker).
        type: str
      state:
        description: The state of a node or of a task, for example V(ready) or V(failed).
        type: str
      label:
        description: A label, as NAME or NAME=VALUE, for nodes, services, networks, configs and secrets.
        type: str
  limit:
    description:
      - The maximum number of items in each section. RV(totals) has the numbers without the limit.
    type: int
  offset:
    description:
      - Skip this number of items at the beginning of each section.
    type: int
    default: 0
  join_tokens:
    description:
      - Also show the join tokens, without their secret part.
    type: bool
    default: false
  what_if:
    description:
      - The host name or the id of a node. RV(what_if) then shows the effect of its loss.
    type: str
    version_added: 1.1.0
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
  - stackwright.swarm.attributes.info
seealso:
  - module: stackwright.swarm.stack_info
  - module: stackwright.swarm.stack_health
"""

EXAMPLES = r"""
- name: Read the state of the Swarm
  stackwright.swarm.swarm_info:
  register: swarm

- name: Fail if a node is not ready
  ansible.builtin.assert:
    that: swarm.nodes | rejectattr('state', 'equalto', 'ready') | length == 0

- name: Find configs and secrets that no service uses
  stackwright.swarm.swarm_info:
    gather: [configs, secrets]
  register: objects

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ (objects.configs + objects.secrets) | rejectattr('used_by') | map(attribute='name') }}"

- name: Read the cluster with the public part of its join tokens
  stackwright.swarm.swarm_info:
    gather: [cluster]
    join_tokens: true

- name: Read the effect of the loss of a node
  stackwright.swarm.swarm_info:
    gather: [cluster, tasks_by_node]
    what_if: m1
  register: loss

- name: Fail if the Swarm would have fewer tasks than wanted, or no quorum
  ansible.builtin.assert:
    that:
      - loss.what_if.managers.managers == 1 or loss.what_if.managers.quorum
      - loss.cluster.raft.quorum

- name: Read the first twenty failed tasks of a stack
  stackwright.swarm.swarm_info:
    gather: [tasks]
    filters:
      stack: shop
      state: failed
    limit: 20
"""

RETURN = r"""
cluster:
  description: The Swarm itself.
  returned: if it is in O(gather)
  type: dict
  contains:
    id: {description: Its id., type: str}
    created: {description: When it was created., type: str}
    updated: {description: When its settings were last changed., type: str}
    managers: {description: The number of managers., type: int}
    nodes: {description: The number of nodes., type: int}
    autolock: {description: Whether managers must be unlocked after a restart., type: bool}
    task_history: {description: How many ended tasks the Swarm remembers for each slot., type: int}
    address_pools: {description: The pools that networks get their subnets from., type: list, elements: str}
    vxlan_port: {description: The port of the traffic between nodes., type: int}
    raft:
      description: The quorum of the managers.
      type: dict
      contains:
        managers: {description: The number of managers., type: int}
        reachable: {description: How many of them are reachable., type: int}
        needed: {description: How many must be reachable., type: int}
        quorum: {description: Whether enough are reachable., type: bool}
        may_fail: {description: How many more may fail., type: int}
        leader: {description: The name of the leader., type: str}
        unreachable: {description: The names of managers that are not reachable., type: list, elements: str}
    certificates:
      description:
        - When certificates expire. Those that expire within 30 days, or within a third of their time if that is shorter, are also warnings.
      type: dict
      contains:
        root:
          description: The root certificate of the Swarm.
          type: dict
          contains:
            issued: {description: When it was issued., type: str}
            expires: {description: When it expires., type: str}
            days_left: {description: The whole days until then., type: int}
        this_node:
          description:
            - The certificate of the node whose Engine answered, in the same form. Null if the module does not run on that node or may not read the file.
              No other node can report it.
          type: dict
          contains:
            issued: {description: When it was issued., type: str}
            expires: {description: When it expires., type: str}
            days_left: {description: The whole days until then., type: int}
        node_days: {description: For how many days a new certificate of a node is valid., type: float}
        rotating: {description: Whether the root certificate is being rotated., type: bool}
        other_root: {description: The names of nodes that trust another root certificate., type: list, elements: str}
    join_tokens: {description: 'The tokens for V(worker) and V(manager), without their secret part.', type: dict}
  sample:
    id: 4eoyr6qczm8id0w9tvzg3ytr7
    created: "2026-11-20T10:00:00.123456789Z"
    updated: "2026-11-21T09:30:00.123456789Z"
    managers: 3
    nodes: 5
    autolock: false
    task_history: 5
    address_pools: [10.0.0.0/8]
    vxlan_port: 4789
    raft: {managers: 3, reachable: 3, needed: 2, quorum: true, may_fail: 1, leader: manager1, unreachable: []}
    certificates:
      root: {issued: "2026-11-20T10:00:00Z", expires: "2046-11-15T10:00:00Z", days_left: 7295}
      this_node: {issued: "2026-11-20T10:00:00Z", expires: "2027-02-18T10:00:00Z", days_left: 89}
      node_days: 90.0
      rotating: false
      other_root: []
nodes:
  description: The nodes, sorted by name.
  returned: if they are in O(gather)
  type: list
  elements: dict
  contains:
    id: {description: The node's id., type: str}
    name: {description: Its host name., type: str}
    role: {description: V(manager) or V(worker)., type: str}
    availability: {description: 'V(active), V(pause) or V(drain).', type: str}
    state: {description: 'For example V(ready) or V(down).', type: str}
    message: {description: Why it is in this state., type: str}
    address: {description: Its address., type: str}
    leader: {description: Whether it is the leader., type: bool}
    reachability: {description: 'Whether the other managers can reach it; empty for a worker.', type: str}
    engine: {description: The version of its Engine., type: str}
    os: {description: Its operating system., type: str}
    architecture: {description: Its CPU architecture., type: str}
    labels: {description: The labels of the node., type: dict}
    engine_labels: {description: The labels of its Engine., type: dict}
    cpus: {description: Its CPUs., type: float}
    memory: {description: Its memory in bytes., type: int}
    cpus_reserved: {description: How many CPUs the tasks on it have reserved., type: float}
    memory_reserved: {description: How many bytes of memory the tasks on it have reserved., type: int}
    tasks: {description: The number of its tasks., type: int}
    created: {description: When it joined., type: str}
    updated: {description: 'When it last changed, for example its state.', type: str}
  sample:
    - id: 2ppaq4vzs2rwbx8ctw6qlyhkc
      name: worker1
      role: worker
      availability: active
      state: ready
      message: ""
      address: 10.0.1.12
      leader: false
      reachability: ""
      engine: 28.5.2
      os: linux
      architecture: x86_64
      labels: {disk: ssd}
      engine_labels: {}
      cpus: 4.0
      memory: 8331694080
      cpus_reserved: 1.5
      memory_reserved: 1073741824
      tasks: 7
      created: "2026-11-20T10:01:00.123456789Z"
      updated: "2026-11-21T08:00:00.123456789Z"
stacks:
  description: The stacks, sorted by name, including stacks deployed with the docker command.
  returned: if they are in O(gather)
  type: list
  elements: dict
  contains:
    name: {description: The stack's name., type: str}
    owner:
      description: The owner of the name, as in M(stackwright.swarm.stack_info).
      type: dict
    status: {description: 'The worst status of its services, see M(stackwright.swarm.stack_health).', type: str}
    services: {description: The number of its services., type: int}
    running: {description: How many tasks run., type: int}
    desired: {description: How many tasks should run., type: int}
    networks: {description: The number of its networks., type: int}
    configs: {description: The number of its configs., type: int}
    secrets: {description: The number of its secrets., type: int}
    volumes: {description: The number of volumes that its services mount., type: int}
  sample:
    - {name: shop, status: healthy, services: 2, running: 3, desired: 3, networks: 1, configs: 1, secrets: 2, volumes: 1}
services:
  description: The services, sorted by name. Each has its stack, and the fields of RV(stackwright.swarm.stack_info#module:stacks[].services) except the tasks.
  returned: if they are in O(gather)
  type: list
  elements: dict
tasks:
  description: The tasks, each with its stack and service, and the fields in M(stackwright.swarm.stack_info).
  returned: if they are in O(gather)
  type: list
  elements: dict
tasks_by_node:
  description: For each node the tasks that should run on it.
  returned: if they are in O(gather)
  type: list
  elements: dict
  contains:
    node: {description: The host name of the node., type: str}
    id: {description: Its id., type: str}
    tasks: {description: The number of its tasks., type: int}
    services:
      description: The services of these tasks.
      type: list
      elements: dict
      contains:
        service: {description: The name of the service., type: str}
        stack: {description: 'Its stack, or empty text.', type: str}
        tasks: {description: The number of its tasks on the node., type: int}
  sample:
    - node: worker1
      id: 2ppaq4vzs2rwbx8ctw6qlyhkc
      tasks: 2
      services: [{service: shop_web, stack: shop, tasks: 2}]
what_if:
  description: The effect of the loss of the node in O(what_if).
  returned: if O(what_if) is set
  type: dict
  contains:
    node: {description: The host name of the node., type: str}
    id: {description: Its id., type: str}
    down: {description: Whether it is down already., type: bool}
    managers:
      description: The managers without it.
      type: dict
      contains:
        managers: {description: The number of managers. A lost one still counts., type: int}
        reachable: {description: How many would be reachable., type: int}
        needed: {description: How many must be reachable., type: int}
        quorum: {description: Whether enough would be reachable. Without a quorum Swarm replaces no tasks., type: bool}
    services:
      description: The replicated services and jobs with tasks on it.
      type: list
      elements: dict
      contains:
        service: {description: The name of the service., type: str}
        stack: {description: 'Its stack, or empty text.', type: str}
        desired: {description: The number of tasks that it should have., type: int}
        lost: {description: How many of them are on the node., type: int}
        missing: {description: How many of these no other node can run., type: int}
        why: {description: 'The reason, and the data that only this node has; empty if the service loses nothing.', type: str}
        volumes: {description: Its named volumes on the node., type: list, elements: str}
    fewer: {description: The services that would have fewer tasks than wanted., type: list, elements: str}
    global_services: {description: The global services with a task on the node., type: list, elements: str}
  sample:
    node: worker1
    id: 2ppaq4vzs2rwbx8ctw6qlyhkc
    down: false
    managers: {managers: 3, reachable: 3, needed: 2, quorum: true}
    services:
      - service: shop_db
        stack: shop
        desired: 1
        lost: 1
        missing: 1
        why: "node.labels.disk == ssd rules out manager1 (none); the data in shop_data is on this node only"
        volumes: [shop_data]
    fewer: [shop_db]
    global_services: [shop_agent]
networks:
  description: The networks of the Swarm, each with the services that use it.
  returned: if they are in O(gather)
  type: list
  elements: dict
configs:
  description: The configs, each with the services that use it.
  returned: if they are in O(gather)
  type: list
  elements: dict
  contains:
    id: {description: The config's id., type: str}
    name: {description: Its name., type: str}
    stack: {description: Its stack., type: str}
    labels: {description: Its labels., type: dict}
    created: {description: When it was created., type: str}
    used_by: {description: The names of the services that use it., type: list, elements: str}
  sample:
    - id: 8ynkc4bd3ur9fz1tjfyd1oidq
      name: shop_page
      stack: shop
      labels: {com.docker.stack.namespace: shop}
      created: "2026-11-21T01:21:07.123456789Z"
      used_by: [shop_web]
secrets:
  description: The secrets, each with the services that use it, as in RV(configs).
  returned: if they are in O(gather)
  type: list
  elements: dict
totals:
  description: How many items of each section match O(filters), before O(limit) and O(offset).
  returned: success
  type: dict
  sample: {nodes: 5, services: 12}
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
  sample: 8
error_code:
  description: A stable code of the error, for example V(not_a_manager).
  returned: failure
  type: str
  sample: not_a_manager
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_info import show_swarm
from ansible_collections.stackwright.swarm.plugins.module_utils.request.info_options import SWARM_INFO


def main() -> None:
    run_module(SWARM_INFO, show_swarm)


if __name__ == "__main__":
    main()
