#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: caddy_route_values
short_description: Read on a manager what routes of a proxy on a worker need
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Passwords, tokens and generated domains of routes stand in labels of services, which only a manager can read. This module reads them
    there, and returns the routes with them, for M(stackwright.swarm.caddy_route) on a worker.
  - Its result holds secrets. Give the task C(no_log=true); without it they are hidden in the result as well.
  - The role P(stackwright.swarm.stack#role) does so by itself.
options:
  routes:
    description:
      - The routes, such as RV(stackwright.swarm.compose_stack#module:routes). Those without C(from_labels) are returned as they are.
    type: list
    elements: dict
    required: true
  label_prefix:
    description:
      - How labels of stacks begin.
    type: str
    default: stackwright
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
    details: In check mode a value that is still to come is stood in for.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.caddy_route
"""

EXAMPLES = r"""
- name: Deploy the shop on a manager
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
  register: shop

- name: Read there what a proxy on a worker has to know
  stackwright.swarm.caddy_route_values:
    routes: "{{ shop.routes }}"
  register: known
  no_log: true

- name: Bring the routes to a proxy; here its admin API, on a worker delegate_to
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stack: "{{ shop.stack_id }}"
    routes: "{{ known.handed_routes }}"
    live_services: "{{ known.live_services }}"
"""

RETURN = r"""
handed_routes:
  description: The routes with the values that they need, as O(stackwright.swarm.caddy_route#module:routes) takes them.
  returned: success
  type: list
  elements: dict
live_services:
  description: The names of all services of the Swarm, each with the id of its stack, or empty text where it says none.
  returned: success
  type: dict
  sample: {shop_web: pmblutrsgkbqvcwzkbaxj2n4oszh3xve}
error_code:
  description: A stable word for what went wrong, for instance V(not_found) or V(not_a_manager).
  returned: failure
  type: str
  sample: not_found
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.proxy_routes import routes_with_values
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX


def main() -> None:
    run_module(
        {
            "routes": {"type": "list", "elements": "dict", "required": True},
            "label_prefix": {"type": "str", "default": DEFAULT_PREFIX},
        },
        routes_with_values,
    )


if __name__ == "__main__":
    main()
