#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_glance
short_description: Confirm that stacks are as the last run left them
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - The action plugins of other modules, such as M(stackwright.swarm.compose_stack), use this module. You do not need to run it yourself.
  - A run that found nothing to change leaves a record on the manager, in Ansible's own temporary folder. The record has a digest of
    each answer of the Engine, and the result of the run.
  - This module asks the Engine the same questions again. If the request and all answers are the same, it returns that result. Ansible
    then does not have to send the whole module.
  - Without a record, or after any difference, RV(told) has no result for the stack and the whole module runs.
  - The runs share the Engine's answers, so many stacks take as many calls as one.
options:
  runs:
    description:
      - The runs to look up, one for each stack.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The full name of the stack.
        type: str
        required: true
      run:
        description:
          - Which run of the stack it is, such as V(compose_stack present).
        type: str
        required: true
      request:
        description:
          - The digest of all inputs of the run.
        type: str
        required: true
  proxy:
    description:
      - A proxy of this host. RV(proxy) then has the last check of its routes.
    type: dict
    suboptions:
      stack:
        description:
          - The id of the stack whose routes it has.
        type: str
        required: true
      admin:
        description:
          - The address of its admin API. Only a unix socket is supported.
        type: str
        required: true
  defer:
    description:
      - Whether the runs leave changes to another manager.
    type: bool
    default: false
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.compose_stack
"""

EXAMPLES = r"""
- name: Ask whether a run with this digest would change anything
  stackwright.swarm.stack_glance:
    runs:
      - name: shop
        run: compose_stack present
        request: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  register: glance
"""

RETURN = r"""
told:
  description:
    - The results of these runs by the names of their stacks, if a run would end with the result of the last run without changes.
    - Stacks that need a complete run are not included.
  returned: success
  type: dict
  sample: {}
proxy:
  description:
    - The last check by M(stackwright.swarm.caddy_route), if it found all routes and the configuration of the proxy is still the same.
      Empty otherwise.
  returned: success
  type: dict
  contains:
    request: {description: The digest of all inputs of that check., type: str}
    result: {description: Its result., type: dict}
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.glance import glance


def main() -> None:
    run = {name: {"type": "str", "required": True} for name in ("name", "run", "request")}
    glance(
        {
            "runs": {"type": "list", "elements": "dict", "required": True, "options": run},
            "defer": {"type": "bool", "default": False},
            "proxy": {
                "type": "dict",
                "options": {name: {"type": "str", "required": True} for name in ("stack", "admin")},
            },
        }
    )


if __name__ == "__main__":
    main()
