#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_preflight
short_description: Check whether a stack can be deployed, before anything is changed
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Checks the Swarm, its nodes and the requirements of the Compose files, and reports what would fail and how to fix it.
  - On every host, managers and workers, it checks that the Engine answers and can be accessed, its API version, kernel support for overlay networks
    and IPVS, and free disk space. It also checks that the stack's ports on this node are free, that the sources of bind mounts exist, and that
    existing volumes have the options of the files.
  - On one manager of each cluster, it checks the quorum, the nodes, placement constraints and preferences, platforms, CPUs, memory and generic
    resources, published ports, names, external networks, configs and secrets, and asks the registries for the images.
  - It takes the same files and options as M(stackwright.swarm.compose_stack). Without files, it checks only the hosts and the Swarm.
  - It changes nothing, binds no ports and loads no kernel modules.
options:
  name:
    description:
      - The stack's name. Defaults to C(name) in the Compose files. Not required without files.
      - Together with O(project) and O(environment) the stack has the name C(PROJECT-ENVIRONMENT-NAME) in the Swarm. A name over 63 characters is
        shortened with a hash.
    type: str
  src:
    description:
      - Compose files, as O(stackwright.swarm.compose_stack#module:src).
    type: list
    elements: path
  definition:
    description:
      - A Compose file given inline, as O(stackwright.swarm.compose_stack#module:definition).
    type: raw
  remote_src:
    description:
      - Read O(src), O(env_files) and all files that they refer to from the host. Every host of the play must then have them.
    type: bool
    default: false
  project_directory:
    description:
      - The directory that relative paths in the Compose files refer to. Defaults to the directory of the first file.
    type: path
  confine:
    description:
      - Which files the Compose files may refer to with C(env_file), C(label_file), C(include), C(extends) and the C(file) of configs and secrets.
      - V(project) allows only files inside the project directory, after links are resolved. This is O(project_directory), or the directory of the
        first file. The directory of an included project must be inside it too.
      - V(none) allows any file that the user who runs Ansible can read, as Docker's own tools do.
      - Files in O(src) and O(env_files) may be anywhere.
      - Files in C(/proc), C(/sys) and C(/dev), and anything that is not a regular file, are never read.
    type: str
    choices: [project, none]
    default: none
  variables:
    description:
      - Values for C(${NAME}) in the Compose files.
    type: dict
    default: {}
  env_files:
    description:
      - Files with more variables. O(variables) take precedence.
    type: list
    elements: path
    default: []
  profiles:
    description:
      - Profiles to activate.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Turn every notice about the Compose files into an error.
    type: bool
    default: false
  apply_ignored_keys:
    description:
      - As O(stackwright.swarm.compose_stack#module:apply_ignored_keys).
    type: bool
    default: false
  env_overrides:
    description:
      - As O(stackwright.swarm.compose_stack#module:env_overrides).
    type: dict
    default: {}
    suboptions:
      stack:
        description: Variables for every service.
        type: dict
        default: {}
      services:
        description: Variables for single services, by service key.
        type: dict
        default: {}
  shared_networks:
    description:
      - Existing networks that every service joins in addition to those of the file.
    type: list
    elements: str
  platform:
    description:
      - As O(stackwright.swarm.compose_stack#module:platform).
    type: dict
    default: {}
    suboptions:
      preset:
        description:
          - V(paas) turns on several of these options, V(logs) the log driver for the collector of the role P(stackwright.swarm.swarm_platform#role).
        type: str
        choices: [paas, logs]
      tracking_labels:
        description: Put labels with the stack's project, environment and services on its objects.
        type: bool
      update_config:
        description: V(safe) adds a careful update policy to services without C(deploy.update_config).
        type: str
        choices: [keep, safe]
      update_delay:
        description: How long such an update waits between two tasks.
        type: str
      restart_policy:
        description: The restart policy of services without C(deploy.restart_policy) and C(restart).
        type: dict
      logging:
        description: The log driver of services without C(logging).
        type: dict
        suboptions:
          driver:
            description: The name of the driver.
            type: str
          options:
            description:
              - The options of the driver.
            type: dict
      environment:
        description: Environment variables for every service, unless the file sets them.
        type: dict
      hash_aliases:
        description:
          - External networks of the file, by key or name, on which services are only reachable as C(HASH_SERVICE) and C(HASH-SERVICE), as on
            O(shared_networks). Aliases in the file are kept.
          - Without it, a service is reachable there by its bare name, which services of other stacks may share. A notice names such services.
        type: list
        elements: str
        default: []
      generic_resources:
        description: The names of the nodes' generic resources for the devices in the files.
        type: dict
  resolve_image:
    description:
      - Which images to ask the registries for. A registry may count a request as a pull.
      - V(changed) asks for images of new services, and of services whose image name changed, as a deployment does.
      - V(always) asks for all, V(never) for none.
    type: str
    choices: [always, changed, never]
    default: changed
  with_registry_auth:
    description:
      - Use the manager's registry credentials.
    type: bool
    default: false
  registry_auth:
    description:
      - Credentials for registries. They override those of the manager.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry as in image names; V(docker.io) for Docker Hub.
        type: str
        required: true
      username:
        description: The user.
        type: str
        required: true
      password:
        description: The password or token.
        type: str
        required: true
  fail_on:
    description:
      - When the task fails. V(error) fails if a finding is an error, V(warning) fails on any finding, V(never) never fails because of findings.
    type: str
    choices: [error, warning, never]
    default: error
  min_free_mib:
    description:
      - Less free disk space for images and volumes, in MiB, is an error.
    type: int
    default: 1024
  warn_free_mib:
    description:
      - Less free disk space, in MiB, is a warning.
    type: int
    default: 5120
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.no_async
  - stackwright.swarm.attributes.info
notes:
  - List the managers before the workers, as in C(hosts=swarm_managers:swarm_nodes). If no manager has run before a worker, the worker only checks
    itself, with a warning.
  - If one host fails, all hosts of the play in the same Swarm fail, since Ansible would continue on the other hosts. One host has the full report,
    the others name it in one line (RV(stopped_by)). A later M(stackwright.swarm.compose_stack) in the same run does not deploy the stack if a
    preflight failed on a host of its Swarm, unless the play ignored or rescued the failure.
  - With C(serial), later batches have not been checked when the first batches continue.
  - Each host of the play checks its own node. Nodes that are not in the play are listed in RV(unchecked) if the stack needs a port or a path there,
    or may have a volume.
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.swarm_info
"""

EXAMPLES = r"""
- name: Check whether the shop can be deployed
  stackwright.swarm.stack_preflight:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.4"

- name: Check only the hosts and the Swarm
  stackwright.swarm.stack_preflight:
  register: preflight

- name: Get all findings without failing
  stackwright.swarm.stack_preflight:
    name: shop
    src: files/shop/compose.yml
    resolve_image: always
    fail_on: never
  register: preflight

- name: Fail only for a wrong platform
  ansible.builtin.assert:
    that: preflight.findings | selectattr('code', 'equalto', 'platform') | length == 0
"""

RETURN = r"""
findings:
  description: The findings, errors first. Findings about the Swarm are in the result of the host that checked it, findings about a node in the result
    of its host.
  returned: unless an option or the files are invalid
  type: list
  elements: dict
  contains:
    level:
      description: V(error) or V(warning).
      type: str
    code:
      description: A stable code, see the guide on preflight.
      type: str
    message:
      description: What is wrong.
      type: str
    hint:
      description: What to do.
      type: str
    service:
      description: The key of the service in the file; empty if it is not about a service.
      type: str
    node:
      description: The node; empty if it is not about a node.
      type: str
    where:
      description: The file and line of the service.
      type: str
  sample:
    - level: error
      code: port_in_use
      message: the port 8080/tcp is in use by the process nginx (812).
      hint: Stop that process, publish another port, or keep the service off this node with a constraint.
      service: web
      node: worker1
      where: compose.yml:2
ok:
  description: Whether there are no errors in RV(findings), nor on other hosts of the play in the same Swarm.
  returned: unless an option or the files are invalid
  type: bool
  sample: false
error_count:
  description: The number of errors.
  returned: unless an option or the files are invalid
  type: int
  sample: 1
warning_count:
  description: The number of warnings.
  returned: unless an option or the files are invalid
  type: int
  sample: 0
cluster:
  description: The Swarm in numbers.
  returned: by the host that checked it
  type: dict
  contains:
    managers: {description: The number of managers., type: int}
    reachable: {description: How many of them are reachable., type: int}
    may_fail: {description: How many more may fail before the Swarm can't be changed., type: int}
    nodes: {description: The number of nodes., type: int}
    ready: {description: How many of them are ready and active., type: int}
  sample: {managers: 3, reachable: 3, may_fail: 1, nodes: 5, ready: 5}
unchecked:
  description: Nodes that are not in the play, but on which the stack needs a port or a path, or may have a volume. Returned by the host that ends last.
  returned: by the host that ends last
  type: list
  elements: str
  sample: [worker3]
stack:
  description: The stack's name in the Swarm.
  returned: with files
  type: str
  sample: acme-production-shop
stack_id:
  description: The stack's id, made from project, environment and name; the same on every controller and manager.
  returned: with files
  type: str
  sample: lucvlyso2bct2tgtqfxb2slfxt34rnc5
stack_hash:
  description: The short form of the id.
  returned: with files
  type: str
  sample: lucvlyso
node:
  description: The node of this host.
  returned: if its Engine answers
  type: str
  sample: worker1
cluster_id:
  description: The id of the Swarm.
  returned: if the Swarm was checked
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
done_by:
  description: The inventory host that checked the Swarm.
  returned: if it was another host of the play
  type: str
  sample: manager1
stopped_by:
  description: The inventory host whose result lists the failed checks.
  returned: if the task fails because of findings of another host in the same Swarm
  type: str
  sample: worker1
calls:
  description: The number of calls to the Engine API.
  returned: unless an option or the files are invalid
  type: int
  sample: 6
problems:
  description: All problems in the Compose files.
  returned: if the files are invalid
  type: list
  elements: dict
error_code:
  description: The code of the failed checks if they have the same code, else V(preflight). Or the reason why nothing was checked, for example
    V(invalid_compose) or V(invalid_name).
  returned: failure
  type: str
  sample: port_in_use
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    FILES,
    PLATFORM,
    PREFLIGHT,
    STACK,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.preflight import preflight
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change


def main() -> None:
    run_change({**STACK, **FILES, **PLATFORM, **PREFLIGHT}, preflight)


if __name__ == "__main__":
    main()
