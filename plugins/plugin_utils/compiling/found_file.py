# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a file of a task on the controller."""

from __future__ import annotations

import os

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase


def found_file(action: ActionBase, path: str) -> str:
    """Returns the path of a file of the task on the controller. Searches the same places as Ansible's own modules.

    Then it searches the current folder, because for a playbook of this collection all of these are in the collection.

    :raises AnsibleError: the file doesn't exist; the text lists the places.
    """
    try:
        return str(action._find_needle("files", path))
    except AnsibleError:
        if os.path.exists(path):
            return os.path.abspath(path)
        raise
