#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_load
short_description: Measure the CPU of a stack's tasks on each node
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Measures how much CPU each task of a stack uses on the node of the host. Run it on every node, because an Engine only knows its own containers.
  - On a manager it also shows the services that have the label C(stackwright.autoscale) under C(deploy.labels), such as V(2-10), with the data that
    the filter P(stackwright.swarm.autoscale_decisions#filter) needs. The playbook C(stackwright.swarm.autoscale) uses both.
options:
  name:
    required: true
  seconds:
    description:
      - How long to measure, in seconds, 0.1 to 60.
    type: float
    default: 2.0
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.info
seealso:
  - module: stackwright.swarm.stack_service
  - plugin: stackwright.swarm.autoscale_decisions
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Measure the shop on this node
  stackwright.swarm.stack_load:
    name: shop
    seconds: 0.5
  register: load

- name: Show the tasks
  ansible.builtin.debug:
    msg: "{{ load.tasks }}"
"""

RETURN = r"""
stack:
  description: The stack's name in the Swarm.
  returned: success
  type: str
  sample: shop
node:
  description: The name of the node.
  returned: success
  type: str
  sample: manager1
cluster_id:
  description: The id of the Swarm; empty on a worker, which does not know it.
  returned: success
  type: str
  sample: jrbs3yqvnxzq2fgtpy5njs0y6
manager:
  description: Whether the node is a manager.
  returned: success
  type: bool
  sample: true
tasks:
  description: The tasks of the stack that run on this node.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The service's name in the Swarm.
      type: str
      sample: shop_web
    task:
      description: The id of the task.
      type: str
      sample: acuojyrwpctv4fsn9bmgonh8h
    cpu_percent:
      description: The CPU that it used, in percent of its limit (C(deploy.resources.limits.cpus)); without a limit, of one CPU.
      type: float
      sample: 83.4
services:
  description: On a manager, the services with the label; else empty.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The service's name in the Swarm.
      type: str
      sample: shop_web
    replicas:
      description: The number of tasks that it should have.
      type: int
      sample: 2
    tasks:
      description: The ids of the tasks that run, on all nodes.
      type: list
      elements: str
      sample: [acuojyrwpctv4fsn9bmgonh8h]
    low:
      description: The lowest number that the label allows.
      type: int
      sample: 2
    high:
      description: The highest number that the label allows.
      type: int
      sample: 10
    busy:
      description: Why the number must not be changed now, for example because a deployment holds the lock; otherwise empty.
      type: str
      sample: ""
    unchanged_for:
      description: Seconds since the last change of the service.
      type: int
      sample: 340
calls:
  description: The number of calls to the Engine API.
  returned: success
  type: int
  sample: 7
error_code:
  description: A stable code of the error, for example V(daemon_unreachable) or V(invalid_options).
  returned: failure
  type: str
  sample: daemon_unreachable
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.info.load import show_load


def main() -> None:
    name = {"type": "str", "required": True}
    run_module({**STACK, "name": name, "seconds": {"type": "float", "default": 2.0}}, show_load)


if __name__ == "__main__":
    main()
