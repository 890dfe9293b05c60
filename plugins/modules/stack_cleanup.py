#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_cleanup
short_description: Remove a stack and everything it has left behind, on every node
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Removes the services of a stack and waits until their tasks have stopped. Then it removes the networks, configs, secrets and history of the stack
    and, if requested, its kept values, volumes and images.
  - Run the task on all nodes, managers and workers. The first reachable manager does the cluster-wide cleanup once. Volumes and images are on the
    nodes where the tasks ran, so each host of the play then removes those of its own node.
  - List the managers before the workers, as in C(hosts=swarm_managers:swarm_nodes). With C(serial), include a manager in the first batch. If no
    manager has run before a worker, the worker fails with the code C(no_manager), and nothing is removed from it.
  - The cleanup holds the stack's lock on every node. The host that did the cluster-wide cleanup renews it until the other hosts have finished. A
    deployment in between waits for the lock, so its objects are never removed. If the controller is interrupted, the nodes stop before the lock
    expires.
  - Only objects with Docker's label of exactly this stack (C(com.docker.stack.namespace)) are removed. External objects, objects without that label,
    and stacks with similar names are never touched.
  - Objects that could not be removed are returned as RV(residue) with the reason, and the task fails. Fix the cause and run again.
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack has the name C(PROJECT-ENVIRONMENT-NAME) in the Swarm. A name over 63 characters is
        shortened with a hash.
      - A missing stack is not an error, since nodes may still have parts of it. RV(notices) then has a notice.
    type: str
    required: true
  services:
    description:
      - Remove the services, and wait until their tasks and containers have stopped. Stopped containers of the services are removed.
      - Containers of services that are not removed are ignored.
    type: bool
    default: true
  networks:
    description: Remove the networks of the stack.
    type: bool
    default: true
  configs:
    description: Remove the configs of the stack, including those that only its history needs.
    type: bool
    default: true
  secrets:
    description: Remove the secrets of the stack, including those that only its history needs.
    type: bool
    default: true
  history:
    description:
      - Remove the recorded revisions.
      - If V(false), the removal is recorded as well.
    type: bool
    default: true
  values:
    description:
      - Remove the generated and set values of the stack, from the Swarm and from the facts of each host. Kept volumes may still need passwords among them.
      - To remove values in a vault on the controller, use M(stackwright.swarm.stack_values).
    type: bool
    default: false
  values_path:
    description: The directory of the fact file with the values, if it is not the default.
    type: path
  volumes:
    description:
      - Remove all volumes of the stack. Their data is lost.
      - A volume in use by a container or needed by a service is returned as RV(residue).
    type: bool
    default: false
  volume_names:
    description:
      - Remove these volumes of the stack, by their names in the Compose file or their full names. Wildcards are not supported.
      - The name in the file also removes the older copies of a recreated volume (O(stackwright.swarm.compose_stack#module:recreate_volumes)).
      - A name may be a Swarm template, such as C(db_{{.Task.Slot}}), with C(.Task.Slot), C(.Task.ID), C(.Service.ID), C(.Node.ID) and
        C(.Node.Hostname). In a playbook, tag it with C(!unsafe).
      - A volume with this name that does not belong to the stack is returned as RV(residue).
    type: list
    elements: str
    default: []
  images:
    description:
      - Remove the images of the stack, if the Swarm still knows them from services and tasks.
      - An image that another stack or any container uses is kept, and RV(notices) names it.
    type: bool
    default: false
  dangling:
    description:
      - Keep the stack, and remove only its networks, configs and secrets (and with O(volumes) or O(volume_names), its volumes) that no service and no
        revision needs. Objects that a service could be rolled back to are kept.
      - Services, history and values are kept, regardless of the other options.
    type: bool
    default: false
  break_lock:
    description:
      - Remove the lock of another active run on this stack instead of waiting for it. That run detects it and stops.
      - It is not required for the lock of a dead run, which is detected and taken over.
      - If nodes work under that lock, the task waits up to 45 seconds until they have stopped.
    type: bool
    default: false
  ignore_residue:
    description: Do not fail if something could not be removed, or if the Engine of a host does not answer.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait until the tasks, and on each node its containers, have stopped.
    type: int
    default: 300
  lock_timeout:
    description: Seconds to wait while another run changes the same stack.
    type: int
    default: 60
  commit_message:
    description: A message about the removal, for the history and for other runs that wait.
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
    support: full
seealso:
  - module: stackwright.swarm.compose_stack
    description: With O(stackwright.swarm.compose_stack#module:state=absent) it removes a stack, but keeps volumes and history.
  - module: stackwright.swarm.stack_values
"""

EXAMPLES = r"""
- name: Remove objects that no service and no revision needs; the stack is kept
  stackwright.swarm.stack_cleanup:
    name: shop
    dangling: true

- name: See what a cleanup would remove
  stackwright.swarm.stack_cleanup:
    name: shop
    volumes: true
  check_mode: true
  diff: true

- name: Remove the stack and only its cache volume
  stackwright.swarm.stack_cleanup:
    name: shop
    volume_names: [cache]

- name: Remove everything that the stack has left on any node, including its data and passwords
  stackwright.swarm.stack_cleanup:
    name: shop
    volumes: true
    images: true
    values: true
    ignore_residue: true
  register: cleaned
"""

RETURN = r"""
stack:
  description: The stack's name in the Swarm.
  returned: unless an option is invalid
  type: str
  sample: acme-production-shop
stack_id:
  description: The stack's id, made from project, environment and name; the same on every controller and manager.
  returned: unless an option is invalid
  type: str
  sample: lucvlyso2bct2tgtqfxb2slfxt34rnc5
stack_hash:
  description: The short form of the id.
  returned: unless an option is invalid
  type: str
  sample: lucvlyso
removed:
  description:
    - The objects that this host removed, or would remove in check mode. The host that did the cluster-wide cleanup includes its objects.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: One of V(service), V(network), V(config), V(secret), V(revision), V(values), V(lock), V(volume), V(image), or V(container) for a
        stopped container of a service that was removed before.
      type: str
    name:
      description: Its name in the Swarm, or on the node.
      type: str
    node:
      description: The node that it was on; empty for cluster-wide objects.
      type: str
  sample:
    - {kind: service, name: shop_web, node: ""}
    - {kind: volume, name: shop_data, node: worker1}
residue:
  description: The objects that could not be removed.
  returned: success, and if something could not be removed
  type: list
  elements: dict
  contains:
    kind:
      description: As in RV(removed).
      type: str
    name:
      description: As in RV(removed).
      type: str
    node:
      description: As in RV(removed).
      type: str
    reason:
      description: Why it could not be removed, for example the container that uses it, or that the node is down.
      type: str
  sample:
    - {kind: volume, name: shop_data, node: worker2, reason: the node worker2 is down}
notices:
  description: Notices, for example which images are kept because they are in use.
  returned: success
  type: list
  elements: str
  sample: ["The image nginx:1.25 stays on worker1: in use by container proxy"]
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
  returned: success
  type: int
  sample: 19
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
node:
  description: The node of this host.
  returned: success
  type: str
  sample: worker1
done_by:
  description: The inventory host that did the cluster-wide cleanup.
  returned: if it was another host of the play
  type: str
  sample: manager1
error_code:
  description: A stable code of the error, for example V(residue), V(no_manager), V(not_in_swarm), V(locked), V(timeout) or V(daemon_unreachable).
  returned: failure
  type: str
  sample: residue
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.cleanup import clean_up
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import CLEANUP, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change


def main() -> None:
    run_change({**STACK, **CLEANUP, "name": {"type": "str", "required": True}}, clean_up)


if __name__ == "__main__":
    main()
