#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: file_fetch
short_description: Fetch a large file from a host, in parts
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Copies a file of a host to the controller, like M(ansible.builtin.fetch). With C(become), that module reads the whole file into the memory of both
    hosts, and C(-vvv) shows its content. This one reads part by part, and never shows the content.
  - Without C(become), the connection transfers the file, for example by SFTP.
  - The playbooks of this collection use it for snapshots and bundles.
options:
  src:
    description: The file on the host.
    type: str
    required: true
  dest:
    description:
      - The file on the controller. A relative path starts at the folder of the playbook. Only the user of the play can access the file and its new folder
        (V(0600), V(0700)).
      - The new content is written to a file beside it that ends with V(.part). An existing file is kept until the new one is complete.
    type: path
    required: true
  part_size:
    description: The size of a part in MiB, V(1) to V(64). A part takes about ten times as much memory on the controller. Used with C(become).
    type: int
    default: 4
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
    support: full
    details: An existing file with the same SHA-256 is kept.
notes:
  - The Engine is not used. Its options exist so that all modules accept the same C(module_defaults).
  - With C(become), the host needs C(dd) and C(base64), which every Linux distribution has.
seealso:
  - module: ansible.builtin.fetch
  - module: stackwright.swarm.volume_snapshot
"""

EXAMPLES = r"""
- name: Take a snapshot of a volume
  stackwright.swarm.volume_snapshot:
    name: shop
    volumes: [data]
    dest: /srv/volumes
  register: taken

- name: Fetch its archive
  stackwright.swarm.file_fetch:
    src: /srv/volumes/{{ taken.snapshots[0].volume }}/{{ taken.snapshots[0].id }}.tar
    dest: archive/{{ taken.snapshots[0].volume }}.tar
"""

RETURN = r"""
dest:
  description: The file on the controller.
  returned: success
  type: str
  sample: /srv/plays/archive/shop_data.tar
size:
  description: The size of the file in bytes.
  returned: success
  type: int
  sample: 10737418240
error_code:
  description:
    - A stable code of the error. V(file_missing), V(file_unreadable), V(file_changed), V(file_not_written) or V(invalid_options).
  returned: failure
  type: str
  sample: file_missing
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_on_controller
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import FETCH


def main() -> None:
    run_on_controller("file_fetch", {**FETCH, **CONNECTION})


if __name__ == "__main__":
    main()
