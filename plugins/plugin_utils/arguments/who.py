# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user who requests a change."""

from __future__ import annotations

import getpass
import os
import platform
from typing import Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import plain_text


def who_asks(variables: Mapping[str, object]) -> str:
    """Returns the user who requests the change, for the history: AWX's user, or the user and host that run the play."""
    for name in ("awx_user_name", "tower_user_name"):
        if variables.get(name):
            return plain_text(str(variables[name]), lines=False)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id without a name
        user = str(os.getuid())
    return plain_text(f"{user}@{platform.node()}", lines=False)
