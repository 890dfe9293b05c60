#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: services_registry_compose
short_description: Generate Compose files from a registry of services
description:
  - Checks a registry (C(services.registry.yaml), one file for many services) and generates Compose files from it.
  - All problems are reported in one run, each with file, line, service, reason and remedy. Nothing is written if there is one.
  - "Writes C(compose/CATEGORY.yml) for each category (or the RV(ignore:file) that a service names), C(networks.yml), C(volumes.yml), and
    C(secrets.yml) and C(configs.yml) where there are any; C(compose.yml), which includes them; C(.env.example) with every
    variable; and C(INVENTORY.md), a page about all services."
  - Each file has a header with a checksum. A file that was edited by hand, or that this module did not generate, is an error unless
    O(overwrite_edited). Generated files that are no longer needed are removed.
  - The registry and the files are on the target. They are checked and generated on the controller.
  - The guide is at U(https://github.com/stackwright/stackwright.swarm/blob/main/docs/guides/registry.md).
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
options:
  src:
    description: The path of the registry on the target. Relative paths in the generated files are relative to O(dest).
    type: path
    required: true
  overlays:
    description:
      - Paths of overlays, such as C(services.registry.production.yaml). Each has the format of a registry, and is merged over it, service by service.
      - Mappings are merged key by key. Lists and values are replaced. C(!reset) removes a key.
    type: list
    elements: path
    default: []
  dest:
    description: The directory on the target for the generated files. It is created if it does not exist.
    type: path
    required: true
  strict:
    description: Whether warnings are errors.
    type: bool
    default: false
  accept:
    description:
      - Problems that are only warnings, so that an older registry can be generated before it is corrected.
      - V(phase_order) is a RV(ignore:phase_order) that contradicts the order of the service's phase. The phase counts.
      - V(dependency_later) is a dependency on a service in a later phase.
      - V(restart_unquoted) is C(restart) with C(no) or another word for true or false without quotes.
    type: list
    elements: str
    choices: [dependency_later, phase_order, restart_unquoted]
    default: []
  verify:
    description:
      - Write nothing, and fail with RV(error_code=outdated) if the files differ from those that the registry generates. For pipelines in which
        generated files are reviewed and committed.
    type: bool
    default: false
  overwrite_edited:
    description: Whether to overwrite, or remove, files in O(dest) that were edited by hand or that this module did not generate.
    type: bool
    default: false
  check_images:
    description:
      - Ask the image registries, from the target, whether images with a RV(ignore:health_check) of type V(docker) have a health check.
        An image without one gives a warning, since Swarm then counts each running container as healthy.
      - Images are read without credentials, with three calls each. An image registry that can't be reached gives no warning.
    type: bool
    default: false
  label_prefix:
    description: The first part of the labels that define routes.
    type: str
    default: stackwright
extends_documentation_fragment:
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
notes:
  - The Engine is not used. Its options exist so that all modules accept the same C(module_defaults).
seealso:
  - module: stackwright.swarm.compose_stack
"""

EXAMPLES = r"""
- name: Generate the Compose files of the shop
  stackwright.swarm.services_registry_compose:
    src: /srv/shop/services.registry.yaml
    dest: /srv/shop/generated
  register: generated

- name: Fail if the committed files differ from the registry
  stackwright.swarm.services_registry_compose:
    src: /srv/shop/services.registry.yaml
    dest: /srv/shop/generated
    verify: true

- name: Generate the files of production, and fail if there is a warning
  stackwright.swarm.services_registry_compose:
    src: /srv/shop/services.registry.yaml
    overlays: [/srv/shop/services.registry.production.yaml]
    dest: /srv/shop/generated
    strict: true
"""

RETURN = r"""
dest:
  description: The directory of the generated files.
  returned: success
  type: str
  sample: /srv/shop/generated
src:
  description: The file that includes all others, for RV(ignore:src) of M(stackwright.swarm.compose_stack).
  returned: success
  type: str
  sample: /srv/shop/generated/compose.yml
files:
  description: All generated files, below RV(dest).
  returned: success
  type: list
  elements: str
  sample: [.env.example, INVENTORY.md, compose.yml, compose/databases.yml, networks.yml]
written:
  description: The files that this run has written, or would write in check mode.
  returned: success
  type: list
  elements: str
  sample: [compose.yml, compose/databases.yml]
removed:
  description: The files that this run has removed, or would remove in check mode, because they are no longer needed.
  returned: success
  type: list
  elements: str
  sample: []
changes:
  description: The changes of services, networks, volumes, secrets and configs, one line each.
  returned: success
  type: list
  elements: str
  sample: ["postgres: 16.11 -> 16.12"]
checksum:
  description: SHA-256 of the content of the registry, without comments and layout.
  returned: success
  type: str
  sample: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
services:
  description: The names of all services.
  returned: success
  type: list
  elements: str
  sample: [postgres, web]
phases:
  description: The steps of a rollout, in order. Phases of one order are one step.
  returned: success
  type: list
  elements: dict
  contains:
    order:
      description: The order of the phases.
      type: int
    names:
      description: The names of the phases; empty for services without a phase.
      type: list
      elements: str
    services:
      description: The services of the step.
      type: list
      elements: str
    timeout:
      description: The longest time limit of the phases, in seconds.
      type: int
  sample:
    - order: 1
      names: [databases]
      services: [postgres]
      timeout: 120
notices:
  description: Warnings about the registry.
  returned: success
  type: list
  elements: dict
  contains:
    message:
      description: The finding.
      type: str
    service:
      description: The service; empty if it is not about one.
      type: str
    key:
      description: The place in the registry.
      type: str
    file:
      description: The file.
      type: str
    line:
      description: The line, from 1.
      type: int
    column:
      description: The column, from 1.
      type: int
    hint:
      description: What to do.
      type: str
    code:
      description: A stable code of the rule.
      type: str
  sample:
    - message: "'latest' refers to another image each time it is pushed"
      service: cache
      key: core.cache.version
      file: /srv/shop/services.registry.yaml
      line: 12
      column: 14
      hint: pin a version, such as "1.4.2"
      code: unpinned
problems:
  description: All problems of the registry, in the form of RV(notices).
  returned: failed, RV(error_code=invalid_registry)
  type: list
  elements: dict
edited:
  description: The files that were edited by hand or that this module did not generate.
  returned: failed, RV(error_code=edited)
  type: list
  elements: str
error_code:
  description:
    - A stable code of the error.
    - V(invalid_registry), V(edited), V(outdated), V(dest_unusable), V(conflict), V(invalid_options).
  returned: failed
  type: str
  sample: invalid_registry
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_without_engine
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.options import REGISTRY_COMPOSE
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.steps import do_step


def main() -> None:
    run_without_engine({**REGISTRY_COMPOSE, **CONNECTION}, do_step)


if __name__ == "__main__":
    main()
