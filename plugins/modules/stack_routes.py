#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_routes
short_description: Say which routes all stacks have, and keep what proxies have missed
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Reads the routes of all stacks of a Swarm from the labels of their live services, for M(stackwright.swarm.caddy_route).
  - Keeps a record in the Swarm of what labels can't say, which is which proxies have missed something, and which domains a stack has
    taken from another one. It is the label of the Docker secret C(stackwright.routes).
  - The role P(stackwright.swarm.stack#role) and the playbook C(routes) run it on a manager.
options:
  name:
    description:
      - The stack that O(missed) and O(takes) are about. Without them it is not needed.
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
      - How the labels begin. With V(stackwright) also labels that begin with V(zane) are read.
    type: str
    default: stackwright
  missed:
    description:
      - Proxies, by their hosts in the inventory, that have missed the routes of the stack. They are recorded as owed to them.
    type: list
    elements: str
    default: []
  gone:
    description:
      - What they have missed is the removal of the stack's routes.
    type: bool
    default: false
  settled:
    description:
      - Entries of RV(owed) that the proxies have got by now.
    type: list
    elements: dict
    default: []
  takes:
    description:
      - Domains that the stack takes from other stacks that claim them. From now on they are its own, until another stack takes them.
    type: list
    elements: str
    default: []
  secrets:
    description:
      - Give hashes of passwords and tokens, too, for proxies on hosts that can't read labels. Set C(no_log) for the task then.
      - Else C(from_labels) names the labels that hold them.
    type: bool
    default: false
  folder:
    description:
      - The folder that holds the socket of each proxy's admin API. If given, RV(proxies) says which nodes run a service that has it.
    type: path
  listed:
    description:
      - Names and addresses of the hosts whose proxies get routes. Nodes of RV(proxies) that are none of them are in RV(unlisted), and a warning.
    type: list
    elements: str
    default: []
  own_node:
    description:
      - Whether the node of the manager that is asked counts as O(listed), whatever the inventory calls it.
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

- name: Bring them all to the proxy of this node
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
    busy: {description: 'Whether it is being deployed, so that its labels may say what is not there yet.', type: bool}
    gone: {description: 'Whether it was removed, and a proxy has missed that.', type: bool}
    yields: {description: The domains of its labels that other stacks have taken., type: list, elements: str}
    routes: {description: 'Its routes, as O(stackwright.swarm.caddy_route#module:routes).', type: list, elements: dict}
  sample:
    - {stack: oqxp6g6ufwxc4y6qrd5ifxirbqvyyrs5, name: shop, busy: false, gone: false, yields: [], routes: []}
owed:
  description: What proxies have missed.
  returned: success
  type: list
  elements: dict
  contains:
    proxy: {description: The host of the inventory., type: str}
    stack: {description: The id of the stack whose routes it has missed., type: str}
    name: {description: The full name of that stack., type: str}
    since: {description: When the last of it was., type: str}
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
  description: Those of them that O(listed) does not have.
  returned: success
  type: list
  elements: str
  sample: [node3]
digest:
  description: Another one where the routes of any stack are others.
  returned: success
  type: str
  sample: 5b6c1f0e5b6c1f0e5b6c1f0e5b6c1f0e
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: k5ucyszdqumvrvmw1jcsj0kmu
node:
  description: The name of the manager that was asked.
  returned: success
  type: str
  sample: node1
error_code:
  description: A stable word for what went wrong, for instance V(not_a_manager).
  returned: failure
  type: str
  sample: not_a_manager
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack_routes import show_all_routes

_TEXTS = {"type": "list", "elements": "str", "default": []}
_OFF = {"type": "bool", "default": False}


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
