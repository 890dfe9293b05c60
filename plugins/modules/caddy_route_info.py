#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: caddy_route_info
short_description: Show the routes of a Caddy
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Shows the routes of a Caddy, of every stack and of other tools, or those of one stack.
  - Passwords and their hashes are never shown.
options:
  stack:
    description:
      - The stack whose routes are shown, as M(stackwright.swarm.caddy_route) was given it. All routes if it is not given.
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
  - The Engine is not asked. Its options are there so that all modules take the same C(module_defaults).
"""

EXAMPLES = r"""
- name: Look at all routes
  stackwright.swarm.caddy_route_info:
    admin: ["{{ caddy_admin }}"]
  register: proxy

- name: Show which stack has which domain
  ansible.builtin.debug:
    msg: "{{ proxy.routes | map(attribute='stack') | zip(proxy.routes | map(attribute='domains')) }}"

- name: Look at those of one stack
  stackwright.swarm.caddy_route_info:
    admin: ["{{ caddy_admin }}"]
    stack: shop
"""

RETURN = r"""
routes:
  description: The routes in the order in which they match, as the first replica has them.
  returned: success
  type: list
  elements: dict
  contains:
    domains: {description: The domains; empty for any., type: list, elements: str}
    paths: {description: The paths; V(/) is everything., type: list, elements: str}
    to: {description: Where requests go., type: str}
    options: {description: 'What else is done, in words.', type: list, elements: str}
    stack: {description: Whose it is; empty for a route of another tool., type: str}
    service: {description: The full name of its service., type: str}
    tls: {description: What its TLS is; empty for a route of another tool., type: str}
  sample:
    - {domains: [shop.example.com], paths: [/api], to: "shop_api:9000", options: [strip /api], stack: shop, service: "", tls: auto}
replicas:
  description: The replicas that were asked.
  returned: success
  type: list
  elements: dict
  contains:
    admin: {description: Its admin API., type: str}
    version: {description: 'V(2.8 or later) or V(before 2.8).', type: str}
    routes: {description: 'How many routes it has, of all stacks and tools.', type: int}
    same: {description: Whether it has the same routes as the first., type: bool}
error_code:
  description: A stable word for what went wrong, for instance V(admin_unreachable).
  returned: failure
  type: str
  sample: admin_unreachable
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.proxy_routes import show_routes
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import ADMIN
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_module


def main() -> None:
    run_module({**ADMIN, "stack": {"type": "str"}}, show_routes)


if __name__ == "__main__":
    main()
