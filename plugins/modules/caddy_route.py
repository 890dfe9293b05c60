#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: caddy_route
short_description: Give a Caddy the routes of a stack
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Brings the routes that a stack has in a Caddy, or in each of its replicas, to what O(routes) says. All of them change in one
    step, by one read and one guarded write of the proxy's admin API. Runs at the same time lose nothing of each other.
  - A stack's routes are known by the proxy's C(@id). Routes of other stacks and of other tools are never changed. A route whose
    domain and path belong to somebody else is an error that says to whom, and nothing is written.
  - Exact domains come before wildcards, and longer paths before shorter ones. The routes of others that take everything stay the
    last. From 129 domains on the routes are arranged in a tree, so that a request costs the same for 10 domains and for 5,000.
  - What the proxy has is compared with what it should have. So a proxy that lost its routes is seen in check mode, and mended.
  - A request waits up to 10 seconds for a service that refuses connections, as a restarting one does, or for O(routes[].timeout) if
    that is shorter. A request that a service was sent is never sent again.
options:
  stack:
    description:
      - Whose the routes are. The stack's id, RV(stackwright.swarm.compose_stack#module:stack_id), or any word for routes that
        belong to no stack.
      - Needed unless O(stacks) is given.
    type: str
  state:
    description:
      - V(present) makes the routes be there.
      - V(absent) removes O(routes), of which only O(routes[].domain) and O(routes[].base_path) count, or all routes of the stack if
        O(routes) is not given.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - With O(state=present), O(routes) are all that the stack has, and others of its routes are removed.
      - Set it to V(false) to add or change single routes.
    type: bool
    default: true
  services_of:
    description:
      - The full name of a stack in the Swarm. The labels of its live services say which routes there are, instead of O(routes).
      - So routes go back where services have gone back. O(stack) must be the stack's id then, and the Engine a manager.
    type: str
  label_prefix:
    description:
      - How these labels begin. With V(stackwright) also labels that begin with V(zane) are read.
    type: str
    default: stackwright
  takes:
    description:
      - Domains that the stack takes from other stacks, with all their paths. Their routes go in the same write.
      - What belongs to other tools is never taken.
    type: list
    elements: str
    default: []
  take_over:
    description:
      - V(gone) takes the routes of stacks whose services no longer exist, where they stand in the way of O(routes).
      - Which services there are, O(live_services) says, or the Engine, which must be a manager then.
    type: str
    choices: [none, gone]
    default: none
  live_services:
    description:
      - The names of all services of the Swarm, each with the id of its stack or empty text, as
        M(stackwright.swarm.caddy_route_values) returns them. For proxies on workers.
    type: dict
  maintenance:
    description:
      - V(true), or the text of a page in HTML, for all O(routes) at once, as O(routes[].maintenance).
    type: str
  routes:
    description:
      - The routes, such as RV(stackwright.swarm.compose_stack#module:routes). Needed with O(state=present), unless O(services_of)
        is given.
    type: list
    elements: dict
    suboptions: &routes
      domain:
        description:
          - The domain, without scheme, port and path. An international name is turned into punycode.
          - V(*) may stand for the leftmost part, and is exactly one part.
          - Needed unless O(routes[].from_labels) names it, or O(routes[].domains) is given.
        type: str
      domains:
        description:
          - Further domains of the same route; each becomes a route of its own.
        type: list
        elements: str
      www:
        description:
          - What becomes of the same domains with C(www.) before them, or without it where they begin so.
          - V(redirect) sends their visitors to the domain that is given, V(same) gives them the same route.
        type: str
        choices: [redirect, same]
      base_path:
        description:
          - The path below which requests belong to the route. V(/api) takes C(/api) and C(/api/x), and not C(/apix).
        type: str
        default: /
      service:
        description:
          - The full name of the service in the Swarm. It is shown, and its labels are read where a value names one.
        type: str
      upstream:
        description:
          - The host that answers the requests. C(tasks.SERVICE) stands for each task of a service, as the proxy's DNS knows it.
          - Needed unless O(routes[].redirect_to) is given, as is O(routes[].port).
        type: str
      port:
        description:
          - The port on which it answers.
        type: int
      strip_prefix:
        description:
          - Take O(routes[].base_path) off the path before the request is handed on.
        type: bool
        default: true
      tls:
        description:
          - V(auto) leaves it to the proxy.
          - V(internal) takes certificates of the proxy's own authority.
          - V(off) makes no certificates for the domain.
          - V(on_demand) makes the certificate with the first request. The proxy's configuration must say whom to ask for permission.
        type: str
        choices: [auto, internal, 'off', on_demand]
        default: auto
      redirect_to:
        description:
          - Answer with a permanent redirect to this address instead. The path of the request is kept if the address has none.
        type: str
      https_redirect:
        description:
          - Redirect plain HTTP to HTTPS.
          - Unless given, it is so where the proxy's server listens for both, and O(routes[].tls) is not V(off).
        type: bool
      auth:
        description:
          - Users and the bcrypt hashes of their passwords. Only they get in.
        type: dict
      from_labels:
        description:
          - Fields that labels of O(routes[].service) hold, as a map of field and label, for instance V(auth) or
            V(headers.request.Authorization). So RV(stackwright.swarm.compose_stack#module:routes) is free of secrets.
        type: dict
      headers:
        description:
          - Headers to set. An empty value removes the header.
        type: dict
        suboptions:
          request:
            description: Headers of the request that the service gets.
            type: dict
            default: {}
          response:
            description: Headers of the answer.
            type: dict
            default: {}
      secret_headers:
        description:
          - Headers of the request as in O(routes[].headers), with values that are not to be shown or logged.
        type: dict
      secret_response_headers:
        description:
          - The same for headers of the answer.
        type: dict
      max_body:
        description:
          - The largest body that is taken, in bytes or for instance V(10MB).
        type: raw
      compress:
        description:
          - Compress texts. Server-sent events are left out.
        type: bool
        default: false
      health:
        description:
          - Ask the upstream how it is, and send no requests to it while it is not well.
        type: dict
        suboptions:
          uri:
            description: What to ask for. The answer's status must be 2xx.
            type: str
            required: true
          interval:
            description: How often, for instance V(10s), which is the default.
            type: str
      h2c:
        description:
          - Speak HTTP/2 without TLS to the upstream, as gRPC needs it.
        type: bool
        default: false
      timeout:
        description:
          - How long the upstream may take to begin its answer, for instance V(30s). Then the visitor gets 504.
          - With O(routes[].h2c) it needs Caddy 2.8 or later.
        type: str
      keep_alive:
        description:
          - Keep connections to the upstream open between requests. It saves a connection and a look into the DNS for each request.
          - A request that meets the end of such a connection is lost with status 502, or, if it is a GET, HEAD, OPTIONS or TRACE,
            sent again over another one, although the service may have seen it.
          - Connections with O(routes[].h2c) always stay open. There the service says which requests it has not looked at.
        type: bool
        default: false
      sticky:
        description:
          - A cookie keeps each visitor with one task. Needs C(tasks.SERVICE) as the upstream.
        type: bool
        default: false
      trailing_slash:
        description:
          - Redirect O(routes[].base_path) itself to the same with a slash at its end.
        type: bool
        default: false
      rewrite_answers:
        description:
          - Put O(routes[].base_path), where it is taken off, before the paths of C(Location) and of cookies in answers.
        type: bool
        default: false
      maintenance:
        description:
          - V(true), or the text of a page in HTML, which all requests are answered with, with status 503.
        type: str
  stacks:
    description:
      - All stacks at once, in one write, such as RV(stackwright.swarm.stack_routes#module:stacks). For a proxy that is new, or has
        missed something. Then O(stack), O(routes), O(state) and O(exclusive) have no effect.
      - A route that belongs to somebody else is left out, and told in RV(conflicts), so that it keeps no other route away.
    type: list
    elements: dict
    suboptions:
      stack:
        description: The id of the stack. O(stacks[].routes) are all that it has.
        type: str
        required: true
      name:
        description: Its name, for messages.
        type: str
        default: ''
      busy:
        description: It is being deployed, so what the proxy has of it stays. It gets its routes only where the proxy has none of them.
        type: bool
        default: false
      gone:
        description: It was removed.
        type: bool
        default: false
      yields:
        description: Domains that others have taken from it.
        type: list
        elements: str
        default: []
      routes:
        description: As O(routes).
        type: list
        elements: dict
        suboptions: *routes
extends_documentation_fragment:
  - stackwright.swarm.admin
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the stack's routes as one line each.
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.caddy_route_info
  - module: stackwright.swarm.caddy_route_values
  - module: stackwright.swarm.compose_stack
notes:
  - The Engine (O(docker_host)) is asked only for labels that routes name, for O(services_of) and O(take_over), and, to say more, where
    routes belong to another stack. For proxies on workers let M(stackwright.swarm.caddy_route_values) ask it on a manager.
"""

EXAMPLES = r"""
- name: Route the shop's domain to it
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stack: shop
    routes:
      - {domain: shop.example.com, upstream: shop_web, port: 8000}
      - {domain: shop.example.com, base_path: /api, upstream: shop_api, port: 9000}
      - {domain: www.shop.example.com, redirect_to: https://shop.example.com}

- name: Add a route for what runs beside the Swarm, and leave the stack's others
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stack: by-hand
    exclusive: false
    routes:
      - domain: grafana.example.com
        upstream: 10.0.0.9
        port: 3000
        tls: internal
        auth: {ali: "{{ ali_password_hash }}"}

- name: Give a stack the routes that its live services ask for, after it has gone back to an earlier revision
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stack: "{{ 'shop' | stackwright.swarm.stack_id }}"
    services_of: shop

- name: Remove this one route
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stack: by-hand
    state: absent
    routes:
      - {domain: grafana.example.com}

- name: Read the routes of all stacks
  stackwright.swarm.stack_routes:
  register: every

- name: Give them all to a proxy that is new
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stacks: "{{ every.stacks }}"

- name: Remove all that the shop has
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stack: shop
    state: absent
"""

RETURN = r"""
stack:
  description: Whose the routes are.
  returned: success
  type: str
  sample: shop
changes:
  description: What happens to each route, one line each; in check mode what would.
  returned: success
  type: list
  elements: str
  sample: ["add shop.example.com/api -> shop_api:9000 (strip /api)"]
routes:
  description: The stack's routes afterwards, as the proxy has them; in check mode as it would have them.
  returned: success
  type: list
  elements: dict
  contains:
    domains: {description: The domains., type: list, elements: str}
    paths: {description: The paths; V(/) is everything., type: list, elements: str}
    to: {description: Where requests go., type: str}
    options: {description: 'What else is done, in words.', type: list, elements: str}
    stack: {description: Whose it is; empty for a route of another tool., type: str}
    service: {description: The full name of its service., type: str}
    tls: {description: What its TLS is., type: str}
  sample:
    - {domains: [shop.example.com], paths: [/api], to: "shop_api:9000", options: [strip /api], stack: shop, service: "", tls: auto}
replicas:
  description: What became of each replica of the proxy.
  returned: success, or if a replica failed
  type: list
  elements: dict
  contains:
    admin: {description: Its admin API., type: str}
    changed: {description: 'Whether it was changed, or would be.', type: bool}
    changes: {description: 'As RV(changes), for this replica.', type: list, elements: str}
    version: {description: 'V(2.8 or later) or V(before 2.8).', type: str}
    requests: {description: How many requests this took., type: int}
    writes: {description: How many of them were writes., type: int}
    error_code: {description: 'A stable word for what went wrong, if something did.', type: str}
    msg: {description: 'What went wrong, if something did.', type: str}
  sample:
    - {admin: "unix:///run/caddy/admin.sock", changed: true, changes: [], version: 2.8 or later, requests: 2, writes: 1}
fresh:
  description: Whether a replica had no route of any stack, as a new one has.
  returned: success
  type: bool
node:
  description: The hostname of the host that the task ran on.
  returned: success
  type: str
  sample: node1
conflicts:
  description: Which routes belong to somebody else. With O(stacks) these were left out, else the task has failed.
  returned: with O(stacks), or if there are any
  type: list
  elements: dict
  contains:
    route: {description: The route of the stack., type: str}
    other: {description: The route that stands against it., type: str}
    owner: {description: Whose that is., type: str}
    text: {description: The same in words., type: str}
error_code:
  description: A stable word for what went wrong, for instance V(route_conflict) or V(admin_unreachable).
  returned: failure
  type: str
  sample: route_conflict
proxy_message:
  description: What the proxy says of routes that it refuses.
  returned: if it has refused them
  type: str
status:
  description: The HTTP status with which it refused.
  returned: if it has refused them
  type: int
outcome:
  description: Which replicas were changed before the task failed.
  returned: if a replica failed
  type: dict
  contains:
    done: {description: Their admin APIs., type: list, elements: str}
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.proxy_routes import change_routes
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import ADMIN, ROUTES
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_module


def main() -> None:
    one = [("stacks", other) for other in ("stack", "routes", "services_of")]
    run_module({**ADMIN, **ROUTES}, change_routes, mutually_exclusive=[("routes", "services_of"), *one])


if __name__ == "__main__":
    main()
