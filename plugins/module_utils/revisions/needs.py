# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that a stack's history still needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import kept_references
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import OPEN, REMOVED
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.cleanup import mounted

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Snapshot

#: More revisions than a stack can have.
ALL = 1_000_000


def needs_of(client: EngineClient, stack: str) -> Dict[str, Set[str]]:
    """Returns by kind the names of networks, configs, secrets and volumes that possible rollbacks need.

    Raises DeployError (``revision_damaged``) if a revision can't be read, so its needs are unknown; EngineError.
    """
    revisions = History(client, None, stack).read()
    removed = max((revision.number for revision in revisions if revision.status == REMOVED), default=0)
    kept = kept_references(revisions, ALL)
    needed: Dict[str, Set[str]] = {kind: set(names) for kind, names in kept.items()}
    needed.update(network=set(), volume=set())
    for revision in revisions:
        if revision.number <= removed or not (revision.good or revision.damaged or revision.status in OPEN):
            continue
        try:
            snapshot: Snapshot = {} if revision.damaged or not revision.packed else unpack(revision.packed)
        except StackwrightError:
            snapshot = {}
        if not snapshot and revision.status in OPEN and not revision.damaged:
            continue  # it waits for the lock
        if not snapshot:
            raise DeployError(
                f"Revision {revision.number} of the stack {stack} is damaged: the objects that it needs are unknown.",
                "revision_damaged",
                "Remove its record (the Docker config with this number at the end of its name). Nothing was changed.",
            )
        needed["network"] |= {str(entry["name"]) for entry in snapshot.get("networks") or []}
        for service in snapshot.get("services") or []:
            container = (service["spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}
            needed["volume"] |= {name for name, _stack in mounted(container)}
    return needed
