#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_service
short_description: Scale or restart services of a stack, roll them back, hold their update, or run a job again
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Changes services that are there, without their Compose file. Only one run at a time changes a stack, so this waits for a deployment, and
    a deployment waits for this.
  - As with a deployment, the task waits until the service runs. If it does not, the service is put back to what it was
    (O(rollout.on_failure)).
  - The Compose file does not know of the change. The next M(stackwright.swarm.compose_stack) brings back the number of replicas that the file
    gives. No revision is recorded.
  - The play may name every manager of a cluster. The work is done once a cluster, by the first manager that is reachable.
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack is called C(PROJECT-ENVIRONMENT-NAME) in the Swarm; a name
        over 63 characters is shortened with a hash.
    type: str
    required: true
  service:
    description:
      - The services, each with its name in the Compose file or in the Swarm. There are no wild cards.
      - Several are changed and waited for together, and put back together if one of them fails.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(scaled) sets the number of O(replicas).
      - V(restarted) replaces the tasks, in the order and with the delays of C(update_config). Without O(started_before) each run does.
      - V(rolled_back) brings back the spec before the latest update, the only one that Swarm remembers. A service that was just rolled back, by
        this or by Swarm itself, is left as it is.
      - V(paused) holds an update that is under way. Swarm has no call for that, so the delay between two batches is made ten years long. The batch
        that has begun, and one more, are still updated. A label remembers the delay. After it, Swarm's own rollback leads to the new spec.
      - V(resumed) goes on with an update that was held, or that Swarm has paused after a failure.
      - V(run) runs a job again, waits until it has ended, and gives RV(exit_code) and RV(lines), also where it fails. A job that has failed stays as it is.
    type: str
    choices: [scaled, restarted, rolled_back, paused, resumed, run]
    default: scaled
  replicas:
    description: How many tasks the service is to have, for O(state=scaled).
    type: int
  started_before:
    description:
      - With O(state=restarted), restart only if a task of the service is older than this time in UTC, such as V(2026-11-21T12:00:00Z). So a second run
        changes nothing.
    type: str
  with_registry_auth:
    description:
      - Send the manager's registry credentials along with the service.
    type: bool
    default: false
  registry_auth:
    description:
      - Credentials for registries, sent along with the services whose images come from there. They win over the manager's own.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry's name as in the image, for instance V(registry.example.com:5000); V(docker.io) for Docker Hub.
        type: str
        required: true
      username:
        description: The user's name.
        type: str
        required: true
      password:
        description: The password or token.
        type: str
        required: true
  rollout:
    description:
      - How the change is carried out.
    type: dict
    default: {}
    suboptions:
      wait:
        description: Wait until the stack runs, or is gone. Without it, the task ends when the Swarm has taken the changes.
        type: bool
        default: true
      mode:
        description:
          - V(safe) changes the services in the order of their C(depends_on), each wave when the one before it runs, and waits
            until all of them have been stable for a while.
          - V(fast) changes all services at once, and waits only until they run.
        type: str
        choices: [safe, fast]
        default: safe
      timeout:
        description:
          - Seconds that may pass without progress. Each task that newly runs, or is complete, starts them again. Where nothing
            has moved for so long, the task fails and says what is missing.
          - What the specifications declare comes on top, the old one's and the new one's. That is C(stop_grace_period), C(update_config.delay) and
            C(monitor), C(restart_policy.delay), and a health check's C(start_period) and C(interval).
        type: int
        default: 300
      deadline:
        description:
          - Seconds in which all services have to run, with or without progress, from the first change on. Without it there is no such limit.
          - What is undone then has no such limit.
        type: int
      stable_for:
        description:
          - Seconds that the tasks of a changed service have to stay running without a restart. Not in O(rollout.mode=fast).
          - Swarm's own time of observation after an update (C(update_config.monitor)) counts as well, so that an update does not take longer.
        type: float
        default: 2.0
      max_restarts:
        description:
          - So often the task of a replica, or of a node, may end and be started again. Once more is a crash loop, which fails at once.
        type: int
        default: 3
      poll_interval:
        description:
          - Seconds between two looks at the tasks, at most. An Engine that answers slowly is asked less often.
        type: float
        default: 0.1
      lock_timeout:
        description:
          - Seconds to wait while another run deploys the same stack.
        type: int
        default: 60
      on_failure:
        description:
          - What becomes of a stack whose change failed.
          - V(rollback) puts every service back to what it was, and removes what is new. Normal in O(rollout.mode=safe).
          - V(keep) leaves everything as it is. Normal in O(rollout.mode=fast).
          - V(stop) puts the services back that there were, and scales new ones to zero instead of removing them, so that they can be looked at.
        type: str
        choices: [rollback, keep, stop]
  commit_message:
    description:
      - A word about this change, for others who wait.
    type: str
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.no_async
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: O(state=restarted) without O(started_before) restarts with each run, and O(state=run) runs the job each time.
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.stack_rollback
"""

EXAMPLES = r"""
- name: Run three of it
  stackwright.swarm.stack_service:
    name: shop
    service: web
    replicas: 3

- name: See what a restart would do
  stackwright.swarm.stack_service:
    name: shop
    service: worker
    state: restarted
  check_mode: true
  diff: true

