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
  - Looks at the Swarm, at its nodes and at what the Compose files ask of them, and says what would fail and what to do about it.
  - On every host, managers and workers, it looks whether the Engine answers and may be used, and at its API version, kernel support for overlay networks
    and IPVS, free disk space, whether the ports and the sources of bind mounts that the stack needs on this node are free and there, and whether
    volumes that are there were made as the files say.
  - On one manager of each cluster it looks at the quorum, the nodes, placement constraints and preferences, platforms, CPUs, memory and generic
    resources, published ports, names, external networks, configs and secrets, and asks the registries for the images.
  - It takes the same files and options as M(stackwright.swarm.compose_stack). Without files it looks at the hosts and the Swarm alone.
  - It changes nothing, binds no port and loads no kernel module.
options:
  name:
    description:
      - The stack's name. If not given, the C(name) in the Compose files. It is not needed without files.
      - Together with O(project) and O(environment) the stack is called C(PROJECT-ENVIRONMENT-NAME) in the Swarm; a name
        over 63 characters is shortened with a hash.
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
      - Read O(src), O(env_files) and all files that these refer to from the host. Every host of the play needs them then.
    type: bool
    default: false
  project_directory:
    description:
      - What relative paths in the Compose files mean. The folder of the first file unless given.
    type: path
  confine:
    description:
      - Which files of the machine that reads them the Compose files may name, with C(env_file), C(label_file), C(include), C(extends) and the C(file) of
        configs and secrets.
      - V(project) takes only what really lies in the project's folder, links followed. That is O(project_directory), or the
        folder of the first file. The folder of an included project has to lie in it as well.
      - V(none) takes any file that the user who runs Ansible may read. Docker's own tools do the same.
      - O(src) and O(env_files) are named by the task, and may lie anywhere.
      - What lies below C(/proc), C(/sys) and C(/dev) is never read, whatever this says and whoever names it. Nor is anything that is no regular file.
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
      - Files with further variables. O(variables) win.
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
      - Make every notice of the Compose files an error.
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
        description: For each service by its key, its variables.
        type: dict
        default: {}
  shared_networks:
    description:
      - Networks of the Swarm that every service joins beside those of the file.
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
          - V(paas) switches several of these on at once.
        type: str
        choices: [paas]
      tracking_labels:
        description: Put labels with the stack's project, environment and services on its objects.
        type: bool
      update_config:
        description: V(safe) gives services without C(deploy.update_config) a careful one.
        type: str
        choices: [keep, safe]
      update_delay:
        description: How long such an update waits between two tasks.
        type: str
      restart_policy:
        description: What services without C(deploy.restart_policy) and C(restart) get.
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
        description: Environment variables for every service, where the file does not set them.
        type: dict
      hash_aliases:
        description:
          - External networks of the file, by their keys or names, on which services answer only as C(HASH_SERVICE) and C(HASH-SERVICE), as on
            O(shared_networks). Aliases that the file gives are kept.
          - Without it, a service answers there by its bare name, and for the services of other stacks that have the same. A notice names those.
        type: list
        elements: str
        default: []
      generic_resources:
        description: What the nodes call the devices that the files ask for.
        type: dict
  resolve_image:
    description:
      - Which images to ask the registries for. A registry may count such a question as a pull.
      - V(changed) asks for those of services that are new or whose image is written differently than before, as a deployment does.
      - V(always) asks for all, V(never) for none.
    type: str
    choices: [always, changed, never]
    default: changed
  with_registry_auth:
    description:
      - Use the docker credentials of the manager.
    type: bool
    default: false
  registry_auth:
    description:
      - Credentials for registries. They win over those of the manager.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry, as image names begin, V(docker.io) for the Docker Hub.
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
      - When the task fails. V(error) where a finding is an error, V(warning) where there is any finding, V(never) not for findings.
    type: str
    choices: [error, warning, never]
    default: error
  min_free_mib:
    description:
      - Fewer MiB free where the Engine keeps images and volumes are an error.
    type: int
    default: 1024
  warn_free_mib:
    description:
      - Fewer MiB free there are a warning.
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
  - The play names the managers before the workers, as in C(hosts=swarm_managers:swarm_nodes). A worker that no manager can come before any more looks at
    itself alone, with a warning.
  - What fails on one host fails on all hosts of the play that are of the same Swarm, since Ansible goes on with those that have not failed. One of them
    tells it in full, the others in one line that names it (RV(stopped_by)). A later M(stackwright.swarm.compose_stack) of the same run refuses to
    deploy the stack where a host of its Swarm has dropped out of the play by a preflight; a failure that the play ignores or rescues does not count.
  - With C(serial), later batches have not looked yet when the first ones go on.
  - Each host of the play answers for its own node. Nodes that no host of the play is are in RV(unchecked) where the stack needs a port or a path
    there, or may have a volume.
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.swarm_info
"""

EXAMPLES = r"""
- name: Can the shop be deployed?
  stackwright.swarm.stack_preflight:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.4"

