# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of events with their descriptions. The documentation of the event source has the same table."""

from __future__ import annotations

from typing import Dict

#: Kinds of objects whose creation, change and removal are events: the type's prefix by the path of the Engine's API.
KINDS: Dict[str, str] = {
    "services": "service",
    "nodes": "node",
    "networks": "network",
    "secrets": "secret",
    "configs": "config",
}

TYPES: Dict[str, str] = {
    "service_created": "A service was created.",
    "service_updated": "The specification of a service was changed; changed names the parts.",
    "service_removed": "A service was removed.",
    "service_degraded": (
        "A service runs with fewer tasks than it should, or its tasks fail; running and desired are counts."
    ),
    "service_healthy": "A service that was degraded is healthy again, or a job is complete.",
    "task_failed": "A task failed, was rejected by its node, or ended although it should run forever.",
    "update_completed": "A rolling update of a service is complete.",
    "update_paused": "Swarm paused a rolling update because its tasks fail.",
    "update_rolling_back": "Swarm has begun to roll back an update.",
    "update_rolled_back": "Swarm rolled an update back: the new specification does not run.",
    "rollback_paused": "Swarm paused a rollback because its tasks fail, too.",
    "stack_status": (
        "The status of a stack changed: status is HEALTHY, DEPLOYING, UNHEALTHY, FAILED or REMOVED, "
        "before is the previous one."
    ),
    "deployment_started": ("A recorded deployment of a stack began; revision is its number, operation what it does."),
    "deployment_ended": (
        "A recorded deployment ended; status is that of the history (HEALTHY, UNHEALTHY, FAILED, CANCELLED or REMOVED)."
    ),
    "lock_expired": (
        "The lock of a stack expired: the run that held it has died, and the stack may be partly changed."
    ),
    "node_joined": "A node joined the Swarm.",
    "node_down": "The managers lost a node.",
    "node_ready": "A lost node is back.",
    "node_updated": "The role, availability or labels of a node were changed; changed names them.",
    "node_removed": "A node was removed from the Swarm.",
    "manager_unreachable": "The other managers don't reach a manager.",
    "manager_reachable": "A manager that was unreachable is back.",
    "leader_changed": "Another manager leads the Swarm; node is the new leader.",
    "network_created": "A network of the Swarm was created.",
    "network_removed": "A network of the Swarm was removed.",
    "secret_created": "A secret was created.",
    "secret_updated": "The labels of a secret were changed.",
    "secret_removed": "A secret was removed.",
    "config_created": (
        "A config was created. No event is sent for configs and secrets of this collection "
        "(locks, revisions, kept values)."
    ),
    "config_updated": "The labels of a config were changed.",
    "config_removed": "A config was removed.",
    "certificate_expiring": "The root certificate of the Swarm expires soon; expires is when.",
    "swarm_unreachable": "No manager of the list answers.",
    "swarm_reachable": "A manager answers again.",
}
