#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_drift
short_description: Detect and repair drift in a deployed stack
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - M(stackwright.swarm.compose_stack) records every deployment in the Swarm as a revision. This module compares the last good revision with the
    current state. It reports each difference with its kind, its object, and the intended and actual values. Compose files are not required.
  - With O(heal=true), it repairs the differences. This is a normal deployment, with a plan that check mode and diff mode show, a wait until the stack
    is healthy, a rollback if that fails, and a new revision.
  - The report shows when the Swarm last changed an object. Swarm does not record who changed it.
  - Values of secrets are compared, but never shown. Volumes are compared by name, and on this manager's node by driver options. For other nodes use
    M(stackwright.swarm.stack_preflight). The content of volumes is not compared.
  - A stack stopped with O(stackwright.swarm.compose_stack#module:state=stopped) is compared as stopped, and healing keeps it stopped.
  - Changes by this collection itself are not drift, and healing keeps them. These are changes by M(stackwright.swarm.stack_service), and jobs that
    ran before a deployment was rolled back. See RV(ours).
  - Nothing is healed if a later revision was interrupted, or failed without a rollback. RV(notices) names it.
  - To compare routes, run M(stackwright.swarm.caddy_route) in check mode.
  - The play may target all managers of a cluster. The task runs once per cluster, on the first reachable manager.
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack has the name C(PROJECT-ENVIRONMENT-NAME) in the Swarm. A name over 63 characters is
        shortened with a hash.
    type: str
    required: true
  heal:
    description:
      - Repair the differences. The history can't restore differences whose C(healing) in RV(drift) is V(files) or V(by_hand).
      - If a config or secret is missing or different, or no service has a secret value any more, the task fails with C(revision_incomplete) or
        C(value_lost) and changes nothing. Then deploy the files.
    type: bool
    default: false
  prune:
    description:
      - With O(heal=true), also remove services, networks, configs and secrets that have the stack's label but are not in the revision.
      - Without it, they are reported and kept, since they may be in use.
    type: bool
    default: false
  rerun_jobs:
    description:
      - With O(heal=true), also restore jobs, which runs them again. If V(false), changed or removed jobs remain drift.
    type: bool
    default: false
  images:
    description:
      - Also ask the registry whether it has newer images for the running tags (kind V(behind)). One call per image.
    type: bool
    default: false
  fail_on_drift:
    description:
      - Fail with the code C(drift_found) if there is drift; with O(heal=true), if drift remains after healing.
    type: bool
    default: false
  ignore:
    description:
      - Rules for accepted differences. They are listed in RV(ignored), do not count as drift, and are not healed.
      - A difference must match all keys of a rule.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description:
          - A service, by its key in the files or its name in the Swarm.
          - If the stack has no such service, the report has a notice. With O(heal=true) the task fails with C(no_service), so that it does not heal
            accepted differences by mistake.
        type: str
      name:
        description: An object of any kind, by its key in the files or its name in the Swarm.
        type: str
      kind:
        description:
          - A kind of drift, as in RV(drift). V(edited), V(scaled), V(forced), V(volume), V(paused), V(rolled_back), V(missing), V(extra),
            V(replaced), V(behind) or V(volume_differs).
        type: str
      path:
        description:
          - A part of the specification with everything below it, as in C(changes) of RV(drift), for example V(TaskTemplate.ContainerSpec.Labels) or
            V(TaskTemplate.ContainerSpec.Env.LOG_LEVEL).
        type: str
  values:
    description:
      - Where the generated and other kept values of the stack are stored. They are compared with the running services; nothing is written.
      - If they can't be read, there is a notice, and they are not compared. Healing then fails with C(value_lost).
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
          - As in M(stackwright.swarm.compose_stack). Nothing is encrypted here.
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
    details: For a report, the intended and actual values; for healing, the changes.
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.compose_stack
    description: Its option O(stackwright.swarm.compose_stack#module:on_drift) sets how a deployment handles drift that it would overwrite.
  - module: stackwright.swarm.stack_rollback
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: Detect drift in the shop
  stackwright.swarm.stack_drift:
    name: shop
  register: shop

- name: Show the drift
  ansible.builtin.debug:
    msg: "{{ shop.drift_lines }}"

- name: Ignore replicas set by an autoscaler, and container labels
  stackwright.swarm.stack_drift:
    name: shop
    ignore:
      - {service: web, kind: scaled}
      - {path: TaskTemplate.ContainerSpec.Labels}

- name: See what healing would change
  stackwright.swarm.stack_drift:
    name: shop
    heal: true
  check_mode: true
  diff: true

- name: Heal it, and remove objects that no revision has
  stackwright.swarm.stack_drift:
    name: shop
    heal: true
    prune: true
    commit_message: weekly check

- name: Fail if anything differs, or if the registry has newer images
  stackwright.swarm.stack_drift:
    name: shop
    images: true
    fail_on_drift: true
"""

RETURN = r"""
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
revision:
  description: The number of the revision that the stack was compared with.
  returned: success, by the host that did the work
  type: int
  sample: 7
drifted:
  description: Whether there is drift that is not ignored; with O(heal=true), whether there was.
  returned: success, by the host that did the work
  type: bool
  sample: true
drift:
  description:
    - The differences, before healing.
    - It never has the content of secrets and configs. Values that a plan of M(stackwright.swarm.compose_stack) hides are shown as V(********).
  returned: success, by the host that did the work
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(taken) (another stack has taken the domain of a route), V(edited) (the specification differs), V(scaled) (the number of replicas differs),
          V(forced) (tasks were force-updated), V(volume) (the mounts use other volumes), V(paused) (the update of a service is paused, or Swarm
          stopped it), V(rolled_back) (Swarm rolled back the service), V(missing), V(extra) (has the stack's label, but is not in the revision),
          V(replaced) (another object with the same name), V(behind) (the registry has another image for the tag, with O(images=true)),
          V(volume_differs) (a volume on this manager's node has another driver or other driver options).
      type: str
    object:
      description: One of V(network), V(volume), V(config), V(secret), V(service); V(stack) if no service of the stack is left, instead of all missing objects.
      type: str
    name:
      description: The object's name in the Swarm.
      type: str
    key:
      description: Its key in the Compose file; empty if the revision does not have it.
      type: str
    reason:
      description: The reason.
      type: str
    hint:
      description: What to do.
      type: str
    changes:
      description: The parts of the specification that differ.
      type: list
      elements: dict
      contains:
        path:
          description: The path of the part.
          type: str
        intended:
          description: The value in the revision, or V(null). For V(behind), the registry's current image.
          type: raw
        actual:
          description: The current value, or V(null).
          type: raw
    healing:
      description:
        - How O(heal=true) handles it. V(update) and V(create) restore it, V(record) only records it in the history, V(prune) removes it with
          O(prune=true). V(files) means that only a deployment of the Compose files can repair it, V(by_hand) that you must repair it manually.
      type: str
    created:
      description: When the object was created, according to the Swarm. Empty for missing objects.
      type: str
    updated:
      description: When it was last changed.
      type: str
    version:
      description: Its version index.
      type: int
    by:
      description: The run of this collection that made the change. Empty in RV(drift), which has changes made by others.
      type: str
  sample:
    - kind: edited
      object: service
      name: shop_web
      key: web
      reason: its specification differs from revision 7
      hint: Heal to restore it, or add the change to the files and deploy them.
      changes:
        - {path: TaskTemplate.ContainerSpec.Env.LOG_LEVEL, intended: info, actual: debug}
      healing: update
      created: "2026-11-21T12:00:01.123456789Z"
      updated: "2026-11-27T22:14:09.123456789Z"
      version: 4711
      by: ""
drift_lines:
  description: The same as text, one line each, with the time of the last change.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "edited service shop_web: environment LOG_LEVEL info → debug (2026-11-27T22:14:09Z)"
ignored:
  description: The ignored differences, as in RV(drift_lines).
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "scaled service shop_web: replicas 2 → 5 (2026-11-27T22:14:09Z)"
ours:
  description:
    - Changes by runs of this collection that no revision has, as in RV(drift_lines), with the cause instead of the time. They are not drift and are
      not healed. The next deployment of the files may overwrite them.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "scaled service shop_web: replicas 2 → 5 (scaled with stack_service since revision 7, by ann@manager1)"
remaining:
  description: The drift that remains after healing, as in RV(drift_lines).
  returned: O(heal=true), by the host that did the work
  type: list
  elements: str
  sample:
    - "extra service shop_debug: it has the stack's label, but is not in revision 7 (2026-11-27T22:14:09Z)"
notices:
  description: Other notices, for example that a later revision failed and was left as is.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample: []
locked_by:
  description: The run that is changing the stack now, if any, which may cause the differences.
  returned: success, by the host that did the work
  type: str
  sample: ""
new_revision:
  description: The number of the revision that healing created.
  returned: if something was healed
  type: int
  sample: 8
plan:
  description:
    - The operations of healing, in order. In check mode, the operations of a real run.
    - It never has the content of secrets and configs. Values with names such as password, token or key, and passwords in addresses, are shown as
      V(********), here and in the diff.
  returned: O(heal=true), by the host that did the work
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(update), V(remove), or V(record) if only the history changes.
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
      description: The services that depend on one that restarts, by their keys.
      type: list
      elements: str
    phase:
      description: V(change), or V(prune) for objects that are removed at the end with O(prune=true).
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
  returned: O(heal=true), by the host that did the work
  type: list
  elements: str
  sample:
    - "update service shop_web: image registry.example.com/shop:1.3 → registry.example.com/shop:1.4 (restarts 2 tasks)"
plan_id:
  description:
    - Identifies this plan, with the observed and the desired state. Pass it to O(plan_id) of a later run to carry out exactly this plan.
  returned: O(heal=true), if there is something to heal, by the host that did the work
  type: str
  sample: lucvlyso-4f1c9a07be22d310
kept:
  description: How many networks, configs, secrets and services were up to date and not changed.
  returned: O(heal=true), if there is something to heal, by the host that did the work
  type: int
  sample: 4
services:
  description: The state of each service after the wait.
  returned: if something was healed
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
  returned: if something was healed
  type: str
  sample: healthy
error_code:
  description: A stable code of the error, for example V(no_stack), V(no_revision), V(revision_damaged), V(drift_found), V(no_service),
    V(revision_incomplete), V(value_lost), V(unsafe_change), V(locked) or V(health_gate_failed).
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

from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    DRIFT,
    NOTIFY,
    PINNED,
    STACK,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change


def main() -> None:
    options = {**STACK, **DRIFT, **PINNED, **NOTIFY, "name": {"type": "str", "required": True}}
    run_change(options, _drift, _memory)


def _drift(*given: Any) -> Any:
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import find_drift

    return find_drift(*given)


def _memory(*given: Any) -> Any:
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.memory import Memory

    return Memory(*given)


if __name__ == "__main__":
    main()
