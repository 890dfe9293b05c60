# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a file of a task is on the controller."""

from __future__ import annotations

import os

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase


def found_file(action: ActionBase, path: str) -> str:
    """The path of a file of the task on the controller, searched for as Ansible's own modules do.

    Last in the current folder: for a playbook of this collection, Ansible's places are all in the collection.

    :raises AnsibleError: there is none; its text lists the places.
    """
    try:
        return str(action._find_needle("files", path))
    except AnsibleError:
        if os.path.exists(path):
            return os.path.abspath(path)
        raise
