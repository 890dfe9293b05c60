#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_rollback
short_description: Roll a stack back to an earlier revision
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - M(stackwright.swarm.compose_stack) records every deployment in the Swarm as a revision. This module deploys an earlier revision again, with its
    images, configs and secrets. Compose files are not required.
  - A rollback is a normal deployment, with a plan that check mode and diff mode show, a wait until the stack is healthy, a rollback if that fails,
    and a new revision.
  - Volumes are not changed. Data changes by a newer version remain.
  - Jobs do not run again, unless O(rerun_jobs=true). A migration of an older version could damage data of the newer one.
  - The history contains no secrets. Values of sensitive environment variables are read from the current services, or from their specs before the
    latest change. If a value can't be found, the task fails, names it, and changes nothing.
  - The play may target all managers of a cluster. The task runs once per cluster, on the first reachable manager.
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack has the name C(PROJECT-ENVIRONMENT-NAME) in the Swarm. A name over 63 characters is
        shortened with a hash.
    type: str
    required: true
  to:
    description:
      - The number of the revision, as shown by M(stackwright.swarm.stack_info) with C(history=true). It must be a good revision, that is V(HEALTHY)
        or V(UNHEALTHY).
      - Defaults to the newest good revision before the current one that differs from it. Each further run then goes back one more. If none differs,
        nothing is changed, and RV(notices) has a notice.
      - If the latest deployment failed and was not rolled back, this is the newest good revision before the failure.
    type: int
  rerun_jobs:
    description:
      - Swarm runs a job when it is created and after each change. If V(false), a rollback does neither. Changed jobs are kept, removed jobs are not
        restored, and the task does not wait for failed jobs. RV(notices) names them.
      - A job that the older revision does not have is removed in either case.
    type: bool
    default: false
  values:
    description:
      - Where the generated and other kept values of the stack are stored. The stack gets the versions of the revision, and they become current.
    type: dict
    default: {}
    suboptions:
      store:
        description:
          - V(auto) uses the store that the revision used, or the vault next to the inventory if it has values of the stack.
          - Set the store if the values were moved since then, or if they are in a vault at another O(values.path).
        type: str
        choices: [auto, host_facts, swarm, vault]
        default: auto
      path:
        description:
          - For V(host_facts), the directory. Defaults to V(/etc/ansible/facts.d).
          - For V(vault), the file. Defaults to C(stackwright_values.yml) next to the inventory.
        type: path
      encrypted:
        description:
          - As in M(stackwright.swarm.compose_stack). Not required to read encrypted values.
        type: str
        choices: [vault]
      vault_id:
        description:
          - As in M(stackwright.swarm.compose_stack). A rollback creates no new values, so nothing is encrypted.
        type: str
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.rollout
  - stackwright.swarm.notify
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
    details: With O(to), a second run changes nothing. Without it, each run goes back one more revision.
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: Roll back to the previous revision
  stackwright.swarm.stack_rollback:
    name: shop

- name: Roll back to revision 2, with a message
  stackwright.swarm.stack_rollback:
    name: shop
    to: 2
    commit_message: the new checkout loses orders

- name: Roll back to revision 2, whose generated values were moved to the Swarm since then
  stackwright.swarm.stack_rollback:
    name: shop
    to: 2
    values:
      store: swarm

- name: See what a rollback to revision 1 would change
  stackwright.swarm.stack_rollback:
    name: shop
    to: 1
  check_mode: true
  diff: true
  register: back

- name: Carry out this plan
  stackwright.swarm.stack_rollback:
    name: shop
    to: 1
    plan_id: "{{ back.plan_id }}"
    rollout:
      timeout: 120
"""

RETURN = r"""
to:
  description: The number of the revision that the stack was rolled back to. The rollback itself is a new revision.
  returned: success, by the host that did the work
  type: int
  sample: 6
stack:
  description: The stack's name in the Swarm.
  returned: success
  type: str
  sample: acme-production-shop
stack_id:
  description: The stack's id, made from project, environment and name; the same on every controller and manager.
  returned: always, unless an option is invalid
  type: str
  sample: lucvlyso2bct2tgtqfxb2slfxt34rnc5
stack_hash:
  description: The short form of the id. On shared networks, the service C(web) is reachable as C(HASH_web) and C(HASH-web).
  returned: always, unless an option is invalid
  type: str
  sample: lucvlyso
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
      description: One of V(create), V(update), V(remove), V(snapshot) or V(restore) of a volume.
      type: str
    kind:
      description: One of V(network), V(volume), V(config), V(secret), V(service).
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
      description: The services that depend on one that restarts, by their keys.
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
snapshots:
  description: The snapshots of volumes that the run has taken before its changes, for M(stackwright.swarm.volume_restore).
  returned: success, with O(rollout.snapshot), if any was taken
  type: list
  elements: dict
  contains:
    volume: {description: The volume's name in Docker., type: str}
    snapshot: {description: The snapshot's id., type: str}
    dest: {description: The folder., type: str}
    node: {description: The id of the node., type: str}
  sample: [{volume: shop_data, snapshot: 20261130T035912Z-5f0a1c, dest: /var/lib/stackwright/volumes, node: x3f7a}]
revision:
  description: The number of the revision that this run created in the stack's history.
  returned: success, if something was changed
  type: int
  sample: 7
plan_id:
  description:
    - Identifies this plan, with the observed and the desired state. Pass it to O(plan_id) of a later run to carry out exactly this plan.
  returned: success, by the host that did the work
  type: str
  sample: lucvlyso-4f1c9a07be22d310
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
  description: A stable code of the error, for example V(no_revision), V(revision_damaged), V(revision_not_good), V(revision_incomplete),
    V(value_lost), V(plan_stale), V(locked) or V(health_gate_failed).
  returned: failure
  type: str
  sample: no_revision
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
  description: Why the deployment failed, if the rollback failed as well.
  returned: if RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: The error code of the deployment.
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
holder:
  description: The run that changes the stack (C(who), C(host), C(pid), C(operation), C(message)), and its start (C(since)).
  returned: if RV(error_code) is V(locked)
  type: dict
  sample: {who: root@awx, host: manager2, pid: 4711, operation: deploy, message: release 1.4, since: "2026-11-21 05:35:47 UTC"}
failures:
  description: Why services are not healthy, or which images could not be pulled before the first change.
  returned: if the wait or a pull failed
  type: list
  elements: dict
  contains:
    service:
      description: The service's name in the Swarm.
      type: str
    image:
      description: With O(rollout.pull=before), the image that the node could not pull.
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

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import BACK, NOTIFY, PINNED, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import roll_back_stack


def main() -> None:
    options = {**STACK, **BACK, **PINNED, **NOTIFY, "name": {"type": "str", "required": True}}
    run_change(options, roll_back_stack)


if __name__ == "__main__":
    main()
