#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_service
short_description: Scale, stop, start, restart, roll back or pause services, or rerun a job
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Changes existing services without their Compose file. Only one run at a time can change a stack, so this module waits for deployments, and
    deployments wait for it.
  - As with a deployment, the task waits until the service is healthy. If it fails, the service is rolled back (O(rollout.on_failure)).
  - The Compose file does not have the change. The next M(stackwright.swarm.compose_stack) restores the replicas of the file. No revision is recorded.
  - The play may target all managers of a cluster. The task runs once per cluster, on the first reachable manager.
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack has the name C(PROJECT-ENVIRONMENT-NAME) in the Swarm. A name over 63 characters is
        shortened with a hash.
    type: str
    required: true
  service:
    description:
      - The services, by their names in the Compose file or in the Swarm. Wildcards are not supported.
      - Several services are changed together, and rolled back together if one of them fails.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(scaled) sets the number of O(replicas).
      - V(stopped) scales the services to 0, and gives global ones a constraint that no node meets. A label stores their replicas. Jobs, and services without
        tasks, are not changed.
      - V(started) restores the services that V(stopped) has stopped, as does M(stackwright.swarm.compose_stack). Others are not changed.
      - V(restarted) replaces the tasks, in the order and with the delays of C(update_config). Without O(started_before), every run does so.
      - V(rolled_back) restores the spec before the latest update, the only one that Swarm stores. A service that was already rolled back, by this
        module or by Swarm, is not changed.
      - V(paused) pauses an update in progress. Swarm has no API for this, so the delay between two batches is set to ten years. The current batch and
        one more are still updated. A label stores the original delay. Swarm's own rollback afterwards leads to the new spec.
      - V(resumed) continues a paused update, or one that Swarm paused after a failure.
      - V(run) runs a job, also one on a schedule, waits until it ends, and returns RV(exit_code) and RV(lines), even if it fails. A failed job is not
        rolled back.
    type: str
    choices: [scaled, stopped, started, restarted, rolled_back, paused, resumed, run]
    default: scaled
  replicas:
    description: The number of tasks of the service, for O(state=scaled).
    type: int
  started_before:
    description:
      - With O(state=restarted), restart only if a task of the service is older than this time in UTC, such as V(2026-11-21T12:00:00Z). A second run
        then changes nothing.
    type: str
  slot:
    description:
      - With O(state=run), the time in UTC for which a job on a schedule runs, such as V(2026-11-21T03:00:00Z). A job that has run for this time or a
        later one is not run again. The playbook C(cron) sets it.
    type: str
  with_registry_auth:
    description:
      - Send the manager's registry credentials with the service.
    type: bool
    default: false
  registry_auth:
    description:
      - Credentials for registries, sent along with the services that use their images. They override the manager's own credentials.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry's name as in the image, for example V(registry.example.com:5000); V(docker.io) for Docker Hub.
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
        description: Wait until the stack is healthy or removed. Without it, the task ends when the Swarm has accepted the changes.
        type: bool
        default: true
      mode:
        description:
          - V(safe) changes the services in the order of their C(depends_on), each wave when the previous one is healthy, and waits until all of them
            are stable.
          - V(fast) changes all services at once, and only waits until they run.
        type: str
        choices: [safe, fast]
        default: safe
      timeout:
        description:
          - The maximum time without progress, in seconds. Each task that starts to run, or completes, resets it. When it is exceeded, the task fails
            and names the missing tasks.
          - Declared times of the old and new specifications are added, that is C(stop_grace_period), C(update_config.delay) and C(monitor),
            C(restart_policy.delay), and a health check's C(start_period) and C(interval).
        type: int
        default: 300
      deadline:
        description:
          - The maximum time from the first change until all services run, in seconds, even with progress. No limit by default.
          - The limit does not apply to the rollback.
        type: int
      stable_for:
        description:
          - Seconds that the tasks of a changed service must run without a restart. Not used with O(rollout.mode=fast).
          - Swarm's own monitoring time after an update (C(update_config.monitor)) counts as part of it, so an update does not take longer.
        type: float
        default: 2.0
      max_restarts:
        description:
          - How often the task of a replica or node may end and be restarted. One more restart counts as a crash loop, and fails at once.
        type: int
        default: 3
      poll_interval:
        description:
          - The maximum time between two checks of the tasks, in seconds. A slow Engine is asked less often.
        type: float
        default: 0.1
      runs_at_once:
        description:
          - How many runs may change stacks of this Swarm at the same time, this one included. A run waits for those that came first, up to
            O(rollout.lock_timeout). V(0) is any number.
        type: int
        default: 0
      lock_timeout:
        description:
          - Seconds to wait while another run deploys the same stack.
        type: int
        default: 60
      on_failure:
        description:
          - What to do with the stack if the change fails.
          - V(rollback) restores every service and removes new objects. The default with O(rollout.mode=safe).
          - V(keep) leaves everything as is. The default with O(rollout.mode=fast).
          - V(stop) restores the existing services, and scales new ones to zero instead of removing them, so that you can inspect them.
        type: str
        choices: [rollback, keep, stop]
  commit_message:
    description:
      - A message about this change, shown to other runs that wait.
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
    details: O(state=restarted) without O(started_before) restarts in every run, and O(state=run) runs the job every time.
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.stack_rollback
"""

EXAMPLES = r"""
- name: Scale the web service to three tasks
  stackwright.swarm.stack_service:
    name: shop
    service: web
    replicas: 3

- name: Stop a service
  stackwright.swarm.stack_service:
    name: shop
    service: worker
    state: stopped

- name: Start it again with as many tasks as it had
  stackwright.swarm.stack_service:
    name: shop
    service: worker
    state: started

