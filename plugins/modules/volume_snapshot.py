#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_snapshot
short_description: Take snapshots of local volumes of a node
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Copies local volumes to tar archives in a folder on the node, with a checksum and a description of each. M(stackwright.swarm.volume_restore) restores them.
  - The copy goes through the Engine's archive interface of a container that is created, never started, and removed at the end. It uses an image that the node
    already has, or an empty one. Nothing is pulled, and no process runs in it.
  - Run it on the node that has the volumes. The archives are readable for their owner only (mode 0600 in a folder of mode 0700). They are not encrypted.
  - If the content equals the newest snapshot, no second one is kept, and the task is unchanged.
options:
  name:
    description:
      - The name of a stack in the Swarm. Without O(volumes), all of its volumes on this node.
    type: str
  volumes:
    description:
      - The volumes, by their names in Docker; with O(name), by their names in the Compose file as well.
    type: list
    elements: str
    default: []
  dest:
    description:
      - A folder on the node. Each volume gets a folder in it.
    type: path
    required: true
  snapshot:
    description:
      - The id of the snapshot. If the volume has one with this id, the task changes nothing. By default an id with the time.
    type: str
  quiesce:
    description:
      - V(stop) scales the services that use the volumes to 0, and back after the copy. The Engine must be
        a manager's. On a worker, scale them to 0 with M(stackwright.swarm.stack_service) first. It does not work for global services.
        Standalone containers are stopped and started.
      - V(pause) pauses the containers on this node. Their files are those of one moment, but an application may have to recover from them. A health check fails
        in a paused container, so use it for small volumes.
      - V(command) runs O(command) in each running container first, for example one that writes a dump into the volume.
      - V(none) copies while everything runs. The snapshot is labeled V(crash-consistent), and a database may be unable to use it.
        If nothing uses the volume, it is labeled V(stopped).
    type: str
    choices: [stop, pause, command, none]
    default: stop
  command:
    description:
      - The command for O(quiesce=command), as a list of arguments. It must end with exit code 0. It is not stored.
    type: list
    elements: str
    default: []
  keep:
    description:
      - How many snapshots of each volume to keep. Older ones are removed after the new one is complete. V(0) removes none.
    type: int
    default: 7
  labels:
    description:
      - Labels for the description of the snapshot.
    type: dict
    default: {}
  wait_timeout:
    description:
      - Seconds for services to stop and to be healthy again, and for O(command).
    type: int
    default: 300
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Reads the volumes as they are, and stops nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - The Engine copies names, owners, modes, links, times in seconds and content. It leaves out sockets, and extended attributes other than capabilities.
  - If a run is killed, the next run on the same O(dest) starts the services and containers that it had stopped.
seealso:
  - module: stackwright.swarm.volume_restore
"""

EXAMPLES = r"""
- name: Take a snapshot of a volume of the shop, and stop its service during the copy
  stackwright.swarm.volume_snapshot:
    name: shop
    volumes: [data]
    dest: /srv/volumes

- name: Take a snapshot of all volumes of the shop before a release, without a pause
  stackwright.swarm.volume_snapshot:
    name: shop
    dest: /srv/volumes
    snapshot: before-release-7
    quiesce: none
    labels:
      release: "7"

- name: Dump a database into its volume, then take a snapshot
  stackwright.swarm.volume_snapshot:
    name: shop
    volumes: [data]
    dest: /srv/volumes
    quiesce: command
    command: [sh, -c, "date > /data/dump.sql"]
    keep: 14
"""

RETURN = r"""
node:
  description: The name of the node.
  returned: success
  type: str
  sample: worker1
snapshots:
  description: The snapshots of the volumes, one for each.
  returned: success
  type: list
  elements: dict
  contains:
    volume: {description: The volume., type: str, sample: shop_data}
    id:
      description: Its id, for M(stackwright.swarm.volume_restore). Null in check mode, if it would be a new one.
      type: str
      sample: 20261129T233000Z-5f0a1c
    taken: {description: When it was taken (UTC). Null in check mode as well., type: str, sample: "2026-11-29T23:30:00.123Z"}
    consistency:
      description: V(stopped), V(paused), V(command) or V(crash-consistent).
      type: str
      sample: stopped
    labels: {description: Its labels., type: dict, sample: {}}
    new: {description: Whether this run has taken it., type: bool, sample: true}
    entries: {description: The number of files and folders in it., type: int, sample: 973}
    bytes: {description: The size of its archive., type: int, sample: 41287680}
    sha256: {description: The checksum of its archive., type: str, sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
removed:
  description: Older snapshots that were removed.
  returned: success
  type: list
  elements: str
  sample: [shop_data/20261122T233000Z-1c2b3a]
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
  sample: 18
error_code:
  description:
    - A stable code of the error. V(no_volume), V(volume_not_local), V(not_a_manager), V(cannot_stop), V(command_failed), V(timeout),
      V(restore_unfinished), V(snapshot_busy), V(snapshot_damaged), V(snapshot_unwritable), V(disk_full), V(invalid_options), and the codes of the connection.
  returned: failure
  type: str
  sample: volume_not_local
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.volumes import SNAPSHOT, snapshot_volumes


def main() -> None:
    run_module(SNAPSHOT, snapshot_volumes)


if __name__ == "__main__":
    main()
