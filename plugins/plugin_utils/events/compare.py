# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From two snapshots to events. Pure.

Every event is a difference between the last reported and the current state. The Engine's event stream only shows which
objects to read. So no change is reported twice, and a gap in the stream loses no lasting change.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import DEGRADED, FAILED, GOOD
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import OPEN, REMOVED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.kinds import KINDS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.snapshot import PARTS, Snapshot, Thing

Event = Dict[str, Any]

#: The snapshot before the first one.
NOTHING = Snapshot({kind: {} for kind in KINDS})
#: The type of event for each update status. "updating" is a service_updated.
UPDATES = {
    "completed": "update_completed",
    "paused": "update_paused",
    "rollback_started": "update_rolling_back",
    "rollback_completed": "update_rolled_back",
    "rollback_paused": "rollback_paused",
}
#: These are also reported if they began before the source did.
LASTING = ("update_paused", "rollback_paused")
LOST = ("down", "disconnected")
DAY = 86400.0  # seconds
GRACE = 15.0  # seconds by which the clocks of managers may differ


def first(now: Snapshot, certificate_days: float = 30.0) -> List[Event]:
    """Returns the events for current problems at the start. Existing objects and earlier failures give no events."""
    events: List[Event] = []
    for node in now.things["nodes"].values():
        events.extend(_node(None, node))
    for service in now.things["services"].values():
        events.extend(event for event in _update(None, service) if event["type"] in LASTING)
    return [*events, *_health(NOTHING, now), *_new_alarms(NOTHING, now, certificate_days)]


def compare(before: Snapshot, now: Snapshot, certificate_days: float = 30.0) -> List[Event]:
    """Returns the events between two snapshots: first about objects, then about deployments, tasks and health."""
    events: List[Event] = []
    for kind in KINDS:
        old, new = before.things[kind], now.things[kind]
        for identity in [*old, *(identity for identity in new if identity not in old)]:
            events.extend(compare_one(kind, identity, old.get(identity), new.get(identity)))
    events += _records(before, now)
    events += _failures(before, now)
    events += _health(before, now)
    events += _stacks(before, now)
    return [*events, *_new_alarms(before, now, certificate_days)]


def compare_one(kind: str, identity: str, before: Optional[Thing], now: Optional[Thing]) -> List[Event]:
    """Returns the events of one object; None means that it doesn't exist. An older version gives no events."""
    prefix = KINDS[kind]
    if before is None and now is None or (before and now and now.version < before.version):
        return []
    if now is None:
        return [_event(f"{prefix}_removed", before, kind, identity)]
    events = []
    if before is None:
        events.append(_event("node_joined" if kind == "nodes" else f"{prefix}_created", now, kind, identity))
    elif kind not in ("services", "nodes") and before.facts != now.facts:
        events.append(_event(f"{prefix}_updated", now, kind, identity, changed=["labels"]))
    if kind == "services":
        events += _service(before, now, identity)
    if kind == "nodes":
        events += _node(before, now, identity)
    return events


def kept(kind: str, before: Optional[Thing], now: Thing) -> Thing:
    """Returns the state to remember for an object: a new leader may answer with an older version or node state."""
    if before is not None and now.version < before.version:
        return before
    if kind == "nodes" and before is not None and now.facts["state"] not in ("ready", *LOST):
        return now._replace(facts={**now.facts, "state": before.facts["state"]})
    return now


def remember(before: Snapshot, now: Snapshot, certificate_days: float = 30.0) -> Snapshot:
    """Returns the snapshot to compare the next one with."""
    things = {
        kind: {identity: kept(kind, before.things[kind].get(identity), thing) for identity, thing in found.items()}
        for kind, found in now.things.items()
    }
    # A service between healthy and degraded keeps its last status, so that only the end of the change is reported.
    health = {
        identity: found
        if found.status in GOOD or found.status in (DEGRADED, FAILED) or identity not in before.health
        else found._replace(status=before.health[identity].status)
        for identity, found in now.health.items()
    }
    return now._replace(things=things, health=health, told=frozenset(alarms(before, now, certificate_days)))


def _event(event_type: str, thing: Optional[Thing], kind: str, identity: str = "", **more: object) -> Event:
    event: Event = {"type": event_type, "reason": ""}
    if thing is not None:
        event.update(stack=thing.stack, name=thing.name)
        if kind in ("services", "nodes"):
            event[KINDS[kind]] = thing.name
    return {**event, "id": identity, **more}


