# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between a running service and its spec in a revision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Dict, Iterator, List, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import (
    BY_HAND,
    CREATE,
    FILES,
    HEAL_OR_DEPLOY,
    LOST,
    NO_VALUES,
    RECORD,
    UPDATE,
    Context,
    Drift,
    seen,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import FOLLOWS_IMAGE, IMAGE, Change
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import (
    BEHIND,
    EDITED,
    FORCED,
    PAUSED,
    ROLLED_BACK,
    SCALED,
    VOLUME,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import without_digest
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prefixes import service_spelled_like
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import (
    QUIET,
    Known,
    runs_when_changed,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    BEFORE_STOP,
    HELD,
    labels_of,
    spellings,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.one_service import STUCK, held_label

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import NormalSpec, ServiceEntry

REPLICAS = "Mode.Replicated.Replicas"
MOUNTS = "TaskTemplate.ContainerSpec.Mounts."
FORCE = "TaskTemplate.ForceUpdate"
RUNS_AGAIN = "It is a job: restoring it runs it. Heal with rerun_jobs: true, or deploy the files."


def service_drift(
    service: ServiceEntry, live: Service, spec: ServiceSpec, known: Known, context: Context
) -> Iterator[Drift]:
    """Yields the drift of a running service from ``spec``; ``service`` is its entry in the revision."""
    want = normalise.service(service_spelled_like(spec, live["Spec"], context.prefix), known.names, known.api)
    have = normalise.service(live["Spec"], known.names)
    changes = differences(want, have)
    quiet = FOLLOWS_IMAGE if any(change.path == IMAGE for change in changes) else QUIET
    changes = tuple(change for change in changes if change.path not in quiet) or changes
    by_kind: Dict[str, List[Change]] = {}
    for change in changes:
        by_kind.setdefault(_kind(change.path, want, have, live, context.prefix), []).append(change)
    for kind, its in by_kind.items():
        drift = _drift_of(kind, service, tuple(its), live, context.what)
        yield seen(for_a_job(drift, spec, context), live)
    if _update_state(live) in STUCK:
        yield seen(_stuck(service, live, bool(changes)), live)
    for found in (_forced(service, live, context.what), _behind(service, live, context)):
        if found is not None:
            yield seen(found, live)


def for_a_job(drift: Drift, spec: ServiceSpec, context: Context) -> Drift:
    """Returns ``drift`` of a service with the desired ``spec``; a job is healed only if it may run again."""
    if context.rerun_jobs or drift.healing not in (UPDATE, CREATE) or not runs_when_changed(spec):
        return drift
    return replace(drift, healing=BY_HAND, hint=RUNS_AGAIN)


def rolled_back_to_it(service: ServiceEntry, live: Service, what: str) -> str:
    """Returns a notice if Swarm rolled back an update of a service without drift; else empty text."""
    if _update_state(live) != "rollback_completed":
        return ""
    return (
        f"service {service['key']}: Swarm rolled back an update ({_update_message(live)}); the service is as in {what}"
    )


def _kind(path: str, want: NormalSpec, have: NormalSpec, live: Service, prefix: str) -> str:
    ours = {f"Labels.{start}{word}": word for start in spellings(prefix) for word in (BEFORE_STOP, HELD)}
    if path == REPLICAS or ours.get(path) == BEFORE_STOP:
        return SCALED
    if ours.get(path) == HELD or (path.startswith("UpdateConfig") and held_label(labels_of(live), prefix)):
        return PAUSED
    if path.startswith(MOUNTS) and _is_volume(path[len(MOUNTS) :], want, have):
        return VOLUME
    return ROLLED_BACK if _update_state(live).startswith("rollback_") else EDITED


def _drift_of(kind: str, service: ServiceEntry, changes: Tuple[Change, ...], live: Service, what: str) -> Drift:
    reason, hint = {
        EDITED: (f"its specification differs from {what}", HEAL_OR_DEPLOY),
        SCALED: (
            f"its number of replicas differs from {what}",
            "Heal, or put the number into the files; if an autoscaler sets it, ignore it.",
        ),
        VOLUME: (
            f"its volumes differ from {what}",
            "Check which volume has the data before you heal: data written to one volume is not in the other.",
        ),
        PAUSED: ("its update is paused (stack_service, state: paused)", "Heal, or stack_service with state: resumed."),
        ROLLED_BACK: (
            f"Swarm rolled it back to the previous specification: {_update_message(live)}",
            "Find the cause (stack_logs, stack_health), then heal, or deploy what is running.",
        ),
    }[kind]
    healing = UPDATE
    if any(change.path.partition(".")[0] == "Mode" and change.path != REPLICAS for change in changes):
        hint = "Swarm can't change the mode of a service: heal with recreate: true, or deploy the files."
    if any(LOST in str(change.before) for change in changes):
        healing = FILES
        hint = NO_VALUES
    return Drift(kind, "service", service["name"], service["key"], reason, hint, changes, healing)


def _stuck(service: ServiceEntry, live: Service, differs: bool) -> Drift:
    job = runs_when_changed(live["Spec"])  # an update would run it again
    return Drift(
        PAUSED,
        "service",
        service["name"],
        service["key"],
        f"Swarm stopped its update: {_update_message(live)}",
        "Some tasks may still run the old version. Find the cause (stack_health), then heal: Swarm continues the "
        "update.",
        (),
        BY_HAND if job and not differs else UPDATE,
    )


def _forced(service: ServiceEntry, live: Service, what: str) -> Optional[Drift]:
    before, now = service.get("forced"), int(live["Spec"]["TaskTemplate"].get("ForceUpdate") or 0)
    if before is None or now <= before:
        return None
    return Drift(
        FORCED,
        "service",
        service["name"],
        service["key"],
        f"its tasks were force-updated since {what}",
        "There is nothing to restore: the tasks run the same specification. Healing records it in the history.",
        (Change(FORCE, before, now),),
        RECORD,
    )


def _behind(service: ServiceEntry, live: Service, context: Context) -> Optional[Drift]:
    image = str((live["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("Image") or "")
    now = str((context.answers.get(without_digest(image)) or {}).get("image") or "")
    if not now or now == image or "@" not in image:
        return None
    return Drift(
        BEHIND,
        "service",
        service["name"],
        service["key"],
        f"the registry now has another image for {without_digest(image)}",
        "Deploy the files with resolve_image: always to get it. Healing keeps the deployed image.",
        (Change(IMAGE, now, image),),
        FILES,
    )


def _is_volume(rest: str, want: NormalSpec, have: NormalSpec) -> bool:
    """Whether the mount at the beginning of ``rest`` is a volume, in one of both forms."""
    for side in (want, have):
        for target, mount in ((side["TaskTemplate"].get("ContainerSpec") or {}).get("Mounts") or {}).items():
            if (rest == target or rest.startswith(target + ".")) and mount.get("Type") == "volume":
                return True
    return False


def _update_state(service: Service) -> str:
    return str((service.get("UpdateStatus") or {}).get("State") or "")


def _update_message(service: Service) -> str:
    status = service.get("UpdateStatus") or {}
    when = str(status.get("CompletedAt") or status.get("StartedAt") or "")[:19]
    text = str(status.get("Message") or "").partition("\n")[0] or "no reason given"
    return f"{text}, {when}Z" if when else text
