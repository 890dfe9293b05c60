#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: services_registry_info
short_description: Show a registry of services, and compare it with running services
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Shows the services of a registry, its phases in the order of the rollout, the dependencies, and what restarts with each service.
  - With O(name), compares the registry with the stack that runs on the target. This shows the version of each service, services that are missing or
    not in the registry, and the registry of the last good deployment.
  - Checks the registry as M(stackwright.swarm.services_registry_compose) does. A registry with an error is an error here too.
options:
  src:
    description:
      - The registry.
      - A file on the controller, found as by M(ansible.builtin.copy); a file on the target if O(remote_src=true).
    type: path
    required: true
  overlays:
    description: Files of an environment, merged over the registry by service, in this order.
    type: list
    elements: path
    default: []
  remote_src:
    description: Read O(src) and O(overlays) from the target.
    type: bool
    default: false
  variables:
    description: Values for C(${NAME}) in images and versions, to compare them with the running services.
    type: dict
    default: {}
  name:
    description:
      - The stack that the registry is deployed as. Required to compare it with the running services.
      - With O(stacks=per_category), the first part of the stacks' names.
  stacks:
    description:
      - V(one) if the registry is one stack.
      - V(per_category) if each category is a separate stack, with the name C(NAME-CATEGORY).
    type: str
    choices: [one, per_category]
    default: one
  only:
    description: Show in RV(steps) only these services and those that they depend on.
    type: list
    elements: str
    default: []
  strict:
    description: Turn every warning about the registry into an error.
    type: bool
    default: false
  accept:
    description: Problems that are only warnings, as O(stackwright.swarm.services_registry_compose#module:accept).
    type: list
    elements: str
    default: []
  definition:
    description: Also return RV(definition). With O(stacks=per_category), each of RV(stacks) has its own.
    type: bool
    default: false
  compare:
    description: With O(name), also read the deployed services from the Swarm.
    type: bool
    default: true
  absent_networks:
    description:
      - Shared networks of O(stacks=per_category) that do not exist yet. The definitions of the stacks then create them, so that check mode can plan the
        stacks before the networks exist.
    type: list
    elements: str
    default: []
  run:
    description: A rollout, as C(registry_run) in the metadata of its revisions. Returns RV(rollback).
    type: str
    default: ""
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.info
seealso:
  - module: stackwright.swarm.services_registry_import
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: Read the registry
  stackwright.swarm.services_registry_info:
    src: shop/services.registry.yaml
  register: shown

- name: Show its dependencies
  ansible.builtin.debug:
    msg: "{{ shown.tree }}"

- name: Compare it with the running stack
  stackwright.swarm.services_registry_info:
    src: shop/services.registry.yaml
    name: shop
  register: shown

- name: Show services in another version
  ansible.builtin.debug:
    msg: "{{ shown.deployed | rejectattr('state', 'equalto', 'same') }}"

- name: Show the networks that it needs as one stack per category
  stackwright.swarm.services_registry_info:
    src: shop/services.registry.yaml
    name: shop
    stacks: per_category
  register: shown

- name: Show these networks
  ansible.builtin.debug:
    msg: "{{ shown.networks }}"
"""

RETURN = r"""
services:
  description: The services, in the order of the registry.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The service's name., type: str}
    category: {description: Its category., type: str}
    image: {description: Its image with the version., type: str}
    version: {description: The tag or digest; empty if none is named., type: str}
    phase: {description: Its phase; empty if it has none., type: str}
    depends_on: {description: The services that it depends on., type: list, elements: str}
    dependents: {description: The services that depend on it., type: list, elements: str}
    restarts: {description: 'The services that restart if it changes: itself, and those that depend on it with C(restart: true).', type: list, elements: str}
    networks: {description: Its networks., type: list, elements: str}
    subdomain: {description: Its subdomain; empty if it has none., type: str}
    tags: {description: Its tags., type: list, elements: str}
    where: {description: The file and line., type: str}
  sample:
    - name: db
      category: databases
      image: postgres:16.11
      version: "16.11"
      phase: databases
      depends_on: []
      dependents: [web]
      restarts: [db]
      networks: [backend]
      subdomain: ""
      tags: []
      where: /srv/shop/services.registry.yaml:14
phases:
  description: The steps of a rollout, in order. Phases with the same order are one step. Services without a phase are the last step.
  returned: success
  type: list
  elements: dict
  contains: &step
    name: {description: "The phase, or several.", type: str}
    order: {description: Its order; 0 for services without a phase., type: int}
    description: {description: Its description., type: str}
    timeout: {description: Its time limit in seconds; null if it has none., type: int}
    services: {description: Its services., type: list, elements: str}
    parts:
      description: Its deployments in order, each with C(category) and C(services). With O(stacks=one) it is one, and its category is empty.
      type: list
      elements: dict
  sample:
    - {name: databases, order: 1, description: Database services, timeout: 120, services: [db], parts: [{category: "", services: [db]}]}
steps:
  description: The same for the services in O(only) and those that they depend on; all if it is empty.
  returned: success
  type: list
  elements: dict
  contains: *step
tree:
  description: The dependencies as indented lines. Services that no other depends on are at the top, with their dependencies below them.
  returned: success
  type: list
  elements: str
  sample: [web, "  db"]
checksum:
  description: The SHA-256 of the content of the registry, without comments and layout.
  returned: success
  type: str
  sample: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
metadata:
  description:
    - The texts that identify this registry, for O(stackwright.swarm.compose_stack#module:metadata). These are its file, checksum and git commit, and a
      digest of each service.
  returned: success
  type: dict
  sample:
    registry: services.registry.yaml
    registry_checksum: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    registry_commit: 9fceb02d0ae598e95dc970b74767f19372d61af8 (main)
    registry_services_1: db=1f0c2a4e web=77d01b3c
findings:
  description: The warnings about the registry, each with file, line and service.
  returned: success
  type: list
  elements: dict
  sample: []
definition:
  description:
    - All generated files as one Compose file, for O(stackwright.swarm.compose_stack#module:definition). Its relative paths are those of the generated files.
  returned: with O(definition=true)
  type: str
stacks:
  description: The stacks that the registry is deployed as; with O(only), those that have one of these services.
  returned: with O(name)
  type: list
  elements: dict
  contains:
    name: {description: "The stack's name, as for M(stackwright.swarm.compose_stack).", type: str}
    category: {description: Its category; empty with O(stacks=one)., type: str}
    services: {description: "With O(only), these services and those that they depend on; otherwise empty.", type: list, elements: str}
    metadata: {description: The metadata that identify the stack as one of this registry., type: dict}
    definition: {description: Its Compose file. With O(stacks=per_category)., type: str}
    new: {description: Whether it has no services in the Swarm. With O(compare=true)., type: bool}
  sample:
    - {name: shop, category: "", services: [], metadata: {}, new: false}
networks:
  description: The options of M(stackwright.swarm.swarm_network) for each network that the stacks share.
  returned: with O(name) and O(stacks=per_category)
  type: list
  elements: dict
  sample:
    - name: shop_back
      ipam: [{subnet: 10.30.0.0/24}]
gone:
  description: Categories that are no longer in the registry, but still have a deployed stack.
  returned: with O(name) and O(compare=true)
  type: list
  elements: str
  sample: []
unfinished:
  description: The last rollout, if it deployed this registry and was interrupted, or one of its phases failed; otherwise empty.
  returned: with O(name) and O(compare=true)
  type: str
  sample: ""
rollback:
  description: How the rollout O(run) is undone.
  returned: with O(run)
  type: dict
  contains:
    undo:
      description: The stacks that it changed, the last first, each with the revision C(to) to go back to; 0 if it did not exist before.
      type: list
      elements: dict
    others: {description: 'Later revisions by other runs, with C(stack), C(number) and C(who).', type: list, elements: dict}
    lost: {description: Stacks that existed before the rollout but have no revision from that time., type: list, elements: str}
  sample:
    undo: [{stack: shop, to: 4}]
    others: []
    lost: []
deployed:
  description: The deployed services compared with the registry, for each service of either.
  returned: with O(name) and O(compare=true)
  type: list
  elements: dict
  contains:
    name: {description: The service's name in the registry., type: str}
    wanted: {description: The image in the registry; empty if it does not have the service., type: str}
    running: {description: The image of the running service; empty if it is not deployed., type: str}
    state:
      description:
        - V(same), V(differs), V(missing) if it is not deployed, V(extra) if it is not in the registry, V(unknown) if the image contains variables that are
          not in O(variables).
      type: str
    status: {description: 'The health of the running service, see M(stackwright.swarm.stack_health).', type: str}
  sample:
    - {name: db, wanted: "postgres:16.12", running: "postgres:16.11", state: differs, status: healthy}
revisions:
  description: The last good deployment of each stack of the registry.
  returned: with O(name) and O(compare=true)
  type: list
  elements: dict
  contains:
    stack: {description: The stack., type: str}
    number: {description: The number of the revision; null if there is none., type: int}
    finished: {description: When it ended., type: str}
    registry: {description: The file of its registry; empty if it was not deployed from one., type: str}
    checksum: {description: The checksum of that registry., type: str}
    commit: {description: The git commit of that registry., type: str}
    same: {description: Whether that registry has the same content as this one., type: bool}
    since:
      description: The services that were C(added), C(changed) and C(removed) in the registry since then; null if the revision does not record it.
      type: dict
  sample:
    - stack: shop
      number: 7
      finished: "2026-11-21T12:00:01Z"
      registry: services.registry.yaml
      checksum: "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
      commit: 9fceb02d0ae598e95dc970b74767f19372d61af8 (main)
      same: false
      since: {added: [], changed: [db], removed: []}
error_code:
  description: A stable code of the error, for example V(invalid_registry).
  returned: failure
  type: str
  sample: invalid_registry
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_on_controller
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.options import REGISTRY_INFO


def main() -> None:
    run_on_controller("services_registry_info", {**STACK, **REGISTRY_INFO, **CONNECTION})


if __name__ == "__main__":
    main()
