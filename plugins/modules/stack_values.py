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
  - Changes the values that M(stackwright.swarm.compose_stack) keeps for a stack, such as generated passwords.
  - Services get a changed value with the next deployment of the stack.
  - No value is ever shown, only its name, its versions and where they come from. O(state=read) hands values to other tasks, and insists on C(no_log).
options:
  name:
    required: true
  state:
    description:
      - V(present) sets the values of O(values).
      - V(absent) removes those of O(names) with all their versions. A value that the files still need is made anew by the next
        deployment only if no service runs with it.
      - V(listed) changes nothing.
      - V(regenerated) makes those of O(names) anew, in the way in which they were generated. This is a change every time.
      - V(moved) takes all values of the stack to the store O(to), and out of the one that they are in.
      - V(read) gives the current values of O(names), of all unless given, as RV(read), over the task's own connection. The task has to set C(no_log=true),
        or it fails (C(no_log_needed)) and reads nothing.
      - Unless set, V(present) where there are O(values), else V(listed).
    type: str
    choices: [present, absent, listed, read, regenerated, moved]
  values:
    description:
      - Values by name, for O(state=present). C(KEY) stands for C(stack/KEY), the value of the whole stack; that of one service
        is C(SERVICE/KEY), that of a secret or a config C(secrets/KEY) or C(configs/KEY).
    type: dict
  names:
    description:
      - Names of values, written like the keys of O(values), for O(state=absent), O(state=read) and O(state=regenerated). V(all) means all.
    type: list
    elements: str
  store:
    description:
      - Where the values are; as in M(stackwright.swarm.compose_stack).
    type: str
    choices: [auto, host_facts, swarm, vault]
    default: auto
  path:
    description:
      - Of V(host_facts) the folder, V(/etc/ansible/facts.d) unless given.
      - Of V(vault) the file, C(stackwright_values.yml) beside the inventory unless given.
    type: path
  encrypted:
    description:
      - Of V(swarm) - V(vault) encrypts each value on the controller with Ansible Vault, so that the Swarm has ciphertext only.
      - Unless given, values stay in the form in which they are; where there are none yet, they are kept readable.
      - O(state=moved) to the same store with O(to.encrypted=vault), without it, or with another O(to.vault_id) writes them anew
        in that form.
    type: str
    choices: [vault]
  vault_id:
    description:
      - The vault identity that new values are encrypted with. The play's default identity unless given.
    type: str
  to:
    description:
      - Where to take the values, for O(state=moved).
    type: dict
    suboptions:
      store:
        description: The new store. V(auto) is the one that a first deployment would choose.
        type: str
        choices: [auto, host_facts, swarm, vault]
        default: auto
      path:
        description: As O(path).
        type: path
      encrypted:
        description: As O(encrypted); unless given, the values are readable there.
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
      - Regenerating is a change every time.
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

- name: See which values there are, and how old they are
  stackwright.swarm.stack_values:
    name: shop
  register: kept

- name: Read a password for another task, also where the controller can't reach the Engine
  stackwright.swarm.stack_values:
    name: shop
    state: read
    names: [MAIL_PASSWORD]
  no_log: true
  register: secret

- name: Set another one, then make it anew with the next deployment
  stackwright.swarm.stack_values:
    name: shop
    state: absent
    names: [MAIL_PASSWORD]

- name: Keep them in the Swarm from now on, where every manager finds them
  stackwright.swarm.stack_values:
    name: shop
    store: host_facts
    state: moved
    to:
      store: swarm

- name: Encrypt them there, with the password of the play's vault
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
  description: What the stack is called in the Swarm.
  returned: success
  type: str
  sample: shop
store:
  description: The store that the values are in afterwards.
  returned: success
  type: str
  sample: host_facts
kept_values:
  description: The kept values afterwards, sorted by name. In check mode, what they would be.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The value's name., type: str}
    current: {description: The label of the version in use; empty if there is none., type: str}
    generator: {description: How it is generated; null where it was only ever set., type: str}
    versions:
      description: Its versions, the oldest first. Older ones stay while a kept revision of the stack needs them.
      type: list
      elements: dict
      contains:
        label: {description: 'What the version is known by: its number and a mark.', type: str}
        created: {description: When it was made., type: str}
        origin: {description: 'V(generated), V(set), V(given) (an override) or V(adopted) (from a running service).', type: str}
  sample:
    - name: stack/MAIL_PASSWORD
      current: 1-61976cdd
      generator:
      versions:
        - {label: 1-61976cdd, created: "2026-11-21T04:15:00Z", origin: set}
done_by:
  description: The host of the inventory that has made the change.
  returned: when it was another host of the play, which shares the store
  type: str
  sample: manager1
error_code:
  description: A stable word for what went wrong, for instance V(store_damaged).
  returned: failure
  type: str
  sample: store_damaged
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import KEPT, STACK, STORE
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_module
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