- name: Restart what has run since before the certificate was renewed
  stackwright.swarm.stack_service:
    name: shop
    service: web
    state: restarted
    started_before: "2026-11-21T12:00:00Z"

- name: Restart two services together
  stackwright.swarm.stack_service:
    name: shop
    service: [web, worker]
    state: restarted

- name: Bring back the spec before
  stackwright.swarm.stack_service:
    name: shop
    service: web
    state: rolled_back

- name: Hold an update that is under way
  stackwright.swarm.stack_service:
    name: shop
    service: web
    state: paused

- name: Go on with it
  stackwright.swarm.stack_service:
    name: shop
    service: web
    state: resumed
"""

RETURN = r"""
service:
  description: The service's name in the Swarm; of several, their names with commas between.
  returned: success, by the host that did the work
  type: str
  sample: shop_web
exit_code:
  description: The exit code of the job; of several tasks, the first that is not 0. V(null) where none has ended.
  returned: with O(state=run) and O(rollout.wait=true), also where the job has failed
  type: int
  sample: 0
lines:
  description: The last lines that the job has written. What looks like a secret is V(********).
  returned: with O(state=run) and O(rollout.wait=true), also where the job has failed
  type: list
  elements: str
  sample: ["migrated 3 tables"]
reason:
  description: Why the service was changed, or why it was not.
  returned: success, by the host that did the work
  type: str
  sample: has 3 replicas
stack:
  description: What the stack is called in the Swarm.
  returned: success
  type: str
  sample: acme-production-shop
plan:
  description:
    - What was done, in its order. In check mode, what would be done.
    - Content of secrets and configs is never in it. Values under names that look like a password, a token or a key, and
      passwords in addresses, show as V(********), before and after; so in the diff.
  returned: success, by the host that did the work
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(update), V(remove).
      type: str
    kind:
      description: One of V(network), V(config), V(secret), V(service).
      type: str
    name:
      description: The object's name in the Swarm.
      type: str
    key:
      description: Its key in the Compose file; empty for what the file does not have.
      type: str
    reason:
      description: Why it is done.
      type: str
    changes:
      description: The parts of the spec that differ, each with its path and its value before and after.
      type: list
      elements: dict
    restarts:
      description: How many tasks this restarts.
      type: int
    dependents:
      description: Always empty, since no Compose file is read.
      type: list
      elements: str
    phase:
      description: V(change), or V(prune) for what the files no longer have and what is therefore removed at the end.
      type: str
  sample:
    - action: update
      kind: service
      name: shop_web
      key: web
      reason: differs
      changes:
        - path: TaskTemplate.ContainerSpec.Image
          before: registry.example.com/shop:1.3
          after: registry.example.com/shop:1.4
      restarts: 2
      phase: change
plan_lines:
  description: The same as text, a line for each operation.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "update service shop_web: image registry.example.com/shop:1.3 → registry.example.com/shop:1.4 (restarts 2 tasks)"
kept:
  description: How many networks, configs, secrets and services were as they should be and were not touched.
  returned: success, by the host that did the work
  type: int
  sample: 4
services:
  description: How each service is, after the wait, or when the wait was given up.
  returned: success, by the host that did the work, not in check mode
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
    - {name: shop_web, status: healthy, mode: replicated, desired: 2, running: 2, message: ""}
status:
  description: The worst status of the services.
  returned: success, by the host that did the work, not in check mode
  type: str
  sample: healthy
notices:
  description: What the user should know of the plan; the notices of a Compose file are not among them.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample: []
calls:
  description: How many calls of the Engine API this took.
  returned: success, by the host that did the work
  type: int
  sample: 5
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
node:
  description: The node whose Engine did the work.
  returned: success, by the host that did the work
  type: str
  sample: manager1
done_by:
  description: The host of the inventory that did the work for this cluster. Its result has the plan.
  returned: when it was another host of the play
  type: str
  sample: manager1
error_code:
  description: A stable word for what went wrong, for instance V(no_stack), V(no_service), V(no_previous), V(unsafe_change), V(locked) or
    V(health_gate_failed).
  returned: failure
  type: str
  sample: no_service
outcome:
  description: How far a deployment came that has begun and failed, and what became of it.
  returned: when a deployment has begun and failed
  type: dict
  contains:
    done:
      description: What was done, as in RV(plan_lines).
      type: list
      elements: str
    failed:
      description: What failed.
      type: str
    not_done:
      description: What was therefore not done.
      type: list
      elements: str
    rollback:
      description:
        - V(done) if the stack is as it was before, V(failed) if putting it back failed as well, V(none) if it was left as it
          is.
      type: str
    restored:
      description: What was done to put the stack back, as in RV(plan_lines).
      type: list
      elements: str
  sample:
    done: ["create config shop_page_12345678", "update service shop_web: image app:1 → app:2 (restarts 2 tasks)"]
    failed: wait until the stack runs
    not_done: ["remove config shop_page"]
    rollback: done
    restored: ["update service shop_web: image app:2 → app:1 (restarts 2 tasks)", "remove config shop_page_12345678: was not there before"]
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

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import SERVICE, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_change
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import change_one_service


def main() -> None:
    run_change({**STACK, **SERVICE, "name": {"type": "str", "required": True}}, change_one_service)


if __name__ == "__main__":
    main()
