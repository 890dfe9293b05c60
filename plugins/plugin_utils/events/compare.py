# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From two snapshots to events. Pure.

Everything that is told is a difference between what was told before and what is now, whoever noticed it: the Engine's
event stream only says where to look. So nothing is told twice, and a gap in the stream loses nothing that lasts.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import DEGRADED, FAILED, GOOD
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import OPEN, REMOVED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.kinds import KINDS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.snapshot import PARTS, Snapshot, Thing

Event = Dict[str, Any]

#: Nothing is known yet.
NOTHING = Snapshot({kind: {} for kind in KINDS})
#: The type that tells of each state of an update. "updating" is told as service_updated.
UPDATES = {
    "completed": "update_completed",
    "paused": "update_paused",
    "rollback_started": "update_rolling_back",
    "rollback_completed": "update_rolled_back",
    "rollback_paused": "rollback_paused",
}
#: Of these a state that was there before the source began is told as well.
LASTING = ("update_paused", "rollback_paused")
LOST = ("down", "disconnected")
DAY = 86400.0  # seconds
GRACE = 15.0  # seconds by which the clocks of managers may differ


def first(now: Snapshot, certificate_days: float = 30.0) -> List[Event]:
    """What is wrong when the source begins: its objects are not news, and what has failed before neither."""
    events: List[Event] = []
    for node in now.things["nodes"].values():
        events.extend(_node(None, node))
    for service in now.things["services"].values():
        events.extend(event for event in _update(None, service) if event["type"] in LASTING)
    return [*events, *_health(NOTHING, now), *_new_alarms(NOTHING, now, certificate_days)]


def compare(before: Snapshot, now: Snapshot, certificate_days: float = 30.0) -> List[Event]:
    """What has happened from one snapshot to the next: objects first, then what became of them."""
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
    """What has become of one object; None is not there. A version that is older than the one before is no news."""
    word = KINDS[kind]
    if before is None and now is None or (before and now and now.version < before.version):
        return []
    if now is None:
        return [_event(f"{word}_removed", before, kind, identity)]
    events = []
    if before is None:
        events.append(_event("node_joined" if kind == "nodes" else f"{word}_created", now, kind, identity))
    elif kind not in ("services", "nodes") and before.facts != now.facts:
        events.append(_event(f"{word}_updated", now, kind, identity, changed=["labels"]))
    if kind == "services":
        events += _service(before, now, identity)
    if kind == "nodes":
        events += _node(before, now, identity)
    return events


def kept(kind: str, before: Optional[Thing], now: Thing) -> Thing:
    """What to remember of an object: also what a manager that has just become the leader does not know yet."""
    if before is not None and now.version < before.version:
        return before
    if kind == "nodes" and before is not None and now.facts["state"] not in ("ready", *LOST):
        return now._replace(facts={**now.facts, "state": before.facts["state"]})
    return now


def remember(before: Snapshot, now: Snapshot, certificate_days: float = 30.0) -> Snapshot:
    """What the next snapshot is compared with."""
    things = {
        kind: {identity: kept(kind, before.things[kind].get(identity), thing) for identity, thing in found.items()}
        for kind, found in now.things.items()
    }
    # A service that is on its way between good and bad is what it was: neither is told then.
    health = {
        identity: found
        if found.status in GOOD or found.status in (DEGRADED, FAILED) or identity not in before.health
        else found._replace(status=before.health[identity].status)
        for identity, found in now.health.items()
    }
    told = frozenset(alarms(before, now, certificate_days))
    return now._replace(things=things, health=health, told=told)


def _event(kind: str, thing: Optional[Thing], what: str, identity: str = "", **more: object) -> Event:
    event: Event = {"type": kind, "reason": ""}
    if thing is not None:
        event.update(stack=thing.stack, name=thing.name)
    if what == "services" and thing is not None:
        event["service"] = thing.name
    if what == "nodes" and thing is not None:
        event["node"] = thing.name
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
        said = {"stack": record.stack, "revision": record.number, "operation": record.operation}
        if record.status in OPEN or old is None or old.status == "QUEUED":
            yield {"type": "deployment_started", "reason": "", **said}
        if record.status not in OPEN:
            yield {"type": "deployment_ended", "reason": "", **said, "status": record.status}


def _failures(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    for identity, failure in now.failures.items():
        if identity not in before.failures:
            said = {"stack": failure.stack, "service": failure.service, "name": failure.service, "node": failure.node}
            yield {"type": "task_failed", "reason": failure.reason, **said, "id": failure.more["task"], **failure.more}


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
    """What is so at a time and no change shows, by a key: each is told once while it lasts."""
    found: Dict[str, Event] = {}
    for identity, lock in now.locks.items():
        old = before.locks.get(identity)
        # Its time is over, and its holder did not renew it since the last look: clocks of managers differ.
        still = old is not None and old.version == lock.version
        if still and lock.expires and now.now > lock.expires + GRACE:
            event = {"type": "lock_expired", "reason": lock.holder, "stack": lock.stack, "id": identity}
            found[f"lock {identity} {lock.version}"] = event
    if now.certificate is not None and now.now and now.certificate[1] - now.now < certificate_days * DAY:
        told: Event = {"type": "certificate_expiring", "reason": "", "expires": iso(now.certificate[1]) or None}
        found[f"certificate {now.certificate[0]}"] = told
    return found


def _new_alarms(before: Snapshot, now: Snapshot, certificate_days: float) -> List[Event]:
    return [event for key, event in alarms(before, now, certificate_days).items() if key not in before.told]
