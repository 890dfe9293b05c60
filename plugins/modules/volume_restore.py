#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_restore
short_description: Restore a local volume of a node from a snapshot
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Restores a snapshot of M(stackwright.swarm.volume_snapshot) to its volume. Data that was written since the snapshot is no longer in the volume.
  - A snapshot is read and compared with its checksum first. A damaged one is refused before anything is changed.
  - The previous content of the volume is kept as a separate snapshot (RV(before)), until the next restore of this volume has succeeded. If the restore fails,
    the previous content is restored.
  - The volume is removed and created again with its labels, and filled. Then it is read, and compared with the snapshot.
  - A volume that does not exist is created. So a copy of the folder on another node restores the volume there.
options:
  name:
    description:
      - The name of the stack in the Swarm, if O(volume) is a name of its Compose file.
    type: str
  volume:
    description:
      - The volume, by its name in Docker; with O(name), by its name in the Compose file as well.
    type: str
    required: true
  src:
    description:
      - The folder on the node with the snapshots, as O(stackwright.swarm.volume_snapshot#module:dest).
    type: path
    required: true
  snapshot:
    description:
      - The id of the snapshot, or V(latest). RV(before) of an earlier run is such an id as well.
    type: str
    default: latest
  quiesce:
    description:
      - V(none) refuses to restore a volume that a running or starting task uses.
      - V(stop) scales the services that use it to 0, and back afterwards. The Engine must be a manager's. On a worker, scale them to 0
        with M(stackwright.swarm.stack_service) first.
    type: str
    choices: [stop, none]
    default: none
  wait_timeout:
    description:
      - Seconds for services to stop, and to be healthy again.
    type: int
    default: 300
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Verifies the snapshot, and reads the volume as it is.
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - If a run is killed, run it again. Until then M(stackwright.swarm.volume_snapshot) refuses the volume, and services that O(quiesce=stop) has stopped stay
    stopped.
  - Stopped containers of tasks that have the volume are removed, with their logs.
seealso:
  - module: stackwright.swarm.volume_snapshot
"""

EXAMPLES = r"""
- name: Take a snapshot before a release
  stackwright.swarm.volume_snapshot:
    name: shop
    volumes: [data]
    dest: /srv/volumes
    snapshot: before-release-7

- name: Restore the newest snapshot of a volume, and stop its service during the restore
  stackwright.swarm.volume_restore:
    name: shop
    volume: data
    src: /srv/volumes
    quiesce: stop

- name: See whether a snapshot is undamaged, and differs from the volume
  stackwright.swarm.volume_restore:
    volume: shop_data
    src: /srv/volumes
    snapshot: before-release-7
    quiesce: stop
  check_mode: true
"""

RETURN = r"""
node:
  description: The name of the node.
  returned: success
  type: str
  sample: worker1
snapshot:
  description: The restored snapshot.
  returned: success
  type: dict
  contains:
    volume: {description: The volume., type: str, sample: shop_data}
    id: {description: Its id., type: str, sample: 20261129T233000Z-5f0a1c}
    taken: {description: When it was taken (UTC)., type: str, sample: "2026-11-29T23:30:00.123Z"}
    consistency:
      description: V(stopped), V(paused), V(command) or V(crash-consistent).
      type: str
      sample: stopped
    labels: {description: Its labels., type: dict, sample: {}}
    new: {description: Always V(false)., type: bool, sample: false}
    entries: {description: The number of files and folders in it., type: int, sample: 973}
    bytes: {description: The size of its archive., type: int, sample: 41287680}
    sha256: {description: The checksum of its archive., type: str, sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
before:
  description: The id of a snapshot with the previous content of the volume. Null if nothing was changed, or the volume did not exist.
  returned: success
  type: str
  sample: 20261130T081500Z-77aa01
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
  sample: 25
error_code:
  description:
    - A stable code of the error. V(no_snapshot), V(snapshot_damaged), V(volume_in_use), V(volume_not_local), V(restore_failed), V(cannot_stop),
      V(not_a_manager), V(timeout), V(snapshot_busy), V(snapshot_unwritable), V(disk_full), V(invalid_options), and the codes of the connection.
  returned: failure
  type: str
  sample: volume_in_use
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.volumes import RESTORE, restore_volume


def main() -> None:
    run_module(RESTORE, restore_volume)


if __name__ == "__main__":
    main()
