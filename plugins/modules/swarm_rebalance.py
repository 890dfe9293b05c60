#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_rebalance
short_description: Spread services over the nodes after one has come back
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Swarm never moves a running task. A node that comes back after maintenance stays empty until something is deployed. This module moves tasks to it.
  - Moves only what spreads the tasks better, as predicted with the rules of Swarm's scheduler. First the tasks of each service are spread evenly, then the
    tasks of all services. One service is changed at a time, and the tasks are counted again after each move.
  - A move replaces only the tasks that leave their node. During the move, the service has a constraint against this node, or one extra replica. Each step
    takes the lock of the stack, waits until the service is healthy, restores it if that fails, and is noted in the history of the stack, so it is never
    drift. It overwrites Swarm's own rollback target; the revisions of the stack are not affected.
  - A run that was interrupted leaves at most a constraint on one service, which the next run removes.
  - Services with named volumes of a node are never moved. The same applies to services whose tasks do not all run, and to global services and jobs.
  - The play may target all managers of a cluster. The task runs once per cluster, on the first reachable manager.
options:
  services:
    description: Move only tasks of these services, by their names in the Swarm. Shell patterns are allowed, for example V(shop_*). Default is all.
    type: list
    elements: str
    default: []
  stacks:
    description: Move only tasks of services of these stacks. Shell patterns are allowed. Default is all.
    type: list
    elements: str
    default: []
  dip:
    description:
      - V(forbid) makes no move during which a service runs with fewer tasks than wanted. So a service without C(order) V(start-first) in its
        C(update_config) only moves if several of its tasks are on one node.
      - V(allow) also moves the others, by their own update settings.
    type: str
    choices: [forbid, allow]
    default: forbid
  wait_timeout:
    description: Seconds without progress after which a move has failed; 1 to 86400.
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
    details: The prediction of a sequence of moves. A real run counts again after each move, so it may differ.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.swarm_node
  - module: stackwright.swarm.swarm_info
"""

EXAMPLES = r"""
- name: Spread the services over all nodes
  stackwright.swarm.swarm_rebalance:

- name: Show which services of a stack would be moved
  stackwright.swarm.swarm_rebalance:
    stacks: [shop]
    dip: allow
  check_mode: true
  register: rebalance
"""

RETURN = r"""
before:
  description: The tasks before.
  returned: success
  type: dict
  contains:
    tasks: {description: The number of tasks on each node that takes tasks., type: dict}
    difference: {description: The difference between the node with the most tasks and the one with the fewest., type: int}
  sample: {tasks: {worker1: 12, worker2: 0}, difference: 12}
after:
  description: The tasks afterwards; in check mode the prediction.
  returned: success
  type: dict
  contains:
    tasks: {description: The number of tasks on each node that takes tasks., type: dict}
    difference: {description: The difference between the node with the most tasks and the one with the fewest., type: int}
  sample: {tasks: {worker1: 6, worker2: 6}, difference: 0}
moved:
  description: The services with tasks that were moved, or would be.
  returned: success
  type: list
  elements: str
  sample: [shop_web]
kept:
  description: The reason for each other service.
  returned: success
  type: dict
  sample: {shop_db: its volume shop_data is local to its node, shop_api: it gains nothing}
plan_lines:
  description: The moves as text, with the predicted number of tasks of the service on each node.
  returned: success
  type: list
  elements: str
  sample: ["move service shop_web: worker1 2 → 1, worker2 0 → 1"]
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
done_by:
  description: The host of the play that did the work for the cluster.
  returned: if it was another host
  type: str
  sample: manager1
error_code:
  description: A stable code of the error, for example V(health_gate_failed), V(timeout), V(locked) or V(not_a_manager).
  returned: failure
  type: str
  sample: health_gate_failed
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import spread_services
from ansible_collections.stackwright.swarm.plugins.module_utils.request.node_options import REBALANCE


def main() -> None:
    run_change(REBALANCE, spread_services)


if __name__ == "__main__":
    main()
