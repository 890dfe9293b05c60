#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_copy
short_description: Copy a local volume of a node to a new volume
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Takes a snapshot of a local volume, as M(stackwright.swarm.volume_snapshot) does, and restores it to another volume of the same node, as
    M(stackwright.swarm.volume_restore) does. The snapshot is removed when the copy is complete.
  - The volume is copied once. Labels of the new volume name its source. A later run changes nothing, even if data was written to either volume since.
  - The playbook C(stackwright.swarm.environment) uses it to give data to a clone.
options:
  volume:
    description: The volume to copy, by its name in Docker. Required for O(state=present). It is only read.
    type: str
  to:
    description: The new volume, by its name in Docker.
    type: str
    required: true
  state:
    description:
      - V(present) creates the copy, or completes one that was interrupted.
      - V(absent) removes the snapshot and the incomplete volume of an interrupted copy, and starts the services that it had stopped. A complete copy stays.
    type: str
    choices: [present, absent]
    default: present
  dest:
    description: A folder on the node for the snapshot. It needs room for one archive of the volume, and is readable for its owner only.
    type: path
    default: /var/lib/stackwright/copies
  refresh:
    description:
      - Copy again, and replace the data of O(to).
    type: bool
    default: false
  labels:
    description: Labels that the new volume gets.
    type: dict
    default: {}
  quiesce:
    description:
      - What happens to the services that use O(volume) while it is read, as O(stackwright.swarm.volume_snapshot#module:quiesce).
    type: str
    choices: [stop, pause, command, none]
    default: stop
  command:
    description: The command for O(quiesce=command), as a list of arguments.
    type: list
    elements: str
    default: []
  wait_timeout:
    description: Seconds for services to stop and to be healthy again, and for O(command).
    type: int
    default: 300
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Fails if a real run would refuse the copy. It stops nothing and does not read O(volume).
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - The module refuses a volume O(to) that a task uses. It also refuses one with other data, unless O(refresh) is set.
seealso:
  - module: stackwright.swarm.volume_snapshot
  - module: stackwright.swarm.volume_restore
"""

EXAMPLES = r"""
- name: Copy a volume, and pause its service during the copy
  stackwright.swarm.volume_copy:
    volume: shop_data
    to: shop_data-copy
    quiesce: pause
    labels:
      com.docker.stack.namespace: shop
"""

RETURN = r"""
node:
  description: The name of the node.
  returned: success
  type: str
  sample: worker1
node_id:
  description: The id of the node in the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
stopped:
  description: The services that were stopped, and started again.
  returned: success
  type: list
  elements: str
  sample: [shop_db]
calls:
  description: The number of calls to the Engine API.
  returned: success
  type: int
  sample: 41
error_code:
  description:
    - A stable code of the error. V(no_volume), V(volume_in_use), V(volume_not_empty), V(volume_not_local), V(cannot_stop), V(not_a_manager),
      V(command_failed), V(timeout), V(restore_failed), V(snapshot_busy), V(snapshot_unwritable), V(disk_full), V(invalid_options), and the codes of
      the connection.
  returned: failure
  type: str
  sample: volume_in_use
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.volumes import COPY, copy_volume


def main() -> None:
    run_module(COPY, copy_volume)


if __name__ == "__main__":
    main()
