#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_health
short_description: Say how the services of a stack are, and wait for them
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Says for each service of a stack how many tasks should run and how many do, how far an update is, how often tasks were started again,
    what failed last and why, and since when the service is as it is.
  - With O(wait=true) it waits until all services are as they should be, and shows meanwhile what it waits for. It fails with the task's
    error, its node and its last log lines when the time is over, and earlier if it is certain that they will not come to that.
  - Without O(wait=true) an unhealthy stack, or one that does not exist, is no failure. RV(healthy) tells.
  - Works with every stack, also with those that docker's own command has deployed.
  - The play may name every manager of a cluster. Each looks for itself. Where there is something to wait for, one of them waits for all.
options:
  name:
    required: true
  wait:
    description:
      - Wait until the stack is healthy. It is an error if the stack does not exist.
      - Not in check mode, where nothing has changed that could be waited for.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds that may pass without progress with O(wait=true). Each task that newly runs, or is complete, starts them again.
    type: int
    default: 300
  stable_for:
    description:
      - Seconds that a service which was waited for has to stay running. It has to stay for 10 s where a task follows one that has just failed,
        unless this is V(0).
    type: float
    default: 2.0
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.no_async
  - stackwright.swarm.attributes.info
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.stack_info
  - module: stackwright.swarm.stack_logs
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

- name: Say since when each service is as it is
  ansible.builtin.debug:
    msg: "{{ item.name }} is {{ item.status }} since {{ item.since }}, with {{ item.restarts }} restarts"
  loop: "{{ shop.services }}"
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
  returned: success, or when the wait has failed
  type: str
  sample: healthy
overall:
  description:
    - The same in the words that the history of a stack has (RV(stackwright.swarm.stack_info#module:stacks[].revisions)).
    - V(HEALTHY), V(DEPLOYING) (something is on its way, and nothing has failed), V(UNHEALTHY) (a service runs with less than it should),
      V(FAILED) (a service does not run at all, and its tasks fail), V(REMOVED) (no services, but its history or parts of it are
      there), or empty for a stack of which the Swarm knows nothing.
  returned: success, or when the wait has failed
  type: str
  sample: HEALTHY
healthy:
  description: Whether every service is as it should be, that is V(healthy), V(complete) or V(asleep).
  returned: success
  type: bool
  sample: true
services:
  description: How each service is, sorted by name.
  returned: success, or when the wait has failed
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
        - A service whose task runs since less than 10 s, after one that has failed, is V(degraded). It may be a crash loop.
      type: str
    mode:
      description: The mode as in Compose, for instance V(replicated).
      type: str
    desired:
      description: How many tasks should run.
      type: int
    running:
      description: How many run, of the present specification. A task with a health check runs once that has passed.
      type: int
    message:
      description: What is missing or wrong; empty if nothing is.
      type: str
    healthy:
      description: How many of its tasks are as they should be, with those of a job that are done, and without those on nodes that are down.
      type: int
    updating:
      description: Whether Swarm replaces its tasks now.
      type: bool
    update_status:
      description: Its latest update.
      type: dict
      contains:
        state:
          description: What Swarm says of it, for instance V(updating), V(paused), V(completed) or V(rollback_completed). Empty if there was none.
          type: str
        done:
          description: How many tasks are of the present specification, and as they should be.
          type: int
        total:
          description: How many there should be.
          type: int
        old:
          description: How many tasks of a specification before still run.
          type: int
        started:
          description: When it began, in UTC.
          type: str
        ended:
          description: When it ended, in UTC.
          type: str
        message:
          description: Swarm's own words.
          type: str
    restarts:
      description:
        - How often a task of the present specification was started again because the one before had ended.
        - Counted from the tasks that Swarm remembers, five of each replica unless the cluster is set up otherwise.
      type: int
    last_failure:
      description: The newest failure of its tasks that Swarm remembers.
      type: dict
      contains:
        error:
          description: The task's error.
          type: str
        exit_code:
          description: The exit code of its container, if there was one.
          type: int
        node:
          description: The node that it was on.
          type: str
        at:
          description: When it failed, in UTC.
          type: str
        task:
          description: The task's id, for M(stackwright.swarm.stack_logs).
          type: str
        slot:
          description: Which replica it was; none for a global service.
          type: int
        old:
          description: Whether it was of another specification than the present one.
          type: bool
    since:
      description:
        - Since when the service is in this state, in UTC.
        - Of a service that fails again and again, since the oldest failure that Swarm remembers.
      type: str
  sample:
    - name: shop_web
      status: degraded
      mode: replicated
      desired: 2
      running: 1
      message: "task: non-zero exit (7)"
      healthy: 1
      updating: false
      update_status: {state: completed, done: 1, total: 2, old: 0, started: "2026-11-21T12:00:01Z", ended: "2026-11-21T12:00:09Z", message: update completed}
      restarts: 3
      last_failure:
        error: "task: non-zero exit (7)"
        exit_code: 7
        node: worker1
        at: "2026-11-21T12:40:13Z"
        task: 5h6bq0rkbmrnl7xdcdaqvqxn3
        slot: 2
        old: false
      since: "2026-11-21T12:39:41Z"
waited_by:
  description: The host of the inventory that has waited for this cluster.
  returned: when it was another host of the play
  type: str
  sample: manager1
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

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.info import look_at_health
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import HEALTH, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_change


def main() -> None:
    run_change({**STACK, **HEALTH, "name": {"type": "str", "required": True}}, look_at_health)


if __name__ == "__main__":
    main()
