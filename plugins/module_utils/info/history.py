# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of stacks, in readable form."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import statistics
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import histories


def past_of(client: EngineClient, stack: Optional[str], files: bool = False) -> Dict[str, Dict[str, Any]]:
    """Of one stack or all with a history: ``revisions`` (newest first), ``deployments`` (statistics), ``owner``.

    With ``files`` the Compose files of a revision have their text, where it was kept.
    """
    return {
        name: {
            "revisions": [{**revision.shown(), **(_texts(revision) if files else {})} for revision in revisions],
            "deployments": statistics(revisions),
            "owner": next((revision.owner for revision in revisions if revision.owner and revision.started), ""),
        }
        for name, revisions in histories(client, stack).items()
    }


def _texts(revision: Revision) -> Dict[str, Any]:
    """``files`` with their text, where the snapshot has it and can be read."""
    with suppress(StackwrightError):
        kept = unpack(revision.packed).get("sources") if revision.packed and not revision.damaged else None
        return {"files": kept["files"]} if kept else {}
    return {}
