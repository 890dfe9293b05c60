# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of swarm_raft on a manager. The archive is encrypted between manager and controller."""

from __future__ import annotations

import os
from typing import Any, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.raft_options import SAVED
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import NONCE, seal


def raft_data(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """Packs or restores the raft data. Raises StackwrightError (``usage``, and errors of enrolling/raft.py)."""
    run = params[COMPILED]
    if not run:
        raise StackwrightError(
            "swarm_raft was run without its action plugin, which keeps the backup on the controller.",
            "usage",
            "Run it as the task stackwright.swarm.swarm_raft, not by the path of the module file.",
        )
    from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling import raft
    from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling.stopped import Commands

    commands = Commands(params["stop_command"], params["start_command"], float(params["wait_timeout"]))
    if params["state"] == SAVED:
        if check or run.get("look"):
            return {"changed": check, **raft.look(client, params["downtime"])}
        found = raft.save(client, SystemClock(), params["downtime"], commands)
        sealed = seal(run["key"], os.urandom(NONCE), found.pop("archive"))
        return {"changed": True, **found, "sealed_values": sealed}
    if check:
        return {"changed": raft.fits(client, run["facts"])}
    keys = [params["unlock_key"]] if params["unlock_key"] else []
    return raft.restore(client, SystemClock(), run["facts"], run["archive"], keys, commands)