- name: See what a restart would do
  stackwright.swarm.stack_service:
    name: shop
    service: worker
    state: restarted
  check_mode: true
  diff: true

- name: Restart the service if it started before the certificate was renewed
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

- name: Restore the previous spec
  stackwright.swarm.stack_service:
    name: shop
    service: web
    state: rolled_back

- name: Pause an update in progress
  stackwright.swarm.stack_service:
    name: shop
    service: web
    state: paused

- name: Resume the update
  stackwright.swarm.stack_service:
    name: shop
    service: web
    state: resumed
"""

RETURN = r"""
service:
  description: The service's name in the Swarm; several names are separated by commas.
  returned: success, by the host that did the work
  type: str
  sample: shop_web
exit_code:
  description: The exit code of the job; with several tasks, the first that is not 0. V(null) if none has ended.
  returned: with O(state=run) and O(rollout.wait=true), even if the job failed
  type: int
  sample: 0
lines:
  description: The last lines of the job's output. Text that looks like a secret is shown as V(********).
  returned: with O(state=run) and O(rollout.wait=true), even if the job failed
  type: list
  elements: str
  sample: ["migrated 3 tables"]
reason:
  description: Why the service was changed or not changed.
  returned: success, by the host that did the work
  type: str
  sample: has 3 replicas
stack:
  description: The stack's name in the Swarm.
  returned: success
  type: str
  sample: acme-production-shop
plan:
  description:
    - The operations in order. In check mode, the operations of a real run.
    - It never has the content of secrets and configs. Values with names such as password, token or key, and passwords in addresses, are shown as
      V(********), here and in the diff.
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
      description: Its key in the Compose file; empty if it is not in the file.
      type: str
    reason:
      description: The reason of the operation.
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
      description: V(change), or V(prune) for objects that are no longer in the files and are removed at the end.
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
  description: The same as text, one line per operation.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "update service shop_web: image registry.example.com/shop:1.3 → registry.example.com/shop:1.4 (restarts 2 tasks)"
kept:
  description: How many networks, configs, secrets and services were up to date and not changed.
  returned: success, by the host that did the work
  type: int
  sample: 4
services:
  description: The state of each service after the wait.
  returned: success, by the host that did the work, not in check mode
  type: list
  elements: dict
  contains:
    name:
      description: The service's name in the Swarm.
      type: str
    status:
      description:
        - V(healthy), V(complete) (a finished job), V(asleep) (zero replicas), V(progressing), V(degraded), V(failed) or V(unknown).
      type: str
    mode:
      description: The mode as in Compose, for example V(replicated).
      type: str
    desired:
      description: How many tasks should run.
      type: int
    running:
      description: How many tasks run.
      type: int
    message:
      description: What is missing or wrong; otherwise empty.
      type: str
  sample:
    - {name: shop_web, status: healthy, mode: replicated, desired: 2, running: 2, message: ""}
status:
  description: The worst status of the services.
  returned: success, by the host that did the work, not in check mode
  type: str
  sample: healthy
notices:
  description: Notices about the plan, without notices of a Compose file.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample: []
interrupted:
  description: The revisions of runs that were killed, which this run has found and marked as failed.
  returned: if there are any
  type: list
  elements: dict
  contains:
    revision: {description: The number of the revision., type: int, sample: 6}
    operation: {description: What the run did., type: str, sample: deploy}
    who: {description: Who had started it., type: str, sample: root@controller}
    started: {description: When it had started (UTC)., type: str, sample: "2026-11-29T12:17:12Z"}
calls:
  description: The number of calls to the Engine API.
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
  description: The inventory host that did the work for this cluster. Its result has the plan.
  returned: if it was another host of the play
  type: str
  sample: manager1
error_code:
  description: A stable code of the error, for example V(no_stack), V(no_service), V(no_previous), V(unsafe_change), V(locked) or
    V(health_gate_failed).
  returned: failure
  type: str
  sample: no_service
outcome:
  description: The progress and result of a deployment that started and failed.
  returned: if a deployment started and failed
  type: dict
  contains:
    done:
      description: The completed operations, as in RV(plan_lines).
      type: list
      elements: str
    failed:
      description: The operation that failed.
      type: str
    not_done:
      description: The operations that were not carried out.
      type: list
      elements: str
    rollback:
      description:
        - V(done) if the stack was rolled back, V(failed) if the rollback failed as well, V(none) if the stack was left as is.
      type: str
    restored:
      description: The operations of the rollback, as in RV(plan_lines).
      type: list
      elements: str
  sample:
    done: ["create config shop_page_12345678", "update service shop_web: image app:1 → app:2 (restarts 2 tasks)"]
    failed: wait for the stack to run
    not_done: ["remove config shop_page"]
    rollback: done
    restored: ["update service shop_web: image app:2 → app:1 (restarts 2 tasks)", "remove config shop_page_12345678: did not exist before"]
cause:
  description: Why the change failed, if the rollback failed as well.
  returned: if RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: The error code of the change.
      type: str
    message:
      description: What went wrong.
      type: str
  sample: {error_code: image_not_found, message: "The stack shop did not become healthy: ..."}
rollback_error:
  description: Why the rollback failed.
  returned: if RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: A stable code of the error.
      type: str
    message:
      description: What went wrong.
      type: str
    failures:
      description: The services that are not healthy, as in RV(failures).
      type: list
      elements: dict
  sample: {error_code: daemon_unreachable, message: "No Engine answers at unix:///var/run/docker.sock.", failures: []}
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

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import SERVICE, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import change_one_service


def main() -> None:
    run_change({**STACK, **SERVICE, "name": {"type": "str", "required": True}}, change_one_service)


if __name__ == "__main__":
    main()
