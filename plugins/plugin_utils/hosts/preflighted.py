# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures of stack_preflight in this run: they also stop a deployment by another host of the cluster.

Ansible continues with the hosts that have not failed. If it runs few hosts at a time, some pass their preflight before
the one that fails has begun.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

PREFIX = "stackwright-preflight-"


def note(folder: str, host: str, cluster: str, stack: str, error_code: str, by: str = "") -> None:
    """Remembers the result of the latest preflight of ``stack`` ("" for no stack) on ``host``; no code means success.

    :param folder: a folder that all hosts of the run share and that is removed with the run.
    :param by: the host whose result has the reason, if it is another one.
    """
    name = hashlib.sha256(json.dumps([host, cluster, stack]).encode()).hexdigest()[:32]
    path = os.path.join(folder, PREFIX + name)
    if not error_code:
        with suppress(FileNotFoundError):
            os.remove(path)
        return
    with open(f"{path}.new", "w", encoding="utf-8") as handle:
        noted = {"host": host, "cluster": cluster, "stack": stack, "error_code": error_code, "by": by or host}
        json.dump(noted, handle)
    os.rename(f"{path}.new", path)


def stopped(folder: str, stack: str, variables: Variables) -> Dict[str, StackwrightError]:
    """Returns the errors that stop a stack, by the id of the cluster: failed preflights of hosts that left the play.

    A failure that the play has ignored or rescued stops nothing.
    """
    out = set(variables.get("ansible_play_hosts_all") or ()) - set(variables.get("ansible_play_hosts") or ())
    found = {}
    for name in sorted(os.listdir(folder)) if out else ():
        if not name.startswith(PREFIX) or name.endswith(".new"):
            continue
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as handle:
                noted = json.load(handle)
        except FileNotFoundError:  # its host has passed another preflight at this moment (strategy free)
            continue
        if noted["host"] in out and noted["stack"] in ("", stack):
            found[noted["cluster"]] = StackwrightError(
                f"Nothing was changed for the stack {stack}: its preflight failed on {noted['by']}, a host of the "
                f"same Swarm. The result of {noted['by']} lists the failed checks.",
                error_code=noted["error_code"],
            )
    return found
