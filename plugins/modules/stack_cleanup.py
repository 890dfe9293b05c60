#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_cleanup
short_description: Remove a stack with all that it has left, on every node
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Removes the services of a stack, waits until their tasks are gone, then removes its networks, configs, secrets and history, and, if asked
    for, its kept values, volumes and images.
  - The task is meant for all nodes, managers and workers. The cluster's part is done once, by the first manager that is reachable. Volumes and
    images are on the nodes where the tasks ran. Each host of the play removes those of its own node, when the cluster's part is done.
  - The play names the managers before the workers, as in C(hosts=swarm_managers:swarm_nodes). With C(serial), a manager is in the first batch.
    A worker that no manager can come before any more fails with the code C(no_manager), and keeps what it has.
  - All of it is done under the stack's lock, on every node. The host that did the cluster's part renews it until the other hosts have ended.
    What a deployment that comes in between makes is never removed, as that waits for the lock. If the controller is interrupted, nodes stop by
    themselves before the lock ends.
  - Only what carries docker's label of exactly this stack (C(com.docker.stack.namespace)) is ever removed. External objects, objects
    without that label, and stacks whose names begin alike are not touched.
  - What could not be removed is returned as RV(residue) with the reason, and fails the task. Run again when that is settled.
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack is called C(PROJECT-ENVIRONMENT-NAME) in the Swarm; a name
        over 63 characters is shortened with a hash.
      - A stack that is not there is no error, since parts of it may be left on nodes. RV(notices) says so.
    type: str
    required: true
  services:
    description:
      - Remove the services, and wait until their tasks and containers are gone. Containers of theirs that have ended are removed.
      - Containers of services of the stack that are not removed are neither waited for nor touched.
    type: bool
    default: true
  networks:
    description: Remove the networks of the stack.
    type: bool
    default: true
  configs:
    description: Remove the configs of the stack, also those that only its history needs.
    type: bool
    default: true
  secrets:
    description: Remove the secrets of the stack, also those that only its history needs.
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
      - Remove the values that were generated or set for the stack, from the Swarm and from the facts of each host. Volumes that stay may need the
        passwords among them.
      - Values in a vault of the controller are removed with M(stackwright.swarm.stack_values).
    type: bool
    default: false
  values_path:
    description: The folder of the facts with the values, if it is another one than usual.
    type: path
  volumes:
    description:
      - Remove all volumes of the stack. What is in them is lost.
      - One that a container has, or that a service wants, is returned as RV(residue).
    type: bool
    default: false
  volume_names:
    description:
      - Remove these volumes of the stack, with their names as in the Compose file, or in full. There are no wild cards.
      - By its name in the file, a volume that was recreated (O(stackwright.swarm.compose_stack#module:recreate_volumes)) is removed with those before it.
      - A name may be a template of Swarm, such as C(db_{{.Task.Slot}}), with C(.Task.Slot), C(.Task.ID), C(.Service.ID), C(.Node.ID) and
        C(.Node.Hostname). In a playbook it needs C(!unsafe).
      - One of this name that is not the stack's is returned as RV(residue).
    type: list
    elements: str
    default: []
  images:
    description:
      - Remove the images of the stack, as far as the Swarm still knows them by its services and tasks.
      - An image that another stack or any container uses stays, and RV(notices) says so.
    type: bool
    default: false
  dangling:
    description:
      - Leave the stack, and remove only those of its networks, configs and secrets (and with O(volumes) or O(volume_names), its volumes) that no service
        and no revision needs any more. Also what a service would go back to is needed.
      - Services, history and values stay, whatever the other options say.
    type: bool
    default: false
  break_lock:
    description:
      - Remove the lock of another run that is at work on this stack, instead of waiting for its end. That run notices it, and stops where it is.
      - The lock of a run that has died needs no breaking. It is noticed and taken over.
      - Where nodes work under that lock, it waits until they have stopped, for up to 45 seconds.
    type: bool
    default: false
  ignore_residue:
    description: Do not fail for what could not be removed, nor for a host whose Engine does not answer.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for the end of the tasks, and on each node for the end of its containers.
    type: int
    default: 300
  lock_timeout:
    description: Seconds to wait while another run changes the same stack.
    type: int
    default: 60
  commit_message:
    description: A word about the removal, for the history and for others who wait.
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
    description: With O(stackwright.swarm.compose_stack#module:state=absent) it removes a stack, but leaves volumes and history.
  - module: stackwright.swarm.stack_values
"""

EXAMPLES = r"""
- name: Remove what no service and no revision needs any more; the stack stays
  stackwright.swarm.stack_cleanup:
    name: shop
    dangling: true

- name: See what a clean-up would remove
  stackwright.swarm.stack_cleanup:
    name: shop
    volumes: true
  check_mode: true
  diff: true

- name: Remove the stack, and of its volumes only the cache
  stackwright.swarm.stack_cleanup:
    name: shop
    volume_names: [cache]

- name: Remove everything that the stack has left on any node, also its data and passwords
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
  description: What the stack is called in the Swarm.
  returned: unless an option is refused
  type: str
  sample: acme-production-shop
stack_id:
  description: The stack's id, made from project, environment and name; the same on every controller and manager.
  returned: unless an option is refused
  type: str
  sample: lucvlyso2bct2tgtqfxb2slfxt34rnc5
stack_hash:
  description: The short form of the id.
  returned: unless an option is refused
  type: str
  sample: lucvlyso
removed:
  description:
    - What this host has removed, in check mode what it would remove. For the host that did the cluster's part that is among it.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: One of V(service), V(network), V(config), V(secret), V(revision), V(values), V(lock), V(volume), V(image),
          or V(container) for one that had ended and was left of a service that was gone before.
      type: str
    name:
      description: Its name in the Swarm, or on the node.
      type: str
    node:
      description: The node that it was on; empty for what belongs to the whole cluster.
      type: str
  sample:
    - {kind: service, name: shop_web, node: ""}
    - {kind: volume, name: shop_data, node: worker1}
residue:
  description: What was to be removed, and could not be.
  returned: success, and when something could not be removed
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
      description: Why it is still there, for instance in use by which container, or that the node is down.
      type: str
  sample:
    - {kind: volume, name: shop_data, node: worker2, reason: the node worker2 is down}
notices:
  description: What the user should know, for instance which images stay because somebody else uses them.
  returned: success
  type: list
  elements: str
  sample: ["The image nginx:1.25 stays on worker1: in use by container proxy"]
calls:
  description: How many calls of the Engine API this took.
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
  description: The host of the inventory that did the cluster's part.
  returned: when it was another host of the play
  type: str
  sample: manager1
error_code:
  description: A stable word for what went wrong, for instance V(residue), V(no_manager), V(not_in_swarm), V(locked), V(timeout) or V(daemon_unreachable).
  returned: failure
  type: str
  sample: residue
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.cleanup import clean_up
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import CLEANUP, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_change


def main() -> None:
    run_change({**STACK, **CLEANUP, "name": {"type": "str", "required": True}}, clean_up)


if __name__ == "__main__":
    main()
