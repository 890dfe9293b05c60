#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_logs
short_description: Show the last lines that the services of a stack have written
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Shows the last lines of a stack, of some of its services or of one task, from all nodes, in the order of time.
  - What a service's own variables call a password, a token or a key is hidden, and so is what looks like one.
  - Lines that can't be had, for instance since their node is down, are no failure. RV(missing) says which.
options:
  name:
    required: true
  services:
    description:
      - Only these services, by their keys in the Compose file or their names in the Swarm. All if there is none.
    type: list
    elements: str
    default: []
  task:
    description:
      - Only this task, by its id or the beginning of it.
    type: str
  tail:
    description:
      - So many lines at most, 1 to 5000, the newest of all services together.
    type: int
    default: 100
  since:
    description:
      - Only lines since then, either how long ago (V(90s), V(10m), V(1h30m), V(2d)) or a moment such as V(2026-11-21T10:00:00Z).
    type: str
  contains:
    description:
      - Only lines in which this regular expression of Python is found.
    type: str
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.info
seealso:
  - module: stackwright.swarm.stack_health
  - module: stackwright.swarm.stack_info
"""

EXAMPLES = r"""
- name: See what the shop has to say
  stackwright.swarm.stack_logs:
    name: shop
    tail: 20
  register: shop

- name: Show it
  ansible.builtin.debug:
    msg: "{{ shop.text.splitlines() }}"

- name: Errors of one service in the last ten minutes
  stackwright.swarm.stack_logs:
    name: shop
    services: [web]
    since: 10m
    contains: (?i)error
"""

RETURN = r"""
stack:
  description: What the stack is called in the Swarm.
  returned: success
  type: str
  sample: shop
lines:
  description: The lines in the order of time.
  returned: success
  type: list
  elements: dict
  contains:
    time: {description: When it was written., type: str}
    service: {description: The name of the service in the Swarm., type: str}
    task: {description: The id of the task., type: str}
    slot: {description: Which of the replicas it is., type: int}
    node: {description: The name of the node., type: str}
    stream: {description: V(stdout) or V(stderr)., type: str}
    text: {description: The line., type: str}
  sample:
    - time: "2026-11-21T04:41:54.946889037Z"
      service: shop_web
      task: josdaxsqqn1ttlmz4b9nyeei5
      slot: 1
      node: worker1
      stream: stderr
      text: no database yet
text:
  description: All of it as text, a line for each line.
  returned: success
  type: str
  sample: "2026-11-21T04:41:54.946Z web.1@worker1 | no database yet\\n"
missing:
  description: Which lines could not be had, and why.
  returned: success
  type: list
  elements: str
  sample: ["shop_web: node worker2 is not available"]
calls:
  description: How many calls of the Engine API this took.
  returned: success
  type: int
  sample: 5
error_code:
  description: A stable word for what went wrong, for instance V(not_found) or V(invalid_options).
  returned: failure
  type: str
  sample: not_found
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.info import show_logs
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import LOGS
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_module


def main() -> None:
    run_module(LOGS, show_logs)


if __name__ == "__main__":
    main()
