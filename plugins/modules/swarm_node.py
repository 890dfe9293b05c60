#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_node
short_description: Change the labels, availability and role of a node
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Changes a node of the Swarm, and waits until the change has taken effect. Parts of the node without an option are not changed.
  - With O(availability=drain), the module reports before it begins which services can't move from the node and why, and it moves the others without
    a dip if their update order allows it.
  - Refuses a demotion that would lose the quorum of the managers.
  - The play may target all managers of a cluster. The task runs once per cluster, on the first reachable manager.
options:
  name:
    description:
      - The host name or the id of the node, as C(docker node ls) shows them.
      - If several nodes have the host name, the one that is not down is used. Other cases need the id.
    type: str
    required: true
  labels:
    description:
      - The labels of the node. Numbers and booleans are converted to text, V(true) to C(true).
      - A label with an empty value in YAML (C(null)) is removed.
    type: dict
  labels_mode:
    description:
      - V(merge) keeps other labels of the node.
      - V(exact) removes other labels of the node. It needs O(labels), which may be empty.
    type: str
    choices: [merge, exact]
    default: merge
  availability:
    description:
      - V(active) allows new tasks on the node.
      - V(pause) allows no new tasks, and keeps the present ones.
      - V(drain) allows no tasks on the node. Swarm replaces the tasks of replicated services on other nodes.
    type: str
    choices: [active, pause, drain]
  role:
    description:
      - V(manager) promotes the node, V(worker) demotes it.
      - A promotion that would take the node out of the Swarm fails with RV(error_code=join_address_gone). To check this, the task asks the Engine of the
        node, if the inventory has the node under its host name; otherwise a warning says that this was not checked.
      - A demotion that would leave less than half of the managers reachable fails with RV(error_code=quorum). Nothing is changed then.
    type: str
    choices: [manager, worker]
  move:
    description:
      - How services leave a node with O(availability=drain).
      - V(safe) pauses the node first. It then moves the services whose replacements can start before the old tasks stop (C(order) V(start-first) in their
        C(update_config)), and those that would lose more tasks at once by the drain than by their own update. Only the tasks on the node are replaced. During
        the move, the service has a constraint against the node. The module waits until the service is healthy, and restores it if that fails. The history of
        its stack notes the change, so it is never drift. Then the node is drained.
      - V(swarm) only drains the node. Swarm stops all tasks of the node at once, and then starts the replacements.
    type: str
    choices: [safe, swarm]
    default: safe
  unmovable:
    description:
      - What to do with O(availability=drain) if services can't move from the node. The reasons are constraints, platforms, plugins, host ports, capacity,
        C(max_replicas_per_node), and named volumes of the node, whose data does not move.
      - V(fail) fails with RV(error_code=cannot_move) and changes nothing.
      - V(stop) drains the node anyway. Tasks without another node stay pending, and a service with a local volume starts with an empty one elsewhere.
    type: str
    choices: [fail, stop]
    default: fail
  wait_ready:
    description:
      - First wait until the node is ready, and until the other managers reach it if it is a manager. Use it after a restart of the node.
      - A node that does not come back within O(wait_timeout) fails with RV(error_code=not_back), and nothing is changed.
      - Check mode does not wait.
    type: bool
    default: false
  engine_version:
    description:
      - With O(wait_ready), also wait until the node runs this version of the Engine. V(28.5.2) also accepts V(28.5.2+dfsg1).
    type: str
  wait:
    description:
      - Wait until the change has taken effect.
      - A node is drained if none of its tasks is left, and if each moved service has its number of running tasks on other nodes.
      - A role has settled if the other managers reach the new manager, or if the managers no longer list the demoted one and it has
        reported as a worker.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait for the node to be ready, for tasks to leave it, and for the role to settle; 1 to 86400.
      - For each service that O(move=safe) moves, these are the seconds without progress.
    type: int
    default: 300
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
  - stackwright.swarm.attributes.no_async
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.swarm_info
  - module: stackwright.swarm.stack_service
