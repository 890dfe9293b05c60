#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_prune
short_description: Remove unused objects from a node
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Removes unused images, stopped containers, the build cache and unused networks from one node, and anonymous volumes if asked for.
  - Keeps every image that the Swarm may need on this node. These are the images of services, of the specifications that Swarm would roll them back to, of
    tasks, and of each revision that a stack can be rolled back to. So a rollback works without the registry.
  - Never removes a named volume, a network of the Swarm, or a container of a Swarm task. Objects are removed one by one, and each is checked again just before.
  - Only a manager knows which images the Swarm needs. On a worker, give O(needed) from the result of a manager; without it no image is removed there.
    The playbook C(stackwright.swarm.prune) does this for all nodes, one after the other.
options:
  images:
    description:
      - V(unused) removes images that no container uses and the Swarm does not need here. V(dangling) removes only those without a name, V(none) none.
    type: str
    choices: [unused, dangling, none]
    default: unused
  keep_images:
    description:
      - More images to keep, by name with tag or digest, or by id.
    type: list
    elements: str
    default: []
  containers:
    description:
      - Remove containers that have ended or never started. Those of Swarm tasks are left to Swarm.
    type: bool
    default: true
  networks:
    description:
      - Remove networks that are local to this node and have no attached container, not even a stopped one.
    type: bool
    default: true
  build_cache:
    description:
      - Remove the parts of the build cache that are not in use.
    type: bool
    default: true
  volumes:
    description:
      - Remove anonymous volumes that no container uses, not even a stopped one. Their data is lost.
      - Engines before version 23 do not mark anonymous volumes. There, a local volume with a generated name, and without labels and options, counts as one.
    type: bool
    default: false
  older_than:
    description:
      - Hours since containers, networks and volumes were created, or parts of the build cache were last used. Younger ones are kept. Does not apply to images.
    type: int
    default: 24
  disk_threshold:
    description:
      - Do nothing unless the file system of the Engine's data is at least this full, in percent. With V(0), always clean up.
      - Needs the Engine's file system to be readable on the target.
    type: int
    default: 0
  needed:
    description:
      - The images that the Swarm needs, as RV(needed) of this module on a manager. A manager reads them itself.
    type: dict
extends_documentation_fragment:
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - A deployment that begins while a worker is cleaned up may need an image that RV(needed) does not have yet. Swarm then pulls it again.
seealso:
  - module: stackwright.swarm.stack_cleanup
"""

EXAMPLES = r"""
- name: Show the space that a manager could free
  stackwright.swarm.node_prune:
  check_mode: true
  diff: true

- name: Read which images the Swarm needs, on a manager
  stackwright.swarm.node_prune:
    images: none
    containers: false
    networks: false
    build_cache: false
  register: pruned

- name: Clean up a worker whose disk is nearly full
  stackwright.swarm.node_prune:
    disk_threshold: 80
    needed: "{{ hostvars['manager1'].pruned.needed }}"
"""

RETURN = r"""
node:
  description: The name of the node.
  returned: success
  type: str
  sample: manager1
removed:
  description: The objects that were removed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of object.
      type: str
      sample: image
    name:
      description: Its name.
      type: str
      sample: registry.example.com/shop/web:6
    id:
      description: Its id.
      type: str
      sample: sha256:2e0e3921702761e0491f81c75a944f0a079cb5cfc9f167c2a37089be55d3afff
    bytes:
      description: Its size in bytes, without the parts that it shares with other objects.
      type: int
      sample: 4206494
    node:
      description: The node that it was on.
      type: str
      sample: manager1
bytes:
  description: The sum of the sizes. Layers that only removed images share are not in it, so more may become free.
  returned: success
  type: int
  sample: 4206494
left:
  description: The objects that could not be removed, each with its RV(left[].reason). Run again later.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of object.
      type: str
      sample: image
    name:
      description: Its name.
      type: str
      sample: app:1
    node:
      description: The node that it is on.
      type: str
      sample: manager1
    reason:
      description: Why it is still there.
      type: str
      sample: a container uses it now
due:
  description: Whether the disk was at least as full as O(disk_threshold).
  returned: success
  type: bool
  sample: true
disk_percent:
  description: How full the file system of the Engine's data is, in percent; null if it can't be read on the target.
  returned: success
  type: dict
  contains:
    before:
      description: At the start.
      type: int
      sample: 83
    after:
      description: At the end; in check mode the same.
      type: int
      sample: 71
needed:
  description: The images that the Swarm needs, for O(needed) on workers. Null if they are not known.
  returned: success
  type: dict
  contains:
    cluster_id:
      description: The id of the Swarm.
      type: str
      sample: jrbs3yqvnxzq2fgtpy5njs0y6
    nodes:
      description: The ids of its nodes.
      type: list
      elements: str
      sample: [b1tk2gq3dsq2k0vbfzqbpa8d4]
    images:
      description: The ids of the nodes that may run each image.
      type: dict
      sample: {"nginx:1.27": ["b1tk2gq3dsq2k0vbfzqbpa8d4"]}
notices:
  description: The steps that were skipped, and why.
  returned: success
  type: list
  elements: str
  sample: []
calls:
  description: The number of calls to the Engine API.
  returned: success
  type: int
  sample: 12
error_code:
  description: A stable code of the error, for example V(wrong_swarm), V(no_disk) or V(revision_damaged).
  returned: failure
  type: str
  sample: wrong_swarm
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.node import prune_node
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.options import NODE_PRUNE


def main() -> None:
    run_module(NODE_PRUNE, prune_node)


if __name__ == "__main__":
    main()
