#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_config
short_description: Create, rotate or remove a config that belongs to no stack
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Manages a config that belongs to no stack. For a config of one stack, use the C(configs) of its Compose file.
  - Swarm can't change the content of a config. So each content gets its own name. The module reports the services that still use an older config, and
    removes old ones that nothing uses.
  - On all managers of a play, one creates the object and the others find it.
options:
  data:
    description:
      - The content, at most 1,024,000 bytes. Required with O(state=present). It is in no result or diff.
      - Everyone with access to a manager can read it. Use M(stackwright.swarm.swarm_secret) for passwords and keys.
    type: str
extends_documentation_fragment:
  - stackwright.swarm.objects
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The content is never shown.
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.swarm_secret
  - module: stackwright.swarm.compose_stack
"""

EXAMPLES = r"""
- name: Create or rotate a config
  stackwright.swarm.swarm_config:
    name: site_conf
    data: |
      listen 80;
    labels:
      team: web
  register: site_conf

- name: Show the name for the Compose file
  ansible.builtin.debug:
    var: site_conf.object_name

- name: Remove it if no service uses it
  stackwright.swarm.swarm_config:
    name: site_conf
    state: absent
"""

RETURN = r"""
name:
  description: The name for users.
  returned: success
  type: str
  sample: site_conf
object_name:
  description:
    - The name in the Swarm. Use it in a Compose file as C(name) of an external config.
    - Empty with O(state=absent).
  returned: success
  type: str
  sample: site_conf_1a2b3c4d
object_id:
  description: The id in the Swarm; empty if there is none.
  returned: success
  type: str
  sample: 8ynkc4bd3ur9fz1tjfyd1oidq
versions:
  description: The versions that exist, newest first. Contents are never shown.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The name in the Swarm., type: str}
    id: {description: The id., type: str}
    created: {description: When it was created., type: str}
    current: {description: Whether it has the content of O(data)., type: bool}
    used_by: {description: The services that use it., type: list, elements: str}
    stacks: {description: The stacks of these services., type: list, elements: str}
  sample:
    - name: site_conf_1a2b3c4d
      id: 8ynkc4bd3ur9fz1tjfyd1oidq
      created: "2026-11-21T01:21:07.123456789Z"
      current: true
      used_by: [shop_web]
      stacks: [shop]
outdated:
  description: The services that still use an older version. Deploy their stacks with RV(object_name).
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: The service., type: str}
    stack: {description: 'Its stack, or empty text.', type: str}
    version: {description: The name of the version that it uses., type: str}
  sample: []
plan_lines:
  description: The changes as text.
  returned: success
  type: list
  elements: str
  sample: ["create config site_conf_1a2b3c4d: its content is new"]
notices:
  description: Notices about the change. Ansible also shows them as warnings.
  returned: success
  type: list
  elements: str
  sample: []
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
node:
  description: The node whose Engine answered.
  returned: success
  type: str
  sample: manager1
calls:
  description: The number of calls to the Engine API.
  returned: success
  type: int
  sample: 4
used_by:
  description: The services that use it.
  returned: if it can't be replaced or removed because of them
  type: list
  elements: str
  sample: ["shop_web (stack shop)"]
error_code:
  description: A stable code of the error, for example V(in_use), V(conflict), V(invalid_name), V(invalid_options) or V(not_a_manager).
  returned: failure
  type: str
  sample: in_use
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.request.node_options import CONFIG
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.objects import change_config


def main() -> None:
    run_module(CONFIG, change_config)


if __name__ == "__main__":
    main()
