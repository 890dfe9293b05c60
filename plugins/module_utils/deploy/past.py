# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the history says of stacks, for people."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.history import histories
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import statistics


def past_of(client: EngineClient, stack: Optional[str]) -> Dict[str, Dict[str, Any]]:
    """Of one stack or all with a history: ``revisions`` (newest first), ``deployments`` (statistics), ``owner``."""
    return {
        name: {
            "revisions": [revision.shown() for revision in revisions],
            "deployments": statistics(revisions),
            "owner": next((revision.owner for revision in revisions if revision.owner and revision.started), ""),
        }
        for name, revisions in histories(client, stack).items()
    }
