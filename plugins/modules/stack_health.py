#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_health
short_description: Show the health of a stack's services, and wait for them
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Shows for each service of a stack the desired and running tasks, the progress of an update, the restarts, the last failure with its cause, and the
    time of the last change of its status.
  - With O(wait=true), it waits until all services are healthy and shows its progress. It fails with the task's error, its node and its last log lines
    on a timeout, and earlier if the services can't become healthy.
  - Without O(wait=true), the task does not fail if the stack is unhealthy or does not exist. See RV(healthy).
  - Works with every stack, including stacks deployed with the docker command.
  - The play may target all managers of a cluster. Each manager reads the status itself. If the stack is not healthy, one of them waits for all.
options:
  name:
    required: true
  wait:
    description:
      - Wait until the stack is healthy. It is an error if the stack does not exist.
      - Ignored in check mode, since nothing has changed.
    type: bool
    default: false
  wait_timeout:
    description:
      - The maximum time without progress with O(wait=true), in seconds. Each task that starts to run, or completes, resets it.
    type: int
    default: 300
  stable_for:
    description:
      - Seconds that a service must run before it counts as healthy, with O(wait=true). If its task follows a failed one, it must run for 10 s, unless
        this is V(0).
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
- name: Read the health of the shop
  stackwright.swarm.stack_health:
    name: shop
  register: shop

- name: Fail unless the shop is healthy
  ansible.builtin.assert:
    that: shop.healthy

- name: Wait until the shop is healthy
  stackwright.swarm.stack_health:
    name: shop
    wait: true
    wait_timeout: 120

- name: Show the status of each service and its start
  ansible.builtin.debug:
    msg: "{{ item.name }} is {{ item.status }} since {{ item.since }}, with {{ item.restarts }} restarts"
  loop: "{{ shop.services }}"
"""

RETURN = r"""
stack:
  description: The stack's name in the Swarm.
  returned: success
  type: str
  sample: shop
exists:
  description: Whether the stack has services.
  returned: success
  type: bool
  sample: true
status:
  description: The worst status of its services; V(unknown) if there is none.
  returned: success, or if the wait failed
  type: str
  sample: healthy
overall:
  description:
    - The same with the status names of the history (RV(stackwright.swarm.stack_info#module:stacks[].revisions)).
    - V(HEALTHY), V(DEPLOYING) (tasks are starting, and nothing has failed), V(UNHEALTHY) (a service runs with fewer tasks than it should), V(FAILED)
      (a service has no running tasks, and its tasks fail), V(REMOVED) (no services, but a history or other objects), or empty if the Swarm does not
      know the stack.
  returned: success, or if the wait failed
  type: str
  sample: HEALTHY
healthy:
  description: Whether every service is V(healthy), V(complete) or V(asleep).
  returned: success
  type: bool
  sample: true
services:
  description: The services, sorted by name.
  returned: success, or if the wait failed
  type: list
  elements: dict
  contains:
    name:
      description: The service's name in the Swarm.
      type: str
    status:
      description:
        - V(healthy), V(complete) (a finished job), V(asleep) (zero replicas), V(progressing), V(degraded), V(failed) or V(unknown).
        - A service is V(degraded) if its task has run for less than 10 s after a failed one, since this may be a crash loop.
      type: str
    mode:
      description: The mode as in Compose, for example V(replicated).
      type: str
    desired:
      description: How many tasks should run.
      type: int
    running:
      description: How many tasks of the current specification run. A task with a health check counts when the check has passed.
      type: int
    message:
      description: What is missing or wrong; otherwise empty.
      type: str
    healthy:
      description: How many of its tasks are healthy, including finished tasks of jobs, without those on nodes that are down.
      type: int
    updating:
      description: Whether Swarm is replacing its tasks.
      type: bool
    update_status:
      description: Its latest update.
      type: dict
      contains:
        state:
          description: Its state in Swarm, for example V(updating), V(paused), V(completed) or V(rollback_completed). Empty if there was none.
          type: str
        done:
          description: How many tasks of the current specification are healthy.
          type: int
        total:
          description: How many tasks there should be.
          type: int
        old:
          description: How many tasks of an earlier specification still run.
          type: int
        started:
          description: When it began, in UTC.
          type: str
        ended:
          description: When it ended, in UTC.
          type: str
        message:
          description: Swarm's message.
          type: str
    restarts:
      description:
        - How often a task of the current specification was restarted because the previous one had ended.
        - Counted from the tasks that Swarm remembers, by default five for each replica.
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
          description: Whether it belonged to another specification than the current one.
          type: bool
    since:
      description:
        - When the service entered this state, in UTC.
        - For a service that fails repeatedly, the oldest failure that Swarm remembers.
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
  description: The inventory host that waited for this cluster.
  returned: if it was another host of the play
  type: str
  sample: manager1
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
  sample: 4
error_code:
  description: A stable code of the error, for example V(not_found), V(timeout) or V(health_gate_failed).
  returned: failure
  type: str
  sample: timeout
failures:
  description: Why services are not healthy.
  returned: if the wait failed
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
      description: The last output of its failing health check, if the task ran on a node that is a host of the play and answers.
      type: list
      elements: str
    log:
      description: The last lines of its log.
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

from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import HEALTH, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change


def main() -> None:
    run_change({**STACK, **HEALTH, "name": {"type": "str", "required": True}}, _look)


def _look(*given: Any) -> Any:
    from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import look_at_health

    return look_at_health(*given)


if __name__ == "__main__":
    main()