"""

EXAMPLES = r"""
- name: Label a node
  stackwright.swarm.swarm_node:
    name: m1
    labels:
      disk: ssd
      rack: 12
      old_label: null

- name: Set exactly these labels on a node
  stackwright.swarm.swarm_node:
    name: m1
    labels_mode: exact
    labels:
      disk: ssd

- name: Drain a node without a dip, and wait until it is empty
  stackwright.swarm.swarm_node:
    name: m1
    availability: drain
    unmovable: stop

- name: Wait until it is back after a restart, and let it take tasks again
  stackwright.swarm.swarm_node:
    name: m1
    availability: active
    wait_ready: true

- name: Promote a worker
  stackwright.swarm.swarm_node:
    name: m1
    role: manager
"""

RETURN = r"""
name:
  description: The host name of the node.
  returned: success
  type: str
  sample: worker1
id:
  description: The id of the node.
  returned: success
  type: str
  sample: 2ppaq4vzs2rwbx8ctw6qlyhkc
role:
  description: The role that the node has, or would have.
  returned: success
  type: str
  sample: worker
availability:
  description: The availability that the node has, or would have.
  returned: success
  type: str
  sample: drain
labels:
  description: The labels that the node has, or would have.
  returned: success
  type: dict
  sample: {disk: ssd}
state:
  description: The state of the node before the change, for example V(ready) or V(down).
  returned: success
  type: str
  sample: ready
changes:
  description: The parts of the node that change.
  returned: success
  type: list
  elements: dict
  contains:
    what: {description: 'V(role), V(availability), or V(label NAME).', type: str}
    before: {description: The value before; null if there was none., type: str}
    after: {description: The value after; null if there is none., type: str}
  sample:
    - {what: availability, before: active, after: drain}
moves:
  description: The services with tasks on a node that is drained. Global services are not listed.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: The name of the service in the Swarm., type: str}
    stack: {description: 'Its stack, or empty text.', type: str}
    mode: {description: The mode of the service., type: str}
    desired: {description: The number of its tasks., type: int}
    count: {description: How many of them are on the node., type: int}
    left: {description: How many of them no other node can run., type: int}
    stays: {description: 'Why the service can''t move as a whole; empty if it can.', type: str}
    volumes: {description: Its named volumes on the node., type: list, elements: str}
    way:
      description:
        - How O(move=safe) moves it. V(start-first) is without a dip, V(rolling) replaces the tasks by the update settings of the service, V(drain) leaves it
          to Swarm.
      type: str
    dip: {description: How many of its tasks are missing at the same time during the move., type: int}
  sample:
    - {service: shop_web, stack: shop, mode: replicated, desired: 3, count: 1, left: 0, stays: "", volumes: [], way: start-first, dip: 0}
plan_lines:
  description: The changes as text.
  returned: success
  type: list
  elements: str
  sample: ["update node worker1: availability active → drain", "move service shop_web: 1 task leaves worker1 (start-first)"]
notices:
  description: Notices about the change, for example an even number of managers. Ansible also shows them as warnings.
  returned: success
  type: list
  elements: str
  sample: []
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
  sample: 2
done_by:
  description: The host of the play that did the work for the cluster.
  returned: if it was another host
  type: str
  sample: manager1
error_code:
  description:
    - A stable code of the error. V(no_node), V(ambiguous_node), V(cannot_move), V(quorum), V(join_address_gone), V(node_down), V(not_drained),
      V(not_back), V(timeout), V(invalid_options), V(health_gate_failed), V(locked), and the codes of the connection such as V(not_a_manager).
  returned: failure
  type: str
  sample: cannot_move
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import change_one_node
from ansible_collections.stackwright.swarm.plugins.module_utils.request.node_options import NODE


def main() -> None:
    run_change(NODE, change_one_node)


if __name__ == "__main__":
    main()
