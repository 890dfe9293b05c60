#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_rollback
short_description: Bring a stack back to an earlier revision
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Every deployment by M(stackwright.swarm.compose_stack) is recorded in the Swarm as a revision. This module deploys an earlier
    one again, with the images that ran then, and with its configs and secrets. Compose files are not needed.
  - Going back is a deployment like any other. It has a plan, is shown in check mode and diff mode, waits until the stack runs, is undone
    if that fails, and becomes a new revision.
  - Volumes are left as they are. What a newer version has done to its data stays.
  - Jobs are not run again, unless O(rerun_jobs=true). A migration of an older version would meet the data of the newer one.
  - The history holds no secrets. Values of sensitive environment variables are found again where they still run, in the present services
    or in what these were before their latest change. Where one is nowhere any more, the task fails, names it, and changes nothing.
  - The play may name every manager of a cluster. The work is done once a cluster, by the first manager that is reachable.
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack is called C(PROJECT-ENVIRONMENT-NAME) in the Swarm; a name
        over 63 characters is shortened with a hash.
    type: str
    required: true
  to:
    description:
      - The number of the revision, as M(stackwright.swarm.stack_info) shows it with C(history=true). It must have been good, that is
        V(HEALTHY) or V(UNHEALTHY).
      - If not given, the newest good one before the present that differs from it. Each further run then goes one further back.
        Where none differs, nothing is changed, and RV(notices) says so.
      - Where the latest deployment failed and was not undone, the newest good one is that before the failure.
    type: int
  rerun_jobs:
    description:
      - Swarm runs a job with each change of it, and when it is created. Unless V(true), going back does neither. A job that differs stays as it
        is, one that is gone stays gone, and a job that has failed is not waited for. RV(notices) names each.
      - A job that the older revision has not is removed either way.
    type: bool
    default: false
  values:
    description:
      - Where the generated and other kept values of the stack are. The stack gets the versions that the revision had, and they are
        the current ones from then on.
    type: dict
    default: {}
    suboptions:
      store:
        description:
          - V(auto) is the store that the revision used; or the vault beside the inventory, if that has values of the stack.
          - Name the store if the values were moved since, or if they are in a vault at another O(values.path).
        type: str
        choices: [auto, host_facts, swarm, vault]
        default: auto
      path:
        description:
          - Of V(host_facts) the folder, V(/etc/ansible/facts.d) unless given.
          - Of V(vault) the file, C(stackwright_values.yml) beside the inventory unless given.
        type: path
      encrypted:
        description:
          - As in M(stackwright.swarm.compose_stack). Values that are encrypted are found without it.
        type: str
        choices: [vault]
      vault_id:
        description:
          - As in M(stackwright.swarm.compose_stack). Going back makes no new values, so nothing is encrypted.
        type: str
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.rollout
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
    details: With O(to), a second run changes nothing. Without it, each run goes one revision further back.
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: Go back to the revision before the present one
  stackwright.swarm.stack_rollback:
    name: shop

- name: Go back to revision 2, and say why
  stackwright.swarm.stack_rollback:
    name: shop
    to: 2
    commit_message: the new checkout loses orders

- name: Go back to revision 2, whose generated values have been moved to the Swarm since
  stackwright.swarm.stack_rollback:
    name: shop
    to: 2
    values:
      store: swarm

- name: See what going back to revision 1 would change
  stackwright.swarm.stack_rollback:
    name: shop
    to: 1
  check_mode: true
  diff: true
  register: back

- name: Do exactly that
  stackwright.swarm.stack_rollback:
    name: shop
    to: 1
    plan_id: "{{ back.plan_id }}"
    rollout:
      timeout: 120
"""

RETURN = r"""
to:
  description: The number of the revision that the stack went back to. The new revision is another one.
  returned: success, by the host that did the work
  type: int
  sample: 6
stack:
  description: What the stack is called in the Swarm.
  returned: success
  type: str
  sample: acme-production-shop
stack_id:
  description: The stack's id, made from project, environment and name; the same on every controller and manager.
  returned: always, unless an option is refused
  type: str
  sample: lucvlyso2bct2tgtqfxb2slfxt34rnc5
stack_hash:
  description: The short form of the id. On shared networks the service C(web) answers as C(HASH_web) and C(HASH-web).
  returned: always, unless an option is refused
  type: str
  sample: lucvlyso
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
      description: The services that depend on one that restarts, by their keys.
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
revision:
  description: The number of the revision in the stack's history that this run has made.
  returned: success, where something was changed
  type: int
  sample: 7
plan_id:
  description:
    - Names this plan - what was observed and what is wanted. Give it to O(plan_id) of a later run to have exactly this plan carried out.
  returned: success, by the host that did the work
  type: str
  sample: lucvlyso-4f1c9a07be22d310
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
  description: A stable word for what went wrong, for instance V(no_revision), V(revision_damaged),
    V(revision_not_good), V(revision_incomplete), V(value_lost), V(plan_stale), V(locked) or V(health_gate_failed).
  returned: failure
  type: str
  sample: no_revision
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
cause:
  description: Why the deployment failed, where putting the stack back failed as well.
  returned: when RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: The code that the failure would have had.
      type: str
    message:
      description: What went wrong.
      type: str
  sample: {error_code: image_not_found, message: "The stack shop does not run: ..."}
rollback_error:
  description: Why putting the stack back failed.
  returned: when RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: A stable word for it.
      type: str
    message:
      description: What went wrong.
      type: str
    failures:
      description: The services that do not run, as in RV(failures).
      type: list
      elements: dict
  sample: {error_code: daemon_unreachable, message: "No engine answers at unix:///var/run/docker.sock.", failures: []}
holder:
  description: Who changes the stack (C(who), C(host), C(pid), C(operation), C(message)), and C(since) when.
  returned: when RV(error_code) is V(locked)
  type: dict
  sample: {who: root@awx, host: manager2, pid: 4711, operation: deploy, message: release 1.4, since: "2026-11-21 05:35:47 UTC"}
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

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import BACK, PINNED, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_change
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import roll_back_stack


def main() -> None:
    run_change({**STACK, **BACK, **PINNED, "name": {"type": "str", "required": True}}, roll_back_stack)


if __name__ == "__main__":
    main()
