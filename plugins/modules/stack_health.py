#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_health
short_description: Say how the services of a stack are, and wait for them
version_added: 0.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Says for each service of a stack how many tasks should run, how many run, and what is wrong.
  - With O(wait=true) it waits until all services are as they should be. It fails with the task's error, its node and its last
    log lines when the time is over, and earlier if it is certain that they will not come to that.
  - Without O(wait=true) an unhealthy stack, or one that does not exist, is no failure. RV(healthy) tells.
  - Works with every stack, also with those that docker's own command has deployed.
options:
  name:
    required: true
  wait:
    description:
      - Wait until the stack is healthy. It is an error if the stack does not exist.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds that may pass without progress with O(wait=true). Each task that newly runs, or is complete, starts them again.
    type: int
    default: 300
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
  - stackwright.swarm.attributes.info
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: See how the shop is
  stackwright.swarm.stack_health:
    name: shop
  register: shop

- name: Stop the play unless it is well
  ansible.builtin.assert:
    that: shop.healthy

- name: Wait until it is
  stackwright.swarm.stack_health:
    name: shop
    wait: true
    wait_timeout: 120
"""

RETURN = r"""
stack:
  description: What the stack is called in the Swarm.
  returned: success
  type: str
  sample: shop
exists:
  description: Whether it has any service.
  returned: success
  type: bool
  sample: true
status:
  description: The worst status of its services; V(unknown) if there is none.
  returned: success
  type: str
  sample: healthy
healthy:
  description: Whether every service is as it should be, that is V(healthy), V(complete) or V(asleep).
  returned: success
  type: bool
  sample: true
services:
  description: How each service is, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The service's name in the Swarm.
      type: str
    status:
      description:
        - V(healthy), V(complete) (a job that is done), V(asleep) (no replicas wanted), V(progressing), V(degraded), V(failed)
          or V(unknown).
      type: str
    mode:
      description: The mode as in Compose, for instance V(replicated).
      type: str
    desired:
      description: How many tasks should run.
      type: int
    running:
      description: How many run.
      type: int
    message:
      description: What is missing or wrong; empty if nothing is.
      type: str
  sample:
    - {name: shop_db, status: healthy, mode: replicated, desired: 1, running: 1, message: ""}
    - {name: shop_web, status: healthy, mode: replicated, desired: 2, running: 2, message: ""}
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
node:
  description: The node whose Engine was asked.
  returned: success
  type: str
  sample: manager1
calls:
  description: How many calls of the Engine API this took.
  returned: success
  type: int
  sample: 4
error_code:
  description: A stable word for what went wrong, for instance V(not_found), V(timeout) or V(health_gate_failed).
  returned: failure
  type: str
  sample: timeout
failures:
  description: Why services do not run.
  returned: when the wait has failed
  type: list
  elements: dict
  contains:
    service:
      description: The service's name in the Swarm.
      type: str
    reason:
      description: What is wrong with the service.
      type: str
    error:
      description: The error of its latest task.
      type: str
    exit_code:
      description: The exit code of that task's container, if it has ended.
      type: int
    node:
      description: The node of that task.
      type: str
    health_check:
      description: What its failing health check wrote last. Known only if it ran on the node that was asked.
      type: list
      elements: str
    log:
      description: The last lines that it wrote.
      type: list
      elements: str
    text:
      description: All of this as text.
      type: str
  sample:
    - service: shop_web
      reason: its tasks fail
      error: "task: non-zero exit (7)"
      exit_code: 7
      node: worker1
      health_check: []
      log: ["no database"]
      text: "shop_web: its tasks fail: exit code 7, on node worker1"
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.options import STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.sight import look_at_health

OPTIONS = {
    **STACK,
    "name": {"type": "str", "required": True},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 300},
}


def main() -> None:
    run_module(OPTIONS, look_at_health)


if __name__ == "__main__":
    main()
