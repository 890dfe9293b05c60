#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_routes
short_description: Show the routes of all stacks, and record routes that proxies missed
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Reads the routes of all stacks of a Swarm from the labels of their running services, for M(stackwright.swarm.caddy_route).
  - Records in the Swarm which proxies have missed routes, and which domains a stack has taken from another one. The record is a label of the Docker
    secret C(stackwright.routes).
  - The role P(stackwright.swarm.stack#role) and the playbook C(routes) run it on a manager.
options:
  name:
    description:
      - The stack for O(missed) and O(takes). Not required without them.
      - If another stack has taken domains from it, a warning names them.
    type: str
  project:
    description:
      - The project of that stack.
    type: str
  environment:
    description:
      - The environment of that stack.
    type: str
  label_prefix:
    description:
      - The prefix of the labels. With V(stackwright), labels with the prefix V(zane) are read as well.
    type: str
    default: stackwright
  missed:
    description:
      - Inventory hosts whose proxies have missed the routes of the stack. They are recorded as owed.
    type: list
    elements: str
    default: []
  gone:
    description:
      - The proxies have missed the removal of the stack's routes.
    type: bool
    default: false
  settled:
    description:
      - Entries of RV(owed) that the proxies have received.
    type: list
    elements: dict
    default: []
  takes:
    description:
      - Domains that the stack takes from other stacks. They belong to it until another stack takes them.
    type: list
    elements: str
    default: []
  secrets:
    description:
      - Also return hashes of passwords and tokens, for proxies on hosts that can't read labels. Then set C(no_log) on the task.
      - Otherwise, C(from_labels) names the labels with these values.
    type: bool
    default: false
  folder:
    description:
      - The directory with the socket of each proxy's admin API. If given, RV(proxies) lists the nodes that run a service with this directory.
    type: path
  listed:
    description:
      - Names and addresses of the hosts whose proxies get routes. Other nodes of RV(proxies) are returned in RV(unlisted), with a warning.
    type: list
    elements: str
    default: []
  own_node:
    description:
      - Whether the node of this manager counts as O(listed), whatever its inventory name is.
    type: bool
    default: false
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.caddy_route
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: Read the routes of all stacks
  stackwright.swarm.stack_routes:
  register: every

- name: Update the proxy of this node with all routes
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stacks: "{{ every.stacks }}"
"""

RETURN = r"""
stacks:
  description: The stacks, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    stack: {description: The id of the stack., type: str}
    name: {description: Its full name in the Swarm., type: str}
    busy: {description: 'Whether it is being deployed, so that its labels may not match the running tasks yet.', type: bool}
    gone: {description: 'Whether it was removed, and a proxy has missed the removal.', type: bool}
    yields: {description: The domains of its labels that other stacks have taken., type: list, elements: str}
    routes: {description: 'Its routes, as O(stackwright.swarm.caddy_route#module:routes).', type: list, elements: dict}
  sample:
    - {stack: oqxp6g6ufwxc4y6qrd5ifxirbqvyyrs5, name: shop, busy: false, gone: false, yields: [], routes: []}
owed:
  description: The routes that proxies have missed.
  returned: success
  type: list
  elements: dict
  contains:
    proxy: {description: The inventory host., type: str}
    stack: {description: The id of the stack whose routes it has missed., type: str}
    name: {description: The full name of that stack., type: str}
    since: {description: The time of the last missed change., type: str}
    gone: {description: Whether it was the removal of the routes., type: bool}
  sample:
    - {proxy: node2, stack: oqxp6g6ufwxc4y6qrd5ifxirbqvyyrs5, name: shop, since: "2026-11-28 12:00:00 UTC", gone: false}
proxies:
  description: The nodes that run a proxy.
  returned: success
  type: list
  elements: dict
  contains:
    node: {description: The hostname of the node., type: str}
    address: {description: Its address in the Swarm., type: str}
  sample:
    - {node: node2, address: 10.0.0.2}
unlisted:
  description: The nodes of RV(proxies) that are not in O(listed).
  returned: success
  type: list
  elements: str
  sample: [node3]
digest:
  description: A digest that changes when the routes of any stack change.
  returned: success
  type: str
  sample: 5b6c1f0e5b6c1f0e5b6c1f0e5b6c1f0e
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: k5ucyszdqumvrvmw1jcsj0kmu
node:
  description: The name of the manager that answered.
  returned: success
  type: str
  sample: node1
error_code:
  description: A stable code of the error, for example V(not_a_manager).
  returned: failure
  type: str
  sample: not_a_manager
"""

from typing import Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack_routes import show_all_routes

_TEXTS: Dict[str, object] = {"type": "list", "elements": "str", "default": []}
_OFF: Dict[str, object] = {"type": "bool", "default": False}


def main() -> None:
    run_module(
        {
            **STACK,
            "missed": _TEXTS,
            "gone": _OFF,
            "settled": {"type": "list", "elements": "dict", "default": []},
            "takes": _TEXTS,
            "secrets": _OFF,
            "folder": {"type": "path"},
            "listed": {"type": "list", "elements": "str", "default": []},
            "own_node": _OFF,
        },
        show_all_routes,
    )


if __name__ == "__main__":
    main()
