# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollback plan: from the current state back to the previous one, for the objects that a plan changed.

It is computed from the observed state, not from the operations that were reported as done: after a lost answer, the
Engine may have acted all the same. Objects that the run did not touch are left alone, even if they differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, AbstractSet, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import PRUNE, Operation, Plan, ordered
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import (
    before_extra_step,
    is_stopped,
    lost_networks,
    networks_given_up,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import (
    QUIET,
    mode_of,
    runs_when_changed,
    task_count,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.subnets import overlap
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    KEY_CONFIG,
    id_of,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import Ports, asked, ports_in
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import asleep, with_runs_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.in_place import as_created, with_targets
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.stop import stopped

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Lists, Objects, Observed

KINDS: Tuple[Tuple[str, Lists], ...]
OBJECTS: Tuple[Tuple[str, Objects], ...] = (("network", "networks"), ("config", "configs"), ("secret", "secrets"))
KINDS = (("service", "services"), *OBJECTS)
#: An update in one of these states has stopped, or leads to another spec: the service is sent again.
UNSETTLED = ("paused", "rollback_started", "rollback_paused")
BACK, GONE = "as before", "did not exist before"
#: The Engine runs a job whenever it is sent, and an older migration does not undo a newer one: no job is restored.
HAS_RUN = "a job that has run after its change; restoring the old one would run it again"
BROKEN_OFF = "a job that has not finished after its change; the next deployment recreates it"
NOT_AGAIN = "a job, which would run again; the next deployment recreates it"
NOT_PUT_BACK = (HAS_RUN, NOT_AGAIN)

Name = Tuple[str, str]  # kind, name in the Swarm
#: When runs rolled back: from, to ("": until now), by the Engine's clock.
Undone = Sequence[Tuple[str, str]]


def restoration(
    stack: str,
    before: Observed,
    now: Observed,
    names: AbstractSet[Name],
    stop_new: str = "",
) -> Plan:
    """Returns the plan from ``now`` back to ``before`` (both from ``observe``) for the stack's objects in ``names``.

    Services come first: new ones are removed, changed ones get exactly their former spec, removed ones are recreated.
    No job is restored, since that would run it: a changed job stays if it has run to its end, and is removed otherwise.
    Then labels of configs and secrets are restored. Last (phase "prune"), new networks, configs and secrets are
    removed, unless a service still refers to them.
    With ``stop_new`` (the label prefix), new services stay, scaled to zero. A network that was recreated in place is
    recreated again from its former body.
    """
    networks = _networks(stack, before, now, names)
    removed = {op.payload["id"] for op in networks if op.action == "remove"}
    before = {**before, "services": on_live_networks(before, now, stack)}
    services = list(_services(stack, before, now, names, stop_new))
    operations = networks + services + list(_labels(stack, before, now, names))
    rest: Observed = {**now, "networks": [network for network in now["networks"] if id_of(network) not in removed]}
    operations += _removals(stack, before, rest, names, _final(now, services))
    return Plan(ordered(operations))


def _networks(stack: str, before: Observed, now: Observed, names: AbstractSet[Name]) -> List[Operation]:
    """Returns operations that recreate the networks that were removed first, and remove those that block them."""
    olds, news = _own("networks", stack, before), _own("networks", stack, now)
    again: Dict[str, Dict[str, Any]] = {
        name: {"spec": as_created(old), "was": id_of(old)}
        for name, old in olds.items()
        if ("network", name) in names and not _is_same(old, news.get(name))
    }
    made: List[Operation] = []
    for name, new in news.items():
        is_new = ("network", name) in names and name not in olds
        if name in again or (is_new and any(overlap(new, payload["spec"]) for payload in again.values())):
            made.append(Operation("remove", "network", name, reason=GONE, payload={"id": id_of(new)}))
    for name, payload in again.items():
        made.append(Operation("create", "network", name, reason=BACK, payload=payload))
    return made


def _is_same(old: Mapping[str, object], new: Optional[Mapping[str, object]]) -> bool:
    if new is None or id_of(old) == id_of(new):
        return new is not None
    want, have = normalise.network_pair(as_created(old), new)
    return want == have


def on_live_networks(before: Observed, now: Observed, stack: str) -> List[Any]:
    """Returns the services of ``before`` on the networks of ``now``. Networks of the stack that were recreated or
    removed are referred to by name."""
    news = _own("networks", stack, now)
    names: Dict[str, str] = {}
    for name, old in _own("networks", stack, before).items():
        new = news.get(name)
        names[name] = names[id_of(old)] = id_of(new) if new is not None and _is_same(old, new) else name
    return [
        {**service, "Spec": with_targets(service["Spec"], names)} if stack_of(service) == stack else service
        for service in before["services"]
    ]


def interrupted(stack: str, observed: Observed, since: str, known: AbstractSet[str], undone: Undone = ()) -> Observed:
    """Reconstructs the state before runs that died; the first began at ``since`` (the Engine's time).

    Objects that were created since then did not exist, except for services in ``known`` (those of the last good
    revision): a run must have replaced them. A service that was updated since then had its previous spec. One that was
    updated during a rollback (``undone``) already has its former spec.
    """
    if not since:
        return {**observed}

    def is_new(obj: Mapping[str, object]) -> bool:
        made = str(obj.get("CreatedAt") or obj.get("Created") or "")
        return stack_of(obj) == stack and _moment(made) > _moment(since)

    was: Observed = {
        **observed,
        "services": [
            service if is_new(service) else _as_it_was(service, since, undone)
            for service in observed["services"]
            if not is_new(service) or name_of(service) in known
        ],
        "networks": [network for network in observed["networks"] if not is_new(network)],
        "configs": [config for config in observed["configs"] if not is_new(config)],
        "secrets": [secret for secret in observed["secrets"] if not is_new(secret)],
    }
    own = [service for service in observed["services"] if stack_of(service) == stack]
    was["networks"] += lost_networks([spec for service in own for spec in _since(service, since)], was["networks"])
    # Services that the dead run had restored are on a network that is new, too.
    known = {id_of(network) for network in was["networks"]}
    names = {id_of(new): name for name, new in _own("networks", stack, observed).items() if id_of(new) not in known}
    was["services"] = [{**s, "Spec": with_targets(s["Spec"], names)} for s in was["services"]]
    return was


def before_extra_steps(stack: str, observed: Observed) -> Observed:
    """Returns the state before the extra steps that an earlier run has left because its rollback failed.

    A service that stack_service has stopped stays stopped. A network that was given up is there again.
    """
    left = {id_of(s): s["Spec"] for s in observed["services"] if stack_of(s) == stack and not is_stopped(s)}
    networks = [*observed["networks"], *lost_networks(list(left.values()), observed["networks"])]
    ids = {name_of(network): id_of(network) for network in networks}
    targets = {id_of(gone): ids[gone["Name"]] for spec in left.values() for gone in networks_given_up(spec)}
    services: List[Service] = [
        {**s, "Spec": with_targets(before_extra_step(s["Spec"]) if id_of(s) in left else s["Spec"], targets)}
        for s in observed["services"]
    ]
    return {**observed, "services": services, "networks": networks}


def _since(service: Service, since: str) -> List[Mapping[str, Any]]:
    """Returns the specs that a service got after ``since`` and that Swarm still remembers."""
    if _moment(_began(service)) <= _moment(since):
        return []
    return [service["Spec"], *([service["PreviousSpec"]] if service.get("PreviousSpec") else [])]


def _began(service: Service) -> str:
    # Swarm also writes a service when an update ends, so UpdatedAt may be later than the update's start.
    return str((service.get("UpdateStatus") or {}).get("StartedAt") or service.get("UpdatedAt") or "")


def _as_it_was(service: Service, since: str, undone: Undone) -> Service:
    began = _moment(_began(service))
    if not service.get("PreviousSpec") or began <= _moment(since):
        return service
    restored = any(_moment(start) < began and (not end or began <= _moment(end)) for start, end in undone if start)
    return {**service, "Spec": before_extra_step(service["Spec" if restored else "PreviousSpec"])}


def _moment(text: str) -> Tuple[str, str]:
    # The Engine cuts trailing zeros of the fraction.
    seconds, _dot, fraction = text.rstrip("Z").partition(".")
    return seconds, fraction.ljust(9, "0")


def moved(stack: str, was: Observed, now: Observed) -> AbstractSet[Name]:
    """Returns the objects of the stack that differ between ``was`` and ``now``."""
    names = set()
    for kind, plural in KINDS:
        olds, news = _own(plural, stack, was), _own(plural, stack, now)
        names |= {(kind, name) for name in set(olds) ^ set(news)}
        if kind == "network":
            names |= {(kind, name) for name in set(olds) & set(news) if id_of(olds[name]) != id_of(news[name])}
        if kind == "service":
            names |= {(kind, name) for name in set(olds) & set(news) if olds[name]["Spec"] != news[name]["Spec"]}
    return names


def _services(
    stack: str, before: Observed, now: Observed, names: AbstractSet[Name], stop_new: str
) -> Iterator[Operation]:
    olds, news = _own("services", stack, before), _own("services", stack, now)
    for name in sorted(name for kind, name in names if kind == "service"):
        old, new = olds.get(name), news.get(name)
        was_job = old is not None and is_job(old)
        if old is not None and new is not None and mode_of(old["Spec"]) == mode_of(new["Spec"]):
            yield _job_left(new) if was_job and old["Spec"] != new["Spec"] else back(old, new)
            continue
        if new is not None and old is None and stop_new:
            yield _stopped(new, stop_new, [asked(service["Spec"]) for service in olds.values()])
        elif new is not None:
            payload = {"id": id_of(new)}
            yield Operation("remove", "service", name, reason=GONE, restarts=task_count(new, 1), payload=payload)
        if was_job and new is None:
            yield Operation("keep", "service", name, reason=NOT_AGAIN)
        elif old is not None and not was_job:
            # After the removals, which free the ports of new services.
            yield Operation("create", "service", name, reason=BACK, wave=1, payload={"spec": asleep(old["Spec"])})


def is_job(service: Service) -> bool:
    """Whether the service is a job that would run if it were restored. A job on a schedule stays asleep."""
    return runs_when_changed(service["Spec"])


def _job_left(new: Service) -> Operation:
    counts = new.get("ServiceStatus") or {}
    job = new["Spec"]["Mode"].get("ReplicatedJob")
    wanted = counts.get("DesiredTasks") if job is None else job.get("TotalCompletions", job.get("MaxConcurrent", 1))
    if int(counts.get("CompletedTasks") or 0) >= max(int(wanted or 0), 1):
        return Operation("keep", "service", name_of(new), reason=HAS_RUN)
    running = int(counts.get("RunningTasks") or 0)
    payload = {"id": id_of(new)}
    return Operation("remove", "service", name_of(new), reason=BROKEN_OFF, restarts=running, payload=payload)


def back(old: Service, new: Service) -> Operation:
    """Returns the operation that restores a service's former spec; ``keep`` if it has that spec."""
    name, before, after = name_of(new), new["Spec"], old["Spec"]
    unsettled = str((new.get("UpdateStatus") or {}).get("State") or "") in UNSETTLED
    if before == after and not unsettled:
        return Operation("keep", "service", name, reason=BACK)
    wanted = with_runs_of(asleep(after), before)
    have, want = normalise.service(before), normalise.service(wanted)
    same = have["TaskTemplate"] == want["TaskTemplate"]
    restarts = 0 if same and have["EndpointSpec"] == want["EndpointSpec"] else task_count(new, 1)
    payload = {
        "id": id_of(new),
        "version": new["Version"]["Index"],
        "spec": wanted,
    }
    return Operation(
        "update",
        "service",
        name,
        reason="its update was still in progress" if before == after else BACK,
        changes=tuple(change for change in differences(have, want) if change.path not in QUIET),
        restarts=restarts,
        wave=1,
        payload=payload,
    )


def _stopped(new: Service, prefix: str, olds: Sequence[Ports]) -> Operation:
    spec, reason = stopped(new["Spec"], prefix)
    if spec is None:
        return Operation("keep", "service", name_of(new), reason=reason)
    endpoint = spec.get("EndpointSpec") or {}
    ports = [p for p in endpoint.get("Ports") or [] if not any(ports_in([p]).refused(old) for old in olds)]
    if ports != (endpoint.get("Ports") or []):
        spec = {**spec, "EndpointSpec": {**endpoint, "Ports": ports}}
    payload = {"id": id_of(new), "version": new["Version"]["Index"], "spec": spec}
    reason = f"{GONE}: stopped, for inspection"
    return Operation("update", "service", name_of(new), reason=reason, restarts=task_count(new, 1), payload=payload)


def _labels(stack: str, before: Observed, now: Observed, names: AbstractSet[Name]) -> Iterator[Operation]:
    for kind, plural in OBJECTS[1:]:
        news = _own(plural, stack, now)
        for name, old in sorted(_own(plural, stack, before).items()):
            new = news.get(name)
            if (kind, name) not in names or new is None or labels_of(old) == labels_of(new):
                continue
            payload = {
                "id": id_of(new),
                "version": new["Version"]["Index"],
                "spec": {**new["Spec"], "Labels": labels_of(old)},
            }
            changes = differences({"Labels": labels_of(new)}, {"Labels": labels_of(old)})
            yield Operation("update", kind, name, reason=BACK, changes=changes, payload=payload)


def _removals(
    stack: str,
    before: Observed,
    now: Observed,
    names: AbstractSet[Name],
    final: List[Mapping[str, object]],
) -> List[Operation]:
    used = {reference for spec in final for reference in references(spec)}
    operations = []
    for kind, plural in OBJECTS:
        olds = _own(plural, stack, before)
        for name, new in sorted(_own(plural, stack, now).items()):
            if (kind, name) not in names or name in olds or name == KEY_CONFIG:
                continue
            if (kind, id_of(new)) in used or (kind, name) in used:
                operations.append(Operation("keep", kind, name, reason="a service uses it", phase=PRUNE))
            else:
                payload = {"id": id_of(new)}
                operations.append(Operation("remove", kind, name, reason=GONE, phase=PRUNE, payload=payload))
    return operations


def _own(plural: Lists, stack: str, observed: Observed) -> Dict[str, Any]:
    # Another stack's object with one of our names is the cause of a failure, and must stay.
    return {name_of(obj): obj for obj in observed[plural] if stack_of(obj) == stack}


def _final(now: Observed, operations: List[Operation]) -> List[Mapping[str, Any]]:
    """Returns the specs of all services after ``operations``."""
    specs: Dict[str, Optional[Mapping[str, Any]]] = {
        name_of(service): service["Spec"] for service in now.get("all_services") or now["services"]
    }
    for operation in operations:
        if operation.action == "remove":
            specs.pop(operation.name, None)
    for operation in operations:
        if operation.action in ("create", "update"):
            specs[operation.name] = operation.payload["spec"]
    return [spec for spec in specs.values() if spec is not None]
