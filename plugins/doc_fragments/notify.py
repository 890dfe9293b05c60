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
      - Receivers of notifications about the stack. The controller sends them, once per cluster; in check mode it sends none.
      - A receiver that refuses, hangs or can't be reached gives a warning. It never fails the task, and all receivers together delay it by at most two seconds.
      - A notification contains names, numbers and the message of a failure, and never the values of a plan.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description:
          - The address, which often contains a token. It is never shown. For O(notify[].format=apprise), an address of Apprise such as
            V(mailto://user:password@example.com).
        type: str
        required: true
      format:
        description:
          - The form of the message. V(apprise) needs the Python package C(apprise) on the controller, and supports more than a hundred services.
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
          - More HTTP headers, for example for authorization. They are never shown.
        type: dict
"""
