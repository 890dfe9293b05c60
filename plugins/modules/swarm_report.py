#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_report
short_description: Write a report of Swarms as one page
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Writes one HTML page that shows the Swarms of the play - what needs attention, nodes, stacks and their histories, services, tasks, secrets and
    configs by name, networks, drift, events, and figures of the deployments.
  - The page needs no server and loads nothing. It has a strict content security policy, and everything from the Swarm is escaped.
  - The task runs once for all hosts of the play. It asks the first manager of each cluster, in the order of the inventory, and writes the page on the
    controller.
  - The report never contains the content of secrets and configs. It shows environment variables in the same way as M(stackwright.swarm.stack_info) with
    C(details).
options:
  dest:
    description:
      - The file to write on the controller. A relative path is relative to the working directory. Its folder must exist.
    type: path
    required: true
  format:
    description:
      - V(html) is the page. V(json) has the same data for other programs, V(markdown) a summary.
    type: str
    choices: [html, json, markdown]
    default: html
  title:
    description: The title of the report.
    type: str
    default: Swarm report
  time:
    description:
      - The time of the report in UTC, for example V(2026-11-29T12:00:00Z). Ages and weeks are counted back from it. By default the time of the run.
      - The same Swarm and the same time give the same bytes.
    type: str
  audit:
    description:
      - A file of the callback P(stackwright.swarm.audit#callback) on the controller. The figures then count the runs that were refused or failed without a
        change in the last 12 weeks, for example because of invalid files.
    type: path
  drift:
    description: Compare each stack with its last good revision, as M(stackwright.swarm.stack_drift).
    type: bool
    default: true
  usage:
    description: Read the load and the used memory of the hosts of the play that are nodes of the Swarm.
    type: bool
    default: true
  label_prefix:
    description: The prefix of the labels of this collection.
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
    support: none
  idempotent:
    support: partial
    details: With the same O(time), a second run on an unchanged Swarm changes nothing.
  async:
    support: none
    description: Supports being used with the C(async) keyword.
    details: The report is written on the controller.
seealso:
  - module: stackwright.swarm.swarm_info
  - module: stackwright.swarm.stack_info
  - module: stackwright.swarm.stack_drift
"""

EXAMPLES = r"""
- name: Write a report of all Swarms in the play
  stackwright.swarm.swarm_report:
    dest: report.html
    title: Production

- name: Write the same data for another program
  stackwright.swarm.swarm_report:
    dest: report.json
    format: json

- name: Write a summary for a ticket, without comparing the stacks
  stackwright.swarm.swarm_report:
    dest: report.md
    format: markdown
    drift: false
"""

RETURN = r"""
dest:
  description: The file that was written.
  returned: success
  type: str
  sample: report.html
bytes:
  description: The size of the report.
  returned: success
  type: int
  sample: 182034
clusters:
  description: The clusters in the report.
  returned: success
  type: list
  elements: dict
  contains:
    host: {description: The host of the inventory that was asked., type: str}
    cluster_id: {description: The id of the Swarm., type: str}
    problems: {description: The number of things that need attention., type: int}
  sample:
    - {host: manager1, cluster_id: 4eoyr6qczm8id0w9tvzg3ytr7, problems: 2}
unanswered:
  description: The hosts that did not answer.
  returned: success
  type: list
  elements: dict
  contains:
    host: {description: The host of the inventory., type: str}
    msg: {description: The reason., type: str}
  sample: []
error_code:
  description: A stable code of the error. V(no_manager), V(audit_unreadable), V(dest_unwritable) or V(invalid_options).
  returned: failure
  type: str
  sample: no_manager
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_on_controller
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.report_options import REPORT


def main() -> None:
    run_on_controller("swarm_report", {**REPORT, **CONNECTION})


if __name__ == "__main__":
    main()
