#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_notification
short_description: Send a notification about a stack
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Sends a title and some lines from your own playbook to receivers, as O(stackwright.swarm.compose_stack#module:notify) does.
  - The controller sends the notification. Set C(run_once) in a play with several hosts. In check mode nothing is sent.
  - Text that looks like a secret is hidden.
options:
  name:
    required: true
  title:
    description:
      - The first line.
    type: str
    required: true
  lines:
    description:
      - More lines. The first 20 are sent.
    type: list
    elements: str
    default: []
  event:
    description:
      - The kind of the notification. It is only sent to receivers with this event in their C(events).
    type: str
    choices: [start, success, failure, rollback, drift]
    default: failure
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.notify
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Every run sends a notification.
notes:
  - The Engine is not used. Its options exist so that all modules accept the same C(module_defaults).
seealso:
  - module: stackwright.swarm.compose_stack
"""

EXAMPLES = r"""
- name: Notify that the shop is too slow
  stackwright.swarm.stack_notification:
    name: shop
    title: "shop: answers take 4 s"
    lines: ["Measured from Frankfurt."]
    notify: "{{ stack_notify | default([]) }}"
  run_once: true
"""

RETURN = r"""
stack:
  description: The stack's name in the Swarm.
  returned: success
  type: str
  sample: shop
receivers:
  description: The number of receivers for this event. A receiver that did not accept it gives a warning.
  returned: success
  type: int
  sample: 1
error_code:
  description: A stable code of the error, for example V(invalid_options).
  returned: failure
  type: str
  sample: invalid_options
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_on_controller
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import NOTIFICATION


def main() -> None:
    run_on_controller("stack_notification", {**NOTIFICATION, **CONNECTION})


if __name__ == "__main__":
    main()
