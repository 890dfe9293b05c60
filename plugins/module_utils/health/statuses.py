# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statuses of services, and the worst of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import is_ready

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Service, ServiceSpec

ASLEEP, COMPLETE, HEALTHY = "asleep", "complete", "healthy"
PROGRESSING, DEGRADED, FAILED, UNKNOWN = "progressing", "degraded", "failed", "unknown"
#: From best to worst; the first three are good.
ORDER = (ASLEEP, COMPLETE, HEALTHY, PROGRESSING, DEGRADED, FAILED, UNKNOWN)
GOOD = (ASLEEP, COMPLETE, HEALTHY)
#: States of an update that has ended.
ENDED = ("", "completed", "rollback_completed")


class Judgement(NamedTuple):
    """The health of one service. ``fatal`` is why it can't become healthy without a change, else empty.

    ``unplaced`` is why no node takes one of its tasks, ``lost`` which lost node is the cause; else empty.
    """

    name: str
    status: str
    mode: str
    desired: int
    running: int
    message: str = ""
    fatal: str = ""
    unplaced: str = ""
    lost: str = ""

    def as_dict(self) -> Dict[str, Any]:
        """Returns plain data for the result."""
        return {
            "name": self.name,
            "status": self.status,
            "mode": self.mode,
            "desired": self.desired,
            "running": self.running,
            "message": self.fatal or self.message,
        }


def warnings_of(judgements: Iterable[Judgement]) -> List[str]:
    """Returns a sentence for each service that is not healthy, for tasks that don't fail because of it."""
    return [
        f"{found.name} {'runs with fewer tasks than it should' if found.running else 'does not run'} "
        f"({found.running}/{found.desired}): {_reason(found)}."
        for found in judgements
        # While Swarm monitors an update, no task is missing.
        if found.status not in GOOD and not (found.status == PROGRESSING and found.running >= found.desired)
    ]


def _reason(found: Judgement) -> str:
    reason = found.fatal or found.message
    return reason if not found.lost or found.lost in reason else "; ".join(filter(None, (reason, found.lost)))


def worst(statuses: Iterable[str]) -> str:
    """Returns the worst of ``statuses``; different good ones are healthy, none at all is unknown."""
    found = set(statuses)
    if not found:
        return UNKNOWN
    top = max(found, key=ORDER.index)
    return HEALTHY if top in GOOD and len(found) > 1 else top


def mode_of(spec: ServiceSpec) -> str:
    """Returns the mode as in Compose."""
    mode = spec.get("Mode") or {}
    for key, word in MODES:
        if mode.get(key) is not None:
            return word
    return "replicated"


MODES = (
    ("Replicated", "replicated"),
    ("Global", "global"),
    ("ReplicatedJob", "replicated-job"),
    ("GlobalJob", "global-job"),
)


def replicas_of(spec: ServiceSpec) -> int:
    """Returns the replicas of a replicated service, or the completions of a job."""
    mode = spec.get("Mode") or {}
    if mode.get("ReplicatedJob") is not None:
        job = mode["ReplicatedJob"]
        return int(job.get("TotalCompletions", job.get("MaxConcurrent", 1)))
    return int((mode.get("Replicated") or {}).get("Replicas", 1))


def update_state(service: Service) -> str:
    """Returns the state of the latest update, empty if there was none."""
    return str((service.get("UpdateStatus") or {}).get("State") or "")


def at_a_glance(service: Service, nodes: Iterable[Node] = ()) -> Optional[Judgement]:
    """Returns the judgement by the Engine's own counts (API 1.41) if they are conclusive, else None.

    The Engine counts tasks on lost nodes as running, so the counts prove nothing while one of ``nodes`` is not ready.
    Completed tasks of a job count on every node.
    """
    counts = service.get("ServiceStatus")
    spec = service["Spec"]
    mode = mode_of(spec)
    if counts is None or update_state(service) not in ENDED:
        return None
    running, desired = int(counts.get("RunningTasks") or 0), int(counts.get("DesiredTasks") or 0)
    if not mode.endswith("job") and not all(map(is_ready, nodes)):
        return None
    if mode == "replicated":
        desired = replicas_of(spec)
        if running != desired:
            return None
        return Judgement(spec["Name"], HEALTHY if desired else ASLEEP, mode, desired, running)
    if mode == "global" and desired and running == desired:
        return Judgement(spec["Name"], HEALTHY, mode, desired, running)
    if mode == "replicated-job" and int(counts.get("CompletedTasks") or 0) >= replicas_of(spec):
        desired = replicas_of(spec)
        return Judgement(spec["Name"], COMPLETE if desired else ASLEEP, mode, desired, running)
    return None
