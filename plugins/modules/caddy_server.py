#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: caddy_server
short_description: Tell a Caddy which load balancers are before it, and where it listens
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Changes the HTTP server of a running Caddy, or of each of its replicas, by one read and one guarded write. The routes of stacks that
    are there follow at once, those that come later do so too.
  - The role P(stackwright.swarm.swarm_platform#role) uses it. What stands in no option is left as it is.
options:
  trusted_proxies:
    description:
      - The addresses and networks of load balancers before the proxy.
      - Only what comes from there may say in C(X-Forwarded-For), C(X-Forwarded-Proto), C(X-Forwarded-Host), C(Forwarded) and
        C(X-Real-IP) who asked, and how. What they say came by HTTPS is not redirected to it.
    type: list
    elements: str
    default: []
  https_port:
    description:
      - The port where visitors reach HTTPS, for redirects to it.
    type: int
    default: 443
  https:
    description:
      - Listen on V(:80) and V(:443), or on V(:80) alone.
    type: bool
  h2c:
    description:
      - Take HTTP/2 without TLS from clients, as some balancers speak it.
    type: bool
extends_documentation_fragment:
  - stackwright.swarm.admin
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
"""

EXAMPLES = r"""
- name: Believe the load balancer
  stackwright.swarm.caddy_server:
    admin: ["{{ caddy_admin }}"]
    trusted_proxies: [10.0.0.5, 10.0.0.6]
"""

RETURN = r"""
replicas:
  description: What became of each replica of the proxy, as RV(stackwright.swarm.caddy_route#module:replicas).
  returned: success, or if a replica failed
  type: list
  elements: dict
outcome:
  description: Which replicas were changed before the task failed.
  returned: if a replica failed
  type: dict
  contains:
    done: {description: Their admin APIs., type: list, elements: str}
error_code:
  description: A stable word for what went wrong, for instance V(invalid_address) or V(admin_unreachable).
  returned: failure
  type: str
  sample: invalid_address
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.proxy_routes import change_server
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import ADMIN
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_module


def main() -> None:
    run_module(
        {
            **ADMIN,
            "trusted_proxies": {"type": "list", "elements": "str", "default": []},
            "https_port": {"type": "int", "default": 443},
            "https": {"type": "bool"},
            "h2c": {"type": "bool"},
        },
        change_server,
    )


if __name__ == "__main__":
    main()
