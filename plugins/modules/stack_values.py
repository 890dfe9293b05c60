#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_values
short_description: Set, list, remove, regenerate and move the kept values of a stack
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Manages the values that M(stackwright.swarm.compose_stack) stores for a stack, such as generated passwords.
  - Services get a changed value with the next deployment of the stack.
  - Values are never shown, only their names, versions and origins. O(state=read) returns values for other tasks, and requires C(no_log).
options:
  name:
    required: true
  state:
    description:
      - V(present) sets the values in O(values).
      - V(absent) removes O(names) with all their versions. If the files still need a value, the next deployment only generates it again if no service
        runs with it.
      - V(listed) changes nothing.
      - V(regenerated) generates O(names) again with the same generators. Every run is a change.
      - V(moved) moves all values of the stack to the store O(to).
      - V(read) returns the current values of O(names), by default all, as RV(read), over the task's own connection. The task must set C(no_log=true),
        else it fails (C(no_log_needed)) and reads nothing.
      - Defaults to V(present) if O(values) is given, else to V(listed).
    type: str
    choices: [present, absent, listed, read, regenerated, moved]
  values:
    description:
      - Values by name, for O(state=present). C(KEY) is short for C(stack/KEY), a value of the whole stack. A value of one service is C(SERVICE/KEY),
        of a secret or config C(secrets/KEY) or C(configs/KEY).
    type: dict
  names:
    description:
      - Names of values, in the form of the keys of O(values), for O(state=absent), O(state=read) and O(state=regenerated). V(all) selects all values.
    type: list
    elements: str
  store:
    description:
      - The store of the values, as in M(stackwright.swarm.compose_stack).
    type: str
    choices: [auto, host_facts, swarm, vault]
    default: auto
  path:
    description:
      - For V(host_facts), the directory. Defaults to V(/etc/ansible/facts.d).
      - For V(vault), the file. Defaults to C(stackwright_values.yml) next to the inventory.
    type: path
  encrypted:
    description:
      - For V(swarm) - V(vault) encrypts each value on the controller with Ansible Vault, so that the Swarm only has ciphertext.
      - By default, values keep their present form; new stores are not encrypted.
      - O(state=moved) to the same store with O(to.encrypted=vault), without it, or with another O(to.vault_id) rewrites them in that form.
    type: str
    choices: [vault]
  vault_id:
    description:
      - The vault identity to encrypt new values with. Defaults to the play's default identity.
    type: str
  to:
    description:
      - The target of the values, for O(state=moved).
    type: dict
    suboptions:
      store:
        description: The new store. V(auto) uses the store that a first deployment would use.
        type: str
        choices: [auto, host_facts, swarm, vault]
        default: auto
      path:
        description: As O(path).
        type: path
      encrypted:
        description: As O(encrypted). By default, the values are not encrypted there.
        type: str
        choices: [vault]
      vault_id:
        description: As O(vault_id).
        type: str
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.no_async
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Names and versions only.
  idempotent:
    support: partial
    details:
      - Regenerating is a change in every run.
seealso:
  - module: stackwright.swarm.compose_stack
  - plugin: stackwright.swarm.stack_value
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Set the password of the mail account
  stackwright.swarm.stack_values:
    name: shop
    values:
      MAIL_PASSWORD: "{{ mail_password }}"

- name: List the values and their age
  stackwright.swarm.stack_values:
    name: shop
  register: kept

- name: Read a password for another task, even if the controller can't reach the Engine
  stackwright.swarm.stack_values:
    name: shop
    state: read
    names: [MAIL_PASSWORD]
  no_log: true
  register: secret

- name: Remove the value, so that the next deployment generates it again
  stackwright.swarm.stack_values:
    name: shop
    state: absent
    names: [MAIL_PASSWORD]

- name: Move the values to the Swarm, where every manager can read them
  stackwright.swarm.stack_values:
    name: shop
    store: host_facts
    state: moved
    to:
      store: swarm

- name: Encrypt them there, with the play's vault password
  stackwright.swarm.stack_values:
    name: shop
    store: swarm
    state: moved
    to:
      store: swarm
      encrypted: vault
"""

RETURN = r"""
read:
  description: The values by their names.
  returned: with O(state=read), which needs C(no_log)
  type: dict
  sample: {}
stack:
  description: The stack's name in the Swarm.
  returned: success
  type: str
  sample: shop
store:
  description: The store of the values after the run.
  returned: success
  type: str
  sample: host_facts
kept_values:
  description: The kept values after the run, sorted by name. In check mode, after a real run.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The value's name., type: str}
    current: {description: The label of the version in use; empty if there is none., type: str}
    generator: {description: Its generator; null if it was only ever set., type: str}
    versions:
      description: Its versions, oldest first. Older versions are kept while a revision of the stack needs them.
      type: list
      elements: dict
      contains:
        label: {description: 'The label of the version: its number and a mark.', type: str}
        created: {description: When it was created., type: str}
        origin: {description: 'V(generated), V(set), V(given) (an override) or V(adopted) (from a running service).', type: str}
  sample:
    - name: stack/MAIL_PASSWORD
      current: 1-61976cdd
      generator:
      versions:
        - {label: 1-61976cdd, created: "2026-11-21T04:15:00Z", origin: set}
done_by:
  description: The inventory host that made the change.
  returned: if it was another host of the play with the same store
  type: str
  sample: manager1
error_code:
  description: A stable code of the error, for example V(store_damaged).
  returned: failure
  type: str
  sample: store_damaged
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import KEPT, STACK, STORE
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.values import change_values


def main() -> None:
    name = {"name": {**STACK["name"], "required": True}}
    required = [
        ("state", "present", ["values"]),
        ("state", "absent", ["names"]),
        ("state", "regenerated", ["names"]),
        ("state", "moved", ["to"]),
    ]
    run_module({**STACK, **name, **STORE, **KEPT}, change_values, required_if=required)


if __name__ == "__main__":
    main()
