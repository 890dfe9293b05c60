#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: caddy_route_info
short_description: Show the routes of Caddy
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Shows the routes of Caddy, for all stacks and other tools or for one stack.
  - Passwords and their hashes are never shown.
options:
  stack:
    description:
      - The stack whose routes are shown, as in M(stackwright.swarm.caddy_route). All routes by default.
    type: str
extends_documentation_fragment:
  - stackwright.swarm.admin
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
  - stackwright.swarm.attributes.info
seealso:
  - module: stackwright.swarm.caddy_route
notes:
  - The Engine is not used. Its options exist so that all modules accept the same C(module_defaults).
"""

EXAMPLES = r"""
- name: Read all routes
  stackwright.swarm.caddy_route_info:
    admin: ["{{ caddy_admin }}"]
  register: proxy

- name: Show which stack has which domain
  ansible.builtin.debug:
    msg: "{{ proxy.routes | map(attribute='stack') | zip(proxy.routes | map(attribute='domains')) }}"

- name: Read the routes of one stack
  stackwright.swarm.caddy_route_info:
    admin: ["{{ caddy_admin }}"]
    stack: shop
"""

RETURN = r"""
routes:
  description: The routes in matching order, as in the first replica.
  returned: success
  type: list
  elements: dict
  contains:
    domains: {description: The domains; empty for any., type: list, elements: str}
    paths: {description: The paths; V(/) is everything., type: list, elements: str}
    to: {description: Where requests go., type: str}
    options: {description: 'Other settings of the route, as text.', type: list, elements: str}
    stack: {description: Its owner; empty for a route of another tool., type: str}
    service: {description: The full name of its service., type: str}
    tls: {description: Its TLS mode; empty for a route of another tool., type: str}
  sample:
    - {domains: [shop.example.com], paths: [/api], to: "shop_api:9000", options: [strip /api], stack: shop, service: "", tls: auto}
replicas:
  description: The replicas of the proxy.
  returned: success
  type: list
  elements: dict
  contains:
    admin: {description: Its admin API., type: str}
    version: {description: 'V(2.8 or later) or V(before 2.8).', type: str}
    routes: {description: 'How many routes it has, of all stacks and tools.', type: int}
    same: {description: Whether it has the same routes as the first replica., type: bool}
error_code:
  description: A stable code of the error, for example V(admin_unreachable).
  returned: failure
  type: str
  sample: admin_unreachable
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.proxy_routes import show_routes
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import ADMIN


def main() -> None:
    run_module({**ADMIN, "stack": {"type": "str"}}, show_routes)


if __name__ == "__main__":
    main()
