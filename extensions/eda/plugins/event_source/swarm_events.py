# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source for ansible-rulebook: what happens in a Docker Swarm."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from pathlib import Path
from typing import Any, Dict

DOCUMENTATION = r"""
---
module: swarm_events
short_description: Report events of a Docker Swarm
version_added: 1.1.0
description:
  - Reads the Engine's stream of events, and compares the Swarm with what it was at an interval. So it also reports
    changes that are not in the stream, such as tasks that fail, services with too few tasks, updates that Swarm rolled
    back, and locks that expired.
  - Every change that lasts is sent once, also after a restart of the Engine or a change of the manager. An event that only a
    comparison after a gap found has RV(recovered=true). Changes that canceled each other out in a gap are not sent.
  - It never ends by itself. If a manager fails, the next one of the list is used.
  - The types of events, and the fields of each, are in the guide docs/guides/events.md.
author:
  - The stackwright.swarm maintainers
options:
  managers:
    description:
      - The managers to watch, in order; one is used at a time. An entry is an address such as V(unix:///var/run/docker.sock),
        V(tcp://10.0.0.5:2376) or V(ssh://ops@manager1), or a map with O(docker_host) and other connection options of its own.
    type: list
    elements: raw
    default: ["unix:///var/run/docker.sock"]
  docker_host:
    description: The manager to watch, if there is only one.
    type: str
  api_version:
    description: The version of the Engine API to use.
    type: str
    default: auto
  timeout:
    description: Seconds for one answer of the Engine, 1 to 86400.
    type: float
    default: 60
  tls:
    description: Use TLS without verifying the Engine's certificate.
    type: bool
    default: false
  validate_certs:
    description: Use TLS and verify the Engine's certificate.
    type: bool
    default: false
  tls_hostname:
    description: The name that the Engine's certificate must carry, if it is not the host of O(docker_host).
    type: str
  ca_path:
    description: The certificate authority to trust, a file where ansible-rulebook runs.
    type: str
  client_cert:
    description: The client's certificate, a file where ansible-rulebook runs.
    type: str
  client_key:
    description: The client's key, a file where ansible-rulebook runs.
    type: str
  use_ssh_client:
    description: For an V(ssh://) address, use the C(ssh) command instead of Paramiko.
    type: bool
    default: false
  interval:
    description:
      - Seconds between two comparisons, 1 to 86400. A comparison that takes long is not begun again before twice its own time has passed.
    type: float
    default: 10
  types:
    description: Only events of these types.
    type: list
    elements: str
    default: []
  stacks:
    description: Only events of these stacks, by their full names; V(swarm_unreachable) and V(swarm_reachable) are always sent.
    type: list
    elements: str
    default: []
  hosts:
    description:
      - Names in the inventory by the names of nodes in the Swarm, where they differ. They are the hosts in RV(meta).
    type: dict
    default: {}
  initial:
    description:
      - Whether to send current problems at the start, for example a degraded service or a node that is down.
    type: bool
    default: true
  certificate_days:
    description: Send V(certificate_expiring) when the root certificate of the Swarm expires in fewer days than this.
    type: float
    default: 30
requirements:
  - Python >= 3.9 where ansible-rulebook runs
  - the Docker SDK for Python, only for V(tcp://) and V(ssh://) addresses
"""

EXAMPLES = r"""
- name: Tell of failed tasks
  hosts: swarm_managers
  sources:
    - name: What happens in the Swarm
      stackwright.swarm.swarm_events:
        managers:
          - tcp://10.0.0.5:2376
          - tcp://10.0.0.6:2376
        validate_certs: true
        interval: 5
  rules:
    - name: A task has failed
      condition: event.type == "task_failed"
      action:
        debug:
          msg: "{{ event.service }} on {{ event.node }}: {{ event.reason }}"
"""


def _source() -> Any:
    """The part of the collection that does the work.

    ansible-rulebook runs this file alone, without Ansible's loader of collections: the folder that the collection is
    installed in is found first, also where the package ``ansible`` has an ansible_collections of its own.
    """
    collections = Path(__file__).absolute().parents[6]
    if collections.name == "ansible_collections":
        sys.path.append(str(collections.parent))
        package = importlib.import_module("ansible_collections")
        if str(collections) != next(iter(package.__path__)):
            package.__path__ = [str(collections), *package.__path__]
    return importlib.import_module("ansible_collections.stackwright.swarm.plugins.plugin_utils.events.source")


async def main(queue: asyncio.Queue, args: Dict[str, Any]) -> None:
    """Puts events on ``queue`` until it is cancelled. Raises an error for options that are wrong."""
    await _source().watch(queue, args, logging.getLogger("stackwright.swarm.swarm_events"))
