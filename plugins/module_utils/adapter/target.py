# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources of a module on its target: the Engine, and this user's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import connection_options
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient


def client_of(module: AnsibleModule) -> EngineClient:
    """Returns a client of the Engine in the options. Raises EngineError if they are invalid."""
    # Imported here: a run that only polls a detached process does not need it.
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient

    return EngineClient(connection_of(module))


def connection_of(module: AnsibleModule) -> Connection:
    """Returns the connection in the options. Raises EngineError if they are invalid."""
    return Connection(**connection_options(module.params, os.environ, _text_of))


def folder_of(module: AnsibleModule) -> str:
    """Returns this user's folder in Ansible's remote_tmp, which users may share."""
    base = str(getattr(module, "_remote_tmp", None) or "~/.ansible/tmp")
    return os.path.join(os.path.expanduser(os.path.expandvars(base)), f"stackwright-{os.geteuid()}")


def _text_of(path: str) -> Any:
    try:
        # A certificate may have comments in any encoding.
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return None
