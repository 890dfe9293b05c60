#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: services_registry_import
short_description: Create a registry of services from Compose files
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Writes one C(services.registry.yaml) from existing Compose files, for a project that begins to use a registry.
  - Generating Compose files from the new registry and loading them gives the same project as the original files.
  - Variables stay variables. Comments are kept with the key that they belong to. Files that are included or extended are read as well.
  - Each file becomes a category with the file's name, or V(services) for C(compose.yml) and C(docker-compose.yml).
  - Keys without an equivalent in a registry go under C(compose).
  - The result names each part that a registry can't express with its file and line, for example a service that is built and has no image.
  - Reads and writes files on the target, like any module. Use C(hosts=localhost) for files on the controller.
options:
  src:
    description: Compose files. If several are given, later ones are merged over earlier ones, with the rules of Compose.
    type: list
    elements: path
    required: true
  dest:
    description:
      - The registry to write. Relative paths in the Compose files are rewritten if the registry is in another folder.
      - An existing registry with other content is an error, unless O(overwrite=true).
    type: path
    required: true
  overwrite:
    description: Replace a file at O(dest) with other content.
    type: bool
    default: false
  strict:
    description: Fail, and write nothing, if RV(not_carried) would not be empty.
    type: bool
    default: false
  mode:
    description: The mode of the written file, as in M(ansible.builtin.copy).
    type: raw
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
notes:
  - The Engine is not used. Its options exist so that all modules accept the same C(module_defaults).
seealso:
  - module: stackwright.swarm.services_registry_info
"""

EXAMPLES = r"""
- name: Create a registry from two Compose files
  stackwright.swarm.services_registry_import:
    src: [compose.yml, monitoring.yml]
    dest: services.registry.yaml
  register: imported

- name: Show the parts that the registry does not have
  ansible.builtin.debug:
    msg: "{{ imported.not_carried }}"

- name: Import a whole folder into a file for review, and fail if anything is lost
  stackwright.swarm.services_registry_import:
    src: "{{ query('ansible.builtin.fileglob', 'compose/*.yml') | sort }}"
    dest: review.registry.yaml
    strict: true
"""

RETURN = r"""
dest:
  description: The registry.
  returned: success
  type: str
  sample: /srv/shop/services.registry.yaml
services:
  description: The services in it, in the order of the files.
  returned: success
  type: list
  elements: str
  sample: [web, db]
files:
  description: The files that were read, including those that others include.
  returned: success
  type: list
  elements: str
  sample: [/srv/shop/compose.yml]
not_carried:
  description: The parts that the registry does not have, or has in another form. Empty if there are none.
  returned: success
  type: list
  elements: dict
  contains: &problem
    message: {description: The part that is not carried., type: str}
    key: {description: 'The key, for example V(services.web).', type: str}
    file: {description: The file., type: str}
    line: {description: The line; 0 if it is about the whole file., type: int}
    column: {description: The column., type: int}
    hint: {description: What to do., type: str}
    code: {description: A stable code of the kind., type: str}
  sample:
    - message: the service is built from sources and names no image, so it is not carried
      key: services.worker
      file: /srv/shop/compose.yml
      line: 12
      column: 3
      hint: "give it an image:"
      code: not_carried
findings:
  description: The findings of the checks in the new registry, in the same form, for example two services with one published port.
  returned: success
  type: list
  elements: dict
  contains: *problem
  sample: []
error_code:
  description: A stable code of the error, for example V(registry_exists).
  returned: failure
  type: str
  sample: registry_exists
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_on_controller
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.options import REGISTRY_IMPORT


def main() -> None:
    run_on_controller("services_registry_import", {**REGISTRY_IMPORT, **CONNECTION})


if __name__ == "__main__":
    main()