- name: Look at the hosts and the Swarm alone
  stackwright.swarm.stack_preflight:
  register: preflight

- name: See everything that is to be known, and go on
  stackwright.swarm.stack_preflight:
    name: shop
    src: files/shop/compose.yml
    resolve_image: always
    fail_on: never
  register: preflight

- name: Stop for the wrong platform only
  ansible.builtin.assert:
    that: preflight.findings | selectattr('code', 'equalto', 'platform') | length == 0
"""

RETURN = r"""
findings:
  description: What was found, errors first. Those about the Swarm are with the host that has looked at it, those about a node with its host.
  returned: unless an option is refused or the files are wrong
  type: list
  elements: dict
  contains:
    level:
      description: V(error) or V(warning).
      type: str
    code:
      description: A stable word, see the guide on preflights.
      type: str
    message:
      description: What is wrong.
      type: str
    hint:
      description: What to do.
      type: str
    service:
      description: The service by its key in the file; empty where it is none's.
      type: str
    node:
      description: The node; empty where it is none's.
      type: str
    where:
      description: The file and line of the service.
      type: str
  sample:
    - level: error
      code: port_in_use
      message: the port 8080/tcp is in use by the process nginx (812).
      hint: Stop that, publish another port, or keep the service off this node by a constraint.
      service: web
      node: worker1
      where: compose.yml:2
ok:
  description: Whether there is no error, neither among RV(findings) nor among those of other hosts of the play that are of the same Swarm.
  returned: unless an option is refused or the files are wrong
  type: bool
  sample: false
error_count:
  description: The number of errors.
  returned: unless an option is refused or the files are wrong
  type: int
  sample: 1
warning_count:
  description: The number of warnings.
  returned: unless an option is refused or the files are wrong
  type: int
  sample: 0
cluster:
  description: The Swarm in numbers.
  returned: by the host that has looked at it
  type: dict
  contains:
    managers: {description: The number of managers., type: int}
    reachable: {description: How many of them are reachable., type: int}
    may_fail: {description: How many more may fail before the Swarm takes no change., type: int}
    nodes: {description: The number of nodes., type: int}
    ready: {description: How many of them are ready and active., type: int}
  sample: {managers: 3, reachable: 3, may_fail: 1, nodes: 5, ready: 5}
unchecked:
  description: Nodes on which the stack needs a port or a path or may have a volume, and which no host of the play is; told by the host that ends last.
  returned: by the host that ends last
  type: list
  elements: str
  sample: [worker3]
stack:
  description: What the stack is called in the Swarm.
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
  returned: when its Engine answers
  type: str
  sample: worker1
cluster_id:
  description: The id of the Swarm.
  returned: when the Swarm was looked at
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
done_by:
  description: The host of the inventory that has looked at the Swarm.
  returned: when it was another host of the play
  type: str
  sample: manager1
stopped_by:
  description: The host of the inventory whose result says what stands in the way.
  returned: when the task fails for what another host of the same Swarm has found
  type: str
  sample: worker1
calls:
  description: How many calls of the Engine API this took.
  returned: unless an option is refused or the files are wrong
  type: int
  sample: 6
problems:
  description: Everything that is wrong with the Compose files.
  returned: when the files are wrong
  type: list
  elements: dict
error_code:
  description: The code of the findings that made the task fail if they have the same, else V(preflight); or why nothing was looked at, for instance
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
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_change


def main() -> None:
    run_change({**STACK, **FILES, **PLATFORM, **PREFLIGHT}, preflight)


if __name__ == "__main__":
    main()
