#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: caddy_route
short_description: Manage the routes of a stack in Caddy
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Sets the routes of a stack in Caddy, or in each of its replicas, to O(routes). All routes change in one step, with one read and one guarded write
    of the proxy's admin API. Concurrent runs do not overwrite each other.
  - The proxy's C(@id) identifies the routes of a stack. Routes of other stacks and tools are never changed. If the domain and path of a route belong
    to another owner, the task fails, names the owner, and writes nothing.
  - Exact domains come before wildcards, and longer paths before shorter ones. Catch-all routes of others stay last. With more than 128 domains, the
    routes are arranged in a tree, so that a request costs the same for 10 domains and for 5,000.
  - The module compares the routes in the proxy with the desired routes. Check mode therefore detects a proxy that lost its routes, and a run repairs it.
  - A request waits up to 10 seconds, or O(routes[].timeout) if that is shorter, for a service that refuses connections, such as a restarting one. A
    request that was sent to a service is never sent again.
options:
  stack:
    description:
      - The owner of the routes. This is the stack's id, RV(stackwright.swarm.compose_stack#module:stack_id), or any name for routes that do not
        belong to a stack.
      - Required unless O(stacks) is given.
    type: str
  state:
    description:
      - V(present) creates the routes.
      - V(absent) removes O(routes), identified by O(routes[].domain) and O(routes[].base_path), or all routes of the stack if O(routes) is not given.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - With O(state=present), O(routes) is the complete list, and other routes of the stack are removed.
      - Set it to V(false) to add or change single routes.
    type: bool
    default: true
  services_of:
    description:
      - The full name of a stack in the Swarm. The routes are read from the labels of its running services, instead of O(routes).
      - Use it after a rollback of services. O(stack) must then be the stack's id, and the Engine must be a manager.
    type: str
  label_prefix:
    description:
      - The prefix of these labels. With V(stackwright), labels with the prefix V(zane) are read as well.
    type: str
    default: stackwright
  takes:
    description:
      - Domains that the stack takes from other stacks, with all their paths. The other stacks' routes are removed in the same write.
      - Routes of other tools are never taken.
    type: list
    elements: str
    default: []
  take_over:
    description:
      - V(gone) takes over routes that conflict with O(routes) from stacks whose services no longer exist.
      - The existing services are read from O(live_services), or from the Engine, which must then be a manager.
    type: str
    choices: [none, gone]
    default: none
  live_services:
    description:
      - The names of all services of the Swarm, each with the id of its stack or an empty text, as M(stackwright.swarm.caddy_route_values) returns
        them. For proxies on workers.
    type: dict
  maintenance:
    description:
      - V(true), or the text of an HTML page, for all O(routes) at once, as O(routes[].maintenance).
    type: str
  routes:
    description:
      - The routes, such as RV(stackwright.swarm.compose_stack#module:routes). Required with O(state=present), unless O(services_of) is given.
    type: list
    elements: dict
    suboptions: &routes
      domain:
        description:
          - The domain, without scheme, port and path. An international name is converted to punycode.
          - V(*) can replace the leftmost label, and matches exactly one label.
          - Required unless O(routes[].from_labels) or O(routes[].domains) sets it.
        type: str
      domains:
        description:
          - More domains of the same route; each becomes a separate route.
        type: list
        elements: str
      www:
        description:
          - How to handle the same domains with C(www.) in front, or without it if they begin with it.
          - V(redirect) redirects them to the given domain, V(same) gives them the same route.
        type: str
        choices: [redirect, same]
      base_path:
        description:
          - The base path of the route. V(/api) matches C(/api) and C(/api/x), but not C(/apix).
        type: str
        default: /
      service:
        description:
          - The full name of the service in the Swarm. It is shown in results, and labels in O(routes[].from_labels) are read from it.
        type: str
      upstream:
        description:
          - The host that serves the requests. C(tasks.SERVICE) means each task of a service, as resolved by the proxy's DNS.
          - Required, like O(routes[].port), unless O(routes[].redirect_to) is given.
        type: str
      port:
        description:
          - The port of the upstream.
        type: int
      strip_prefix:
        description:
          - Remove O(routes[].base_path) from the path before the request is passed on.
        type: bool
        default: true
      tls:
        description:
          - V(auto) lets the proxy decide.
          - V(internal) uses certificates of the proxy's own CA.
          - V(off) creates no certificates for the domain.
          - V(on_demand) creates the certificate on the first request. The proxy's configuration must set an endpoint to ask for permission.
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
          - By default, this is done if the proxy's server listens for both, and O(routes[].tls) is not V(off).
        type: bool
      auth:
        description:
          - Users and the bcrypt hashes of their passwords. Only these users have access.
        type: dict
      from_labels:
        description:
          - Fields to read from labels of O(routes[].service), as a map of field and label, for example V(auth) or V(headers.request.Authorization).
            This keeps RV(stackwright.swarm.compose_stack#module:routes) free of secrets.
        type: dict
      headers:
        description:
          - Headers to set. An empty value removes the header.
        type: dict
        suboptions:
          request:
            description: Headers of the request to the service.
            type: dict
            default: {}
          response:
            description: Headers of the response.
            type: dict
            default: {}
      secret_headers:
        description:
          - Request headers as in O(routes[].headers), with values that must not be shown or logged.
        type: dict
      secret_response_headers:
        description:
          - The same for response headers.
        type: dict
      max_body:
        description:
          - The maximum size of a request body, in bytes or for example V(10MB).
        type: raw
      compress:
        description:
          - Compress text responses, except server-sent events.
        type: bool
        default: false
      health:
        description:
          - Check the health of the upstream, and send no requests to it while it is unhealthy.
        type: dict
        suboptions:
          uri:
            description: The path to request. The response status must be 2xx.
            type: str
            required: true
          interval:
            description: The interval between checks, by default V(10s).
            type: str
      h2c:
        description:
          - Use HTTP/2 without TLS to the upstream, as required for gRPC.
        type: bool
        default: false
      timeout:
        description:
          - How long the upstream may take to start its response, for example V(30s). After that the client gets status 504.
          - With O(routes[].h2c), this requires Caddy 2.8 or later.
        type: str
      keep_alive:
        description:
          - Keep connections to the upstream open between requests. This saves a connection and a DNS lookup for each request.
          - A request on a connection that is being closed fails with status 502 or, if it is a GET, HEAD, OPTIONS or TRACE, is sent again over
            another connection, although the service may have seen it.
          - Connections with O(routes[].h2c) always stay open. There the service reports which requests it has not processed.
        type: bool
        default: false
      sticky:
        description:
          - Keep each client on the same task with a cookie. Requires C(tasks.SERVICE) as the upstream.
        type: bool
        default: false
      trailing_slash:
        description:
          - Redirect O(routes[].base_path) to the same path with a trailing slash.
        type: bool
        default: false
      rewrite_answers:
        description:
          - Add a stripped O(routes[].base_path) to the paths of C(Location) and cookies in responses.
        type: bool
        default: false
      maintenance:
        description:
          - V(true), or the text of an HTML page. All requests are answered with this page and status 503.
        type: str
  stacks:
    description:
      - All stacks at once, in one write, such as RV(stackwright.swarm.stack_routes#module:stacks), for a proxy that is new or has missed routes.
        O(stack), O(routes), O(state) and O(exclusive) then have no effect.
      - A route that belongs to another owner is skipped and listed in RV(conflicts), so it does not block other routes.
    type: list
    elements: dict
    suboptions:
      stack:
        description: The id of the stack. O(stacks[].routes) is its complete list.
        type: str
        required: true
      name:
        description: Its name, for messages.
        type: str
        default: ''
      busy:
        description: The stack is being deployed, so its routes in the proxy are kept. They are only added if the proxy has none of them.
        type: bool
        default: false
      gone:
        description: The stack was removed.
        type: bool
        default: false
      yields:
        description: Domains that other stacks have taken from it.
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
  - The Engine (O(docker_host)) is only used for labels in routes, for O(services_of) and O(take_over), and for details of conflicts with another
    stack. For proxies on workers, run M(stackwright.swarm.caddy_route_values) on a manager.
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

- name: Add a route for a service outside the Swarm, and keep other routes
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

- name: Restore a stack's routes from its running services after a rollback
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

- name: Update a new proxy with all routes
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stacks: "{{ every.stacks }}"

- name: Remove all routes of the shop
  stackwright.swarm.caddy_route:
    admin: ["{{ caddy_admin }}"]
    stack: shop
    state: absent
"""

RETURN = r"""
stack:
  description: The owner of the routes.
  returned: success
  type: str
  sample: shop
changes:
  description: The changes of the routes, one line each; in check mode, the changes of a real run.
  returned: success
  type: list
  elements: str
  sample: ["add shop.example.com/api -> shop_api:9000 (strip /api)"]
routes:
  description: The stack's routes in the proxy after the run; in check mode, after a real run.
  returned: success
  type: list
  elements: dict
  contains:
    domains: {description: The domains., type: list, elements: str}
    paths: {description: The paths; V(/) is everything., type: list, elements: str}
    to: {description: Where requests go., type: str}
    options: {description: 'Other settings of the route, as text.', type: list, elements: str}
    stack: {description: Its owner; empty for a route of another tool., type: str}
    service: {description: The full name of its service., type: str}
    tls: {description: Its TLS mode., type: str}
  sample:
    - {domains: [shop.example.com], paths: [/api], to: "shop_api:9000", options: [strip /api], stack: shop, service: "", tls: auto}
replicas:
  description: The result for each replica of the proxy.
  returned: success, or if a replica failed
  type: list
  elements: dict
  contains:
    admin: {description: Its admin API., type: str}
    changed: {description: 'Whether it was changed, or would be changed in check mode.', type: bool}
    changes: {description: 'As RV(changes), for this replica.', type: list, elements: str}
    version: {description: 'V(2.8 or later) or V(before 2.8).', type: str}
    requests: {description: How many requests this took., type: int}
    writes: {description: How many of them were writes., type: int}
    error_code: {description: 'A stable code of the error, if one occurred.', type: str}
    msg: {description: 'The error message, if an error occurred.', type: str}
  sample:
    - {admin: "unix:///run/caddy/admin.sock", changed: true, changes: [], version: 2.8 or later, requests: 2, writes: 1}
fresh:
  description: Whether a replica had no routes of any stack, like a new one.
  returned: success
  type: bool
node:
  description: The hostname of the host that the task ran on.
  returned: success
  type: str
  sample: node1
conflicts:
  description: The routes that belong to another owner. With O(stacks) they were skipped, otherwise the task failed.
  returned: with O(stacks), or if there are any
  type: list
  elements: dict
  contains:
    route: {description: The route of the stack., type: str}
    other: {description: The route that conflicts with it., type: str}
    owner: {description: The owner of that route., type: str}
    text: {description: The same as text., type: str}
error_code:
  description: A stable code of the error, for example V(route_conflict) or V(admin_unreachable).
  returned: failure
  type: str
  sample: route_conflict
proxy_message:
  description: The proxy's message about routes that it rejected.
  returned: if it rejected them
  type: str
status:
  description: The HTTP status of the rejection.
  returned: if it rejected them
  type: int
outcome:
  description: Which replicas were changed before the task failed.
  returned: if a replica failed
  type: dict
  contains:
    done: {description: Their admin APIs., type: list, elements: str}
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import Module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import ADMIN, ROUTES
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.proxy_look import run_routes


def main() -> None:
    one = [("stacks", other) for other in ("stack", "routes", "services_of")]
    rules = [("routes", "services_of"), *one]
    options = {**ADMIN, **ROUTES, **CONNECTION}
    run_routes(Module(argument_spec=options, supports_check_mode=True, mutually_exclusive=rules))


if __name__ == "__main__":
    main()
