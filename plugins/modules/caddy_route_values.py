#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: caddy_route_values
short_description: Read values of routes on a manager for a proxy on a worker
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Passwords, tokens and generated domains of routes are in service labels, which only a manager can read. This module reads them on a manager and
    returns the complete routes for M(stackwright.swarm.caddy_route) on a worker.
  - Its result contains secrets. Set C(no_log=true) on the task; without it, the secrets are hidden in the result.
  - The role P(stackwright.swarm.stack#role) does this automatically.
options:
  routes:
    description:
      - The routes, such as RV(stackwright.swarm.compose_stack#module:routes). Routes without C(from_labels) are returned unchanged.
    type: list
    elements: dict
    required: true
  label_prefix:
    description:
      - The prefix of the labels.
    type: str
    default: stackwright
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
    details: In check mode, a placeholder replaces a value that does not exist yet.
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

- name: Read the values for a proxy on a worker
  stackwright.swarm.caddy_route_values:
    routes: "{{ shop.routes }}"
  register: known
  no_log: true

- name: Update the proxy; for a proxy on a worker, use delegate_to
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stack: "{{ shop.stack_id }}"
    routes: "{{ known.handed_routes }}"
    live_services: "{{ known.live_services }}"
"""

RETURN = r"""
handed_routes:
  description: The routes with their values, as O(stackwright.swarm.caddy_route#module:routes) takes them.
  returned: success
  type: list
  elements: dict
live_services:
  description: The names of all services of the Swarm, each with the id of its stack, or an empty text if there is none.
  returned: success
  type: dict
  sample: {shop_web: pmblutrsgkbqvcwzkbaxj2n4oszh3xve}
error_code:
  description: A stable code of the error, for example V(not_found) or V(not_a_manager).
  returned: failure
  type: str
  sample: not_found
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.proxy_routes import routes_with_values
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
