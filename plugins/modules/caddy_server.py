#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: caddy_server
short_description: Configure Caddy's load balancers and ports
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Changes the HTTP server of a running Caddy, or of each of its replicas, with one read and one guarded write. The changes apply to existing and
    later routes of stacks.
  - The role P(stackwright.swarm.swarm_platform#role) uses it. Settings without an option are not changed.
options:
  trusted_proxies:
    description:
      - The addresses and networks of load balancers in front of the proxy.
      - The headers C(X-Forwarded-For), C(X-Forwarded-Proto), C(X-Forwarded-Host), C(Forwarded) and C(X-Real-IP) are only trusted from these
        addresses. Requests that reached them over HTTPS are not redirected.
    type: list
    elements: str
    default: []
  https_port:
    description:
      - The public HTTPS port, for redirects.
    type: int
    default: 443
  https:
    description:
      - Listen on V(:80) and V(:443), or only on V(:80).
    type: bool
  h2c:
    description:
      - Accept HTTP/2 without TLS from clients, as some load balancers use it.
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
- name: Trust the load balancers
  stackwright.swarm.caddy_server:
    admin: ["{{ caddy_admin }}"]
    trusted_proxies: [10.0.0.5, 10.0.0.6]
"""

RETURN = r"""
replicas:
  description: The result for each replica of the proxy, as RV(stackwright.swarm.caddy_route#module:replicas).
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
  description: A stable code of the error, for example V(invalid_address) or V(admin_unreachable).
  returned: failure
  type: str
  sample: invalid_address
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.proxy_routes import change_server
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import ADMIN


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
