#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_drift
short_description: Find what of a stack is not as it was deployed, and put it back
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Every deployment by M(stackwright.swarm.compose_stack) is recorded in the Swarm as a revision. This module compares the last good one
    with what is there now, and reports each difference with its kind, its object, what was intended and what is there. Compose files are not needed.
  - With O(heal=true) the differences are put back. That is a deployment like any other. It has a plan, is shown in check mode and diff mode, waits until
    the stack runs, is undone if that fails, and becomes a new revision.
  - Of when an object was changed last, the report says what the Swarm knows. Who changed it, Swarm does not record.
  - Values of secrets are compared, and shown nowhere. Of volumes their names are compared, and on the node of
    the manager that is asked their driver options. Other nodes are looked at by M(stackwright.swarm.stack_preflight). What is in volumes is not looked at.
  - A stack that O(stackwright.swarm.compose_stack#module:state=stopped) has stopped is compared as a stopped one, and healing leaves it stopped.
  - What runs of this collection have left since then is no drift, and healing leaves it. That are changes by M(stackwright.swarm.stack_service), and jobs
    that a deployment has run before it was rolled back. RV(ours) tells it.
  - Healing does not go past a revision whose run was killed, or failed and was not undone. RV(notices) names it.
  - Routes are compared by M(stackwright.swarm.caddy_route) in check mode.
  - The play may name every manager of a cluster. The work is done once a cluster, by the first manager that is reachable.
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack is called C(PROJECT-ENVIRONMENT-NAME) in the Swarm; a name
        over 63 characters is shortened with a hash.
    type: str
    required: true
  heal:
    description:
      - Put back what differs. What RV(drift) marks with the C(healing) V(files) or V(by_hand), the history can't bring back.
      - A config or secret that is gone or is another, and a secret value that runs nowhere any more, make the task fail with
        C(revision_incomplete) or C(value_lost), and nothing is changed. Deploy the files then.
    type: bool
    default: false
  prune:
    description:
      - With O(heal=true), also remove services, networks, configs and secrets that carry the stack's label and that the revision does not know.
      - Without it they are reported, and stay. Nobody but their owner knows whether they hold something that is needed.
    type: bool
    default: false
  rerun_jobs:
    description:
      - With O(heal=true), put back jobs, too, which runs them again. Unless V(true), a job that was changed or removed stays as it is, and stays drift.
    type: bool
    default: false
  images:
    description:
      - Also ask the registry whether it has another image for the tags that run (kind V(behind)). One call for each image.
    type: bool
    default: false
  fail_on_drift:
    description:
      - Fail with the code C(drift_found) where there is drift; with O(heal=true), where some is left.
    type: bool
    default: false
  ignore:
    description:
      - Rules for what may differ. It is listed in RV(ignored), is no drift, and healing leaves it as it is.
      - All that a rule names has to fit. What it does not name is open.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description:
          - A service, by its key in the files or its name in the Swarm.
          - If the stack has no such service, the report says so in a notice; O(heal=true) fails with C(no_service), since it would put back what
            was meant to be left alone.
        type: str
      name:
        description: An object of any kind, by its key in the files or its name in the Swarm.
        type: str
      kind:
        description:
          - A kind of drift, as RV(drift) has it. V(edited), V(scaled), V(forced), V(volume), V(paused), V(rolled_back), V(missing), V(extra),
            V(replaced), V(behind) or V(volume_differs).
        type: str
      path:
        description:
          - A part of the specification and all that is in it, as C(changes) of RV(drift) names it, for instance
            V(TaskTemplate.ContainerSpec.Labels) or V(TaskTemplate.ContainerSpec.Env.LOG_LEVEL).
        type: str
  values:
    description:
      - Where the generated and other kept values of the stack are. They are compared with what runs; nothing is written.
      - Where they can't be read, a notice says so, and their places are not compared. Healing then fails with C(value_lost).
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
          - As in M(stackwright.swarm.compose_stack). Nothing is encrypted here.
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
    details: Of a report, what was intended and what is there; of healing, what it changes.
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.compose_stack
    description: Its option O(stackwright.swarm.compose_stack#module:on_drift) says what a deployment does about drift that it would overwrite.
  - module: stackwright.swarm.stack_rollback
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: See whether the shop is as it was deployed
  stackwright.swarm.stack_drift:
    name: shop
  register: shop

- name: Say what differs
  ansible.builtin.debug:
    msg: "{{ shop.drift_lines }}"

- name: Leave the replicas to the autoscaler, and labels to whoever sets them
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

- name: Heal it, and remove what nobody deployed
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
revision:
  description: The number of the revision that the stack was compared with.
  returned: success, by the host that did the work
  type: int
  sample: 7
drifted:
  description: Whether anything differs that is not ignored; with O(heal=true), whether anything did.
  returned: success, by the host that did the work
  type: bool
  sample: true
drift:
  description:
    - What differs, before anything was healed.
    - Content of secrets and configs is never in it. Values that a plan of M(stackwright.swarm.compose_stack) hides show as V(********).
  returned: success, by the host that did the work
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(taken) (another stack has taken the domain of a route), V(edited) (the specification is another),
          V(scaled) (the number of replicas), V(forced) (tasks were replaced by force),
          V(volume) (the mounts name other volumes), V(paused) (the update of a service is held, or Swarm has stopped it),
          V(rolled_back) (Swarm has put a service back to what it was before), V(missing), V(extra) (carries the stack's label, but is not in the
          revision), V(replaced) (another object of the same name), V(behind) (the registry has another image for the tag, with O(images=true)),
          V(volume_differs) (a volume on this manager's node was made with another driver, or with other options of it).
      type: str
    object:
      description: One of V(network), V(volume), V(config), V(secret), V(service); V(stack) where no service of it is left, in place of all that is missing.
      type: str
    name:
      description: The object's name in the Swarm.
      type: str
    key:
      description: Its key in the Compose file; empty for what the revision does not have.
      type: str
    reason:
      description: What is the matter.
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
          description: Which part.
          type: str
        intended:
          description: What the revision has, or V(null). Of V(behind), what the registry has by now.
          type: raw
        actual:
          description: What is there, or V(null).
          type: raw
    healing:
      description:
        - What O(heal=true) does about it. V(update) and V(create) put it back, V(record) takes it down in the history since there is nothing to put back,
          V(prune) removes it with O(prune=true). V(files) means that only the Compose files have what is needed, V(by_hand) that a person has to act.
      type: str
    created:
      description: When the object was created, as the Swarm knows it. Empty for what is not there.
      type: str
    updated:
      description: When it was changed last.
      type: str
    version:
      description: Its version index.
      type: int
    by:
      description: Which run of this collection it was. Empty in RV(drift), which is what others have changed.
      type: str
  sample:
    - kind: edited
      object: service
      name: shop_web
      key: web
      reason: its specification is another than in revision 7
      hint: Heal to get it back, or put the change into the files and deploy them.
      changes:
        - {path: TaskTemplate.ContainerSpec.Env.LOG_LEVEL, intended: info, actual: debug}
      healing: update
      created: "2026-11-21T12:00:01.123456789Z"
      updated: "2026-11-27T22:14:09.123456789Z"
      version: 4711
      by: ""
drift_lines:
  description: The same as text, a line for each, with the time of the last change.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "edited service shop_web: environment LOG_LEVEL info → debug (2026-11-27T22:14:09Z)"
ignored:
  description: What differs and is to be ignored, as in RV(drift_lines).
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "scaled service shop_web: replicas 2 → 5 (2026-11-27T22:14:09Z)"
ours:
  description:
    - What runs of this collection have left that no revision has, as in RV(drift_lines), with what it was in place of the time. It is no drift, and is not
      healed. The next deployment of the files decides again.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "scaled service shop_web: replicas 2 → 5 (scaled with stack_service since revision 7, by ann@manager1)"
remaining:
  description: What healing leaves, as in RV(drift_lines).
  returned: O(heal=true), by the host that did the work
  type: list
  elements: str
  sample:
    - "extra service shop_debug: it carries the stack's label, and revision 7 does not know it (2026-11-27T22:14:09Z)"
notices:
  description: What the user should know besides, for instance that a later revision has failed and was left as it is.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample: []
locked_by:
  description: Who changes the stack right now, so that it differs. Empty if nobody does.
  returned: success, by the host that did the work
  type: str
  sample: ""
new_revision:
  description: The number of the revision that healing has made.
  returned: when something was healed
  type: int
  sample: 8
plan:
  description:
    - What healing has done, in its order. In check mode, what it would do.
    - Content of secrets and configs is never in it. Values under names that look like a password, a token or a key, and
      passwords in addresses, show as V(********), before and after; so in the diff.
  returned: O(heal=true), by the host that did the work
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(update), V(remove), or V(record) where only the history changes.
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
      description: V(change), or V(prune) for what is removed at the end, with O(prune=true).
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
  returned: O(heal=true), by the host that did the work
  type: list
  elements: str
  sample:
    - "update service shop_web: image registry.example.com/shop:1.3 → registry.example.com/shop:1.4 (restarts 2 tasks)"
plan_id:
  description:
    - Names this plan - what was observed and what is wanted. Give it to O(plan_id) of a later run to have exactly this plan carried out.
  returned: O(heal=true), where there is something to heal, by the host that did the work
  type: str
  sample: lucvlyso-4f1c9a07be22d310
kept:
  description: How many networks, configs, secrets and services were as they should be and were not touched.
  returned: O(heal=true), where there is something to heal, by the host that did the work
  type: int
  sample: 4
services:
  description: How each service is, after the wait, or when the wait was given up.
  returned: when something was healed
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
  returned: when something was healed
  type: str
  sample: healthy
error_code:
  description: A stable word for what went wrong, for instance V(no_stack), V(no_revision), V(revision_damaged), V(drift_found), V(no_service),
    V(revision_incomplete), V(value_lost), V(unsafe_change), V(locked) or V(health_gate_failed).
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

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import DRIFT, PINNED, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_change


def main() -> None:
    run_change({**STACK, **DRIFT, **PINNED, "name": {"type": "str", "required": True}}, _drift)


def _drift(client, params, run):
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import find_drift

    return find_drift(client, params, run)


if __name__ == "__main__":
    main()
