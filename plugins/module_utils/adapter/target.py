# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources of a module on its target: the Engine, and a folder of this user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import connection_options
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient


def client_of(module: AnsibleModule) -> EngineClient:
    """A client of the Engine that the options name. Raises EngineError if they are invalid."""
    # Not needed by a run that only polls another one.
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient

    return EngineClient(connection_of(module))


def connection_of(module: AnsibleModule) -> Connection:
    """The connection to that Engine. Raises EngineError if the options are invalid."""
    return Connection(**connection_options(module.params, os.environ, _text_of))


def folder_of(module: AnsibleModule) -> str:
    """The folder of this user, in Ansible's own one on the target, which may be one for all users."""
    base = str(getattr(module, "_remote_tmp", None) or "~/.ansible/tmp")
    return os.path.join(os.path.expanduser(os.path.expandvars(base)), f"stackwright-{os.geteuid()}")


def _text_of(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except OSError:
        return None
