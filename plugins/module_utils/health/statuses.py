# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statuses of services and which is the worst."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import is_ready

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Service, ServiceSpec

ASLEEP, COMPLETE, HEALTHY = "asleep", "complete", "healthy"
PROGRESSING, DEGRADED, FAILED, UNKNOWN = "progressing", "degraded", "failed", "unknown"
#: From best to worst; the first three are all as they should be.
ORDER = (ASLEEP, COMPLETE, HEALTHY, PROGRESSING, DEGRADED, FAILED, UNKNOWN)
GOOD = (ASLEEP, COMPLETE, HEALTHY)
#: An update that is in one of these states moves nothing any more.
ENDED = ("", "completed", "rollback_completed")


class Judgement(NamedTuple):
    """How one service does. ``fatal`` tells why it can't become healthy by itself, or is empty.

    ``unplaced`` tells why no node takes a task of it, ``lost`` which lost node is to blame; both empty otherwise.
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
        """Plain data for the result."""
        return {
            "name": self.name,
            "status": self.status,
            "mode": self.mode,
            "desired": self.desired,
            "running": self.running,
            "message": self.fatal or self.message,
        }


def warnings_of(judgements: Iterable[Judgement]) -> List[str]:
    """A sentence for each service that is not healthy, for cases in which the task must not fail."""
    return [
        f"{found.name} {'runs with fewer tasks than it should' if found.running else 'does not run'} "
        f"({found.running}/{found.desired}): {_reason(found)}."
        for found in judgements
        # While Swarm watches an update all is there.
        if found.status not in GOOD and not (found.status == PROGRESSING and found.running >= found.desired)
    ]


def _reason(found: Judgement) -> str:
    said = found.fatal or found.message
    return said if not found.lost or found.lost in said else "; ".join(filter(None, (said, found.lost)))


def worst(statuses: Iterable[str]) -> str:
    """The worst of ``statuses``; all asleep is asleep, a mixture of good ones healthy, none at all unknown."""
    found = set(statuses)
    if not found:
        return UNKNOWN
    top = max(found, key=ORDER.index)
    return HEALTHY if top in GOOD and len(found) > 1 else top


def mode_of(spec: ServiceSpec) -> str:
    """The mode in Compose's words."""
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
    """The replicas of a replicated service, the completions of a job."""
    mode = spec.get("Mode") or {}
    if mode.get("ReplicatedJob") is not None:
        job = mode["ReplicatedJob"]
        return int(job.get("TotalCompletions", job.get("MaxConcurrent", 1)))
    return int((mode.get("Replicated") or {}).get("Replicas", 1))


def update_state(service: Service) -> str:
    """The state of the latest update, empty if there was none."""
    return str((service.get("UpdateStatus") or {}).get("State") or "")


def at_a_glance(service: Service, nodes: Iterable[Node] = ()) -> Optional[Judgement]:
    """The judgement by the Engine's own counts (API 1.41), if they leave no question; otherwise None.

    The Engine goes on counting a task as running whose node is lost: while one of ``nodes`` is not ready, the tasks
    have to be looked at. A job's task that is complete is so wherever it was.
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