def _service(before: Optional[Thing], now: Thing, identity: str) -> Iterator[Event]:
    if before is not None and before.facts["rest"] != now.facts["rest"]:
        changed = [part for part in PARTS if before.facts[part] != now.facts[part]]
        values = {
            part: {"before": before.facts[part], "after": now.facts[part]}
            for part in ("image", "replicas")
            if part in changed
        }
        yield _event("service_updated", now, "services", identity, changed=changed or ["other"], **values)
    yield from _update(before, now, identity)


def _update(before: Optional[Thing], now: Thing, identity: str = "") -> Iterator[Event]:
    state = now.facts["update"]
    kind = UPDATES.get(state[0])
    if kind and (before is None or before.facts["update"] != state):
        yield _event(kind, now, "services", identity, reason=now.facts["said"])


def _node(before: Optional[Thing], now: Thing, identity: str = "") -> Iterator[Event]:
    old = before.facts if before is not None else {"state": "ready", "reachability": "", "leader": None}
    new = now.facts
    if new["state"] in LOST and old["state"] not in LOST:
        yield _event("node_down", now, "nodes", identity, reason=new["said"])
    if new["state"] == "ready" and old["state"] in LOST:
        yield _event("node_ready", now, "nodes", identity)
    if new["reachability"] == "unreachable" != old["reachability"]:
        yield _event("manager_unreachable", now, "nodes", identity)
    if new["reachability"] == "reachable" and old["reachability"] == "unreachable":
        yield _event("manager_reachable", now, "nodes", identity)
    if new["leader"] and old["leader"] is False:
        yield _event("leader_changed", now, "nodes", identity)
    changed = [part for part in ("role", "availability", "labels") if before is not None and old[part] != new[part]]
    if changed:
        values = {part: {"before": old[part], "after": new[part]} for part in changed if part != "labels"}
        yield _event("node_updated", now, "nodes", identity, changed=changed, **values)


def _records(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    for identity, record in sorted(now.records.items(), key=lambda item: item[1].number):
        old = before.records.get(identity)
        if record == old or record.status == "QUEUED":
            continue
        about = {"stack": record.stack, "revision": record.number, "operation": record.operation}
        if record.status in OPEN or old is None or old.status == "QUEUED":
            yield {"type": "deployment_started", "reason": "", **about}
        if record.status not in OPEN:
            yield {"type": "deployment_ended", "reason": "", **about, "status": record.status}


def _failures(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    for identity, failure in now.failures.items():
        if identity not in before.failures:
            about = {"stack": failure.stack, "service": failure.service, "name": failure.service, "node": failure.node}
            yield {"type": "task_failed", "reason": failure.reason, **about, "id": failure.more["task"], **failure.more}


def _health(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    for identity, found in now.health.items():
        old = before.health.get(identity)
        bad, was_bad = found.status in (DEGRADED, FAILED), old is not None and old.status in (DEGRADED, FAILED)
        if (bad and not was_bad) or (was_bad and found.status in GOOD):
            counts = {"status": found.status, "running": found.running, "desired": found.desired}
            kind = "service_degraded" if bad else "service_healthy"
            thing = now.things["services"].get(identity)
            yield _event(kind, thing, "services", identity, reason=found.message if bad else "", **counts)


def _stacks(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    for stack in [*before.stacks, *(stack for stack in now.stacks if stack not in before.stacks)]:
        old, new = before.stacks.get(stack, ""), now.stacks.get(stack, REMOVED)
        if new != old:
            yield {"type": "stack_status", "reason": "", "stack": stack, "status": new, "before": old}


def alarms(before: Snapshot, now: Snapshot, certificate_days: float) -> Dict[str, Event]:
    """Returns the events that time causes, not a change, by a key. Each is reported once while it lasts."""
    found: Dict[str, Event] = {}
    for identity, lock in now.locks.items():
        old = before.locks.get(identity)
        # Expired, and not renewed since the last snapshot: the time alone proves nothing, because clocks differ.
        unrenewed = old is not None and old.version == lock.version
        if unrenewed and lock.expires and now.now > lock.expires + GRACE:
            event = {"type": "lock_expired", "reason": lock.holder, "stack": lock.stack, "id": identity}
            found[f"lock {identity} {lock.version}"] = event
    if now.certificate is not None and now.now and now.certificate[1] - now.now < certificate_days * DAY:
        expiring: Event = {"type": "certificate_expiring", "reason": "", "expires": iso(now.certificate[1]) or None}
        found[f"certificate {now.certificate[0]}"] = expiring
    return found


def _new_alarms(before: Snapshot, now: Snapshot, certificate_days: float) -> List[Event]:
    return [event for key, event in alarms(before, now, certificate_days).items() if key not in before.told]
