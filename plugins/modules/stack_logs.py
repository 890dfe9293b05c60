#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_logs
short_description: Show the log lines of a stack's services, or wait for one
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Shows the last log lines of a stack, of some of its services or of one task, from all nodes, in chronological order.
  - Values of a service's variables with names such as password, token or key are hidden, and so is text that looks like one.
  - With O(until) it waits for a line and shows the new lines while it waits; with O(wait_timeout) alone it shows them for that time. If several hosts of a play
    are managers of one cluster, each of them waits, and the first one shows the lines.
  - The task does not fail if lines are not available, for example because their node is down. RV(missing) lists them.
options:
  name:
    required: true
  services:
    description:
      - Only these services, by their keys in the Compose file or their names in the Swarm. All services by default.
    type: list
    elements: str
    default: []
  task:
    description:
      - Only this task, by its id or the beginning of the id.
    type: str
  tail:
    description:
      - The maximum number of lines, 1 to 5000. The newest lines of all services are shown.
    type: int
    default: 100
  since:
    description:
      - Only lines since this time, either a duration (V(90s), V(10m), V(1h30m), V(2d)) or a time such as V(2026-11-21T10:00:00Z).
    type: str
  contains:
    description:
      - Only lines that match this Python regular expression.
    type: str
  until:
    description:
      - Waits until a line matches this Python regular expression, and returns it as RV(matched). Fails with the last lines if none matches within
        O(wait_timeout).
      - Lines that O(since) and O(tail) choose match as well. Set O(since) if an earlier line could match.
      - In check mode it does not wait.
    type: str
  wait_timeout:
    description:
      - How long to follow the logs, in seconds, 1 to 86400. 60 by default with O(until); without both, it does not wait.
    type: int
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
- name: Read the last log lines of the shop
  stackwright.swarm.stack_logs:
    name: shop
    tail: 20
  register: shop

- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ shop.text.splitlines() }}"

- name: Read errors of one service in the last ten minutes
  stackwright.swarm.stack_logs:
    name: shop
    services: [web]
    since: 10m
    contains: (?i)error

- name: Wait until the worker has begun
  stackwright.swarm.stack_logs:
    name: shop
    services: [worker]
    since: 10m
    until: (?i)at work
    wait_timeout: 30
"""

RETURN = r"""
stack:
  description: The stack's name in the Swarm.
  returned: success
  type: str
  sample: shop
lines:
  description: The lines in chronological order.
  returned: success
  type: list
  elements: dict
  contains:
    time: {description: When it was written., type: str}
    service: {description: The name of the service in the Swarm., type: str}
    task: {description: The id of the task., type: str}
    slot: {description: The number of the replica., type: int}
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
  description: The same as text, one line per log line.
  returned: success
  type: str
  sample: "2026-11-21T04:41:54.946Z web.1@worker1 | no database yet\\n"
matched:
  description: The line that O(until) matches, with the fields of RV(lines); null if O(until) is not set.
  returned: if it waited
  type: dict
  sample: {time: "2026-11-21T04:41:54.946889037Z", service: shop_web, task: josdaxsqqn1ttlmz4b9nyeei5, slot: 1, node: worker1, stream: stdout, text: ready}
missing:
  description: The lines that are not available, with the reason.
  returned: success
  type: list
  elements: str
  sample: ["shop_web: node worker2 is not available"]
calls:
  description: The number of calls to the Engine API.
  returned: success
  type: int
  sample: 5
error_code:
  description: A stable code of the error, for example V(not_found), V(timeout) or V(invalid_options).
  returned: failure
  type: str
  sample: not_found
"""

from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import LOGS
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change


def main() -> None:
    run_change(LOGS, _look)


def _look(*given: Any) -> Any:
    from ansible_collections.stackwright.swarm.plugins.module_utils.info.logs_until import look_at_logs

    return look_at_logs(*given)


if __name__ == "__main__":
    main()
