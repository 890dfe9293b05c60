# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option of modules that send notifications."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  notify:
    description:
      - Receivers that are told what becomes of the stack. The controller sends to them, once per cluster; in check mode it does not.
      - A receiver that refuses, hangs or can't be reached is a warning. It never fails a task, and costs at most two seconds in all.
      - A notification has names, numbers and the message of a failure, and never the values of a plan.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description:
          - The address, which often has a token in it. It is shown nowhere. For O(notify[].format=apprise), an address of Apprise such as
            V(mailto://user:password@example.com).
        type: str
        required: true
      format:
        description:
          - The form of the message. V(apprise) needs the Python package C(apprise) on the controller and knows more than a hundred services.
        type: str
        choices: [json, slack, teams, discord, apprise]
        default: json
      events:
        description:
          - Which events to send.
          - V(start) is a change that takes longer than a moment. V(success) and V(failure) are the end of one. V(rollback) is a failed deployment that
            was rolled back, and M(stackwright.swarm.stack_rollback). V(drift) is drift that was found or repaired.
          - A run without changes sends nothing.
        type: list
        elements: str
        choices: [start, success, failure, rollback, drift]
        default: [start, success, failure, rollback, drift]
      headers:
        description:
          - More HTTP headers, for example for authorization. They are shown nowhere.
        type: dict
"""
