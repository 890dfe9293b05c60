#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_stack
short_description: Deploy a stack to Docker Swarm from Compose files
version_added: 0.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Takes Compose files to Docker Swarm. What C(docker stack deploy) accepts gives the same services; modern Compose files,
    which it refuses, are deployed as well.
  - Everything is read, checked and planned before anything is changed. Check mode and diff mode show exactly what a run would do.
  - Only what differs is changed. Each change carries its reason, and the plan says which services restart.
  - Waits until the stack runs, and fails with the task's error, its node and its last log lines if it does not.
  - Speaks to the Engine itself. Neither the docker command nor any other collection is needed on the target.
  - The play may name every manager of a cluster. The work is done once a cluster, by the first manager that is reachable.
options:
  src:
    description:
      - Compose files, merged in this order with the rules of Compose.
      - Files of the controller, looked up as M(ansible.builtin.copy) does; files of the manager if O(remote_src=true).
      - They are not templated by Jinja. Values come in through O(variables).
    type: list
    elements: path
  definition:
    description:
      - A Compose file given inline, as text or as a mapping; a list of them is merged in its order, after the files of O(src).
    type: raw
  remote_src:
    description:
      - Read O(src), O(env_files) and all files that these refer to from the manager.
    type: bool
    default: false
  project_directory:
    description:
      - What relative paths in the Compose files mean. The folder of the first file unless given.
      - Sources of bind mounts are paths of the nodes, not of the controller.
    type: path
  variables:
    description:
      - Values for C(${NAME}) in the Compose files. The controller's own environment is never used.
    type: dict
    default: {}
  env_files:
    description:
      - Files with further variables, written like Compose's C(.env). O(variables) win.
    type: list
    elements: path
    default: []
  profiles:
    description:
      - Profiles to activate. Services without a profile are always there.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Make every notice an error, for instance that of a key which has no effect in Swarm.
    type: bool
    default: false
  state:
    description:
      - V(present) deploys the stack.
      - V(stopped) scales its services to zero and remembers their counts. Nothing else is removed.
      - V(absent) removes the services, networks, configs and secrets of the stack. Its volumes stay.
    type: str
    choices: [present, stopped, absent]
    default: present
  shared_networks:
    description:
      - Networks of the Swarm that every service joins beside those of the file. There a service answers only as C(HASH_SERVICE)
        and C(HASH-SERVICE), so that the services of two stacks never collide. HASH is RV(stack_hash).
    type: list
    elements: str
    default: []
  platform:
    description:
      - A policy that is laid over the file. Nothing that the file sets is overwritten. All of it is off unless asked for.
    type: dict
    default: {}
    suboptions:
      tracking_labels:
        description:
          - Put labels with the stack's project, environment and services on its objects.
          - On where O(shared_networks) or O(project) are given, unless set to V(false).
        type: bool
      update_config:
        description:
          - V(safe) gives services without C(deploy.update_config) a careful one. A new task is started before the old one is
            stopped only where that is safe, so not with named volumes or host-mode ports.
        type: str
        choices: [keep, safe]
        default: keep
      restart_policy:
        description:
          - What services without C(deploy.restart_policy) and C(restart) get, written as in Compose.
        type: dict
      logging:
        description:
          - The log driver of services without C(logging).
        type: dict
        suboptions:
          driver:
            description: The name of the driver.
            type: str
            required: true
          options:
            description: The options of the driver.
            type: dict
            default: {}
      environment:
        description:
          - Environment variables for every service, where the file does not set them.
        type: dict
      generic_resources:
        description:
          - What the nodes call the devices that C(deploy.resources.reservations.devices) and C(gpus) ask for, by the driver
            or capability in the file, for instance C({nvidia: GPU}). Without a name, such a device is an error.
        type: dict
  prune:
    description:
      - Remove services, networks, configs and secrets of the stack that the files no longer have, after the rest has been changed.
      - A config or secret that a service could still return to is kept until the next deployment.
    type: bool
    default: true
  recreate:
    description:
      - Remove a service and create it again where Swarm refuses to change it in place, such as from replicated to global.
      - Without it, such a change is an error.
    type: bool
    default: false
  adopt_secrets:
    description:
      - Trust that secrets which docker's CLI has created hold what the files say. Swarm never shows their content.
      - Without it, such a secret is replaced by a new one the first time, and the services that use it restart.
    type: bool
    default: false
  resolve_image:
    description:
      - When to ask the registry for the digest of an image.
      - V(changed) asks for services that are new or whose image is written differently than before.
      - V(always) asks every time, so that a tag which has moved is deployed.
      - V(never) deploys the tag as it is written.
    type: str
    choices: [always, changed, never]
    default: changed
  with_registry_auth:
    description:
      - Send the manager's registry credentials, from its docker config and credential helpers, along with the services.
    type: bool
    default: false
  registry_auth:
    description:
      - Credentials for registries, sent along with the services whose images come from there. They win over the manager's own.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry's name as in the image, for instance V(registry.example.com:5000); V(docker.io) for Docker Hub.
        type: str
        required: true
      username:
        description: The user's name.
        type: str
        required: true
      password:
        description: The password or token.
        type: str
        required: true
  rollout:
    description:
      - How the change is carried out.
    type: dict
    default: {}
    suboptions:
      wait:
        description: Wait until the stack runs, or is gone.
        type: bool
        default: true
      timeout:
        description: Seconds that this may take.
        type: int
        default: 300
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.stack_health
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: Deploy the shop
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.4"

- name: Deploy it for an environment of a project, from two files
  stackwright.swarm.compose_stack:
    name: shop
    project: acme
    environment: production
    src:
      - files/shop/compose.yml
      - files/shop/compose.production.yml
    env_files: files/shop/production.env

- name: Deploy an inline definition, with services that other stacks can reach
  stackwright.swarm.compose_stack:
    name: echo
    shared_networks: [public]
    platform:
      update_config: safe
    definition:
      services:
        web:
          image: "{{ registry }}/busybox:1"
          command: httpd -f -p 8000
          deploy:
            endpoint_mode: dnsrr

- name: Deploy from files that are on the manager, with images from a private registry
  stackwright.swarm.compose_stack:
    name: shop
    remote_src: true
    src: /srv/shop/compose.yml
    variables:
      TAG: "1.4"
    registry_auth:
      - registry: "{{ registry }}"
        username: deploy
        password: "{{ registry_password }}"

- name: Stop the shop, and keep everything
  stackwright.swarm.compose_stack:
    name: shop
    state: stopped

- name: Remove the shop, but not its volumes
  stackwright.swarm.compose_stack:
    name: shop
    state: absent
"""

RETURN = r"""
plan:
  description: What was done, or would be done in check mode, in its order; a line an operation, each with its reason.
  returned: success
  type: list
  elements: str
  sample:
    - "create network shop_default: new in the file"
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.options import CHANGES, FILES, PLATFORM, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import change_stack

#: What the action plugin hands over: the desired state as JSON, and whether to leave the work to another manager.
INTERNAL = {"_desired": {"type": "str", "no_log": True}, "_defer": {"type": "bool", "default": False}}


def main() -> None:
    run_module({**STACK, **FILES, **PLATFORM, **CHANGES, **INTERNAL}, change_stack)


if __name__ == "__main__":
    main()
