# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a stack, without changes: four calls, regardless of the number of services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    manager_info,
    services_of,
    tasks_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.details import (
    SETTLED,
    is_young,
    report,
    restarted,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.seen import View, sort_out
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    DEGRADED,
    FAILED,
    GOOD,
    PROGRESSING,
    UNKNOWN,
    Judgement,
    worst,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    error_of,
    how_it_ended,
    seconds,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.history import revision
from ansible_collections.stackwright.swarm.plugins.module_utils.info.without_values import without_values
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import detach, with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    NAMESPACE,
    STACK,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import full_name

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info, Service, Task

#: The overall status in the words of the history. What is as it should be is HEALTHY.
OVERALL = {
    PROGRESSING: revision.DEPLOYING,
    DEGRADED: revision.UNHEALTHY,
    FAILED: revision.FAILED,
    UNKNOWN: revision.UNHEALTHY,
}

#: So often a stack is waited for whose tasks have failed meanwhile, and now run again.
ROUNDS = 3

Item = Dict[str, Any]


def stack_status(client: EngineClient, clock: Clock, stack: str, options: Mapping[str, object]) -> Item:
    """The statuses of the stack's services: stack, exists, status, overall, healthy, services, cluster_id, node, calls.

    ``options``: wait (default false here), timeout, stable_for, progress, detach. With ``defer`` there is one look,
    also with ``wait``: another manager may be the one that waits. A stack without services has the status ``unknown``.
    Raises EngineError (``not_found`` with ``wait``), and DeployError as deploying does.
    """
    given: Options = with_defaults({"wait": False, **options})
    info = manager_info(client)
    services = services_of(client, stack)
    if not services:
        others = sorted({stack_of(service) for service in client.list("/services")})
        similar = [f", but {name}: names are case-sensitive" for name in others if name.lower() == stack.lower()]
        message = f"There is no stack {stack} in this Swarm{''.join(similar)}."
        if given["wait"]:
            raise EngineError(message, "not_found", "Deploy it first, or correct the name.")
        nothing = _result(client, info, stack, [], _was_there(client, stack))
        return {**nothing, "warnings": [message]} if similar else nothing
    seen = _Look(client, stack, services, seconds(info.get("SystemTime")))
    found = seen.judgements(given["stable_for"] if given["wait"] else 0.0)
    if given["wait"] and not given["defer"] and any(judgement.status not in GOOD for judgement in found):
        detach(given)
        for _round in range(ROUNDS):
            found = _waited(client, clock, stack, seen, found, given)
            now = seconds(manager_info(client).get("SystemTime")) if given["stable_for"] else None
            seen = _Look(client, stack, services_of(client, stack), now)
            if not seen.restarts:
                break
    return _result(client, info, stack, seen.items(found), True)


def _was_there(client: EngineClient, stack: str) -> bool:
    """Whether the Swarm still has something of a stack without services: its history, configs, kept values."""
    return any(
        stack in (labels_of(config).get(STACK), labels_of(config).get(NAMESPACE)) for config in client.list("/configs")
    )


def _result(client: EngineClient, info: Info, stack: str, services: List[Item], known: bool) -> Item:
    status = worst(service["status"] for service in services)
    overall = revision.HEALTHY if status in GOOD else OVERALL[status]
    if not services:
        overall = revision.REMOVED if known else ""
    return {
        "changed": False,
        "stack": stack,
        "exists": bool(services),
        "status": status,
        "overall": overall,
        "healthy": status in GOOD,
        "services": services,
        "cluster_id": str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or ""),
        "node": str(info.get("Name") or ""),
        "calls": client.calls,
    }


class _Restart(NamedTuple):
    failed: Task
    text: str


class _Look:
    """Services, tasks and nodes of one moment. ``now`` is the managers' time; None if it does not matter."""

    def __init__(self, client: EngineClient, stack: str, services: List[Service], now: Optional[float]) -> None:
        self.services = sorted(services, key=name_of)
        self.tasks, self.nodes = tasks_of(client, stack), client.list("/nodes")
        self._grouped, self._now = tasks_by_service(self.tasks), now
        self.restarts: Dict[str, _Restart] = {}
        for service in self.services:
            failed = restarted(service, self._own(service), now)
            if failed is not None:
                error = error_of(failed) or how_it_ended(failed)
                text = f"restarted less than {SETTLED:g} s ago, after: {error}"
                self.restarts[name_of(service)] = _Restart(failed, text)

    def _own(self, service: Service) -> List[Task]:
        return self._grouped.get(service["ID"], [])

    def given_up(self) -> Set[str]:
        """The ids of failed tasks that nothing follows."""
        view = View(self.nodes)
        return {
            str(task["ID"])
            for service in self.services
            for task in sort_out(service, self._own(service), view).given_up
        }

    def judgements(self, stable_for: float) -> List[Judgement]:
        """How each service is. After a restart, or in the first ``stable_for`` seconds, one is not healthy yet."""
        from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import judged

        young = {name_of(one) for one in self.services if is_young(one, self._own(one), self._now, stable_for)}
        found = []
        for judgement in judged(self.services, self.tasks, self.nodes, self._now):
            if judgement.status in GOOD and judgement.name in self.restarts:
                judgement = judgement._replace(status=DEGRADED, message=self.restarts[judgement.name].text)
            elif judgement.status in GOOD and judgement.name in young:
                judgement = judgement._replace(status=PROGRESSING, message=f"started less than {stable_for:g} s ago")
            found.append(judgement)
        return found

    def items(self, found: List[Judgement]) -> List[Item]:
        """The services of a result, by what was ``found``; one that is gone by now has its judgement alone."""
        from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import overcome

        fine = overcome(self.services, self.tasks)
        services = {name_of(service): service for service in self.services}
        items = []
        for judgement in found:
            service, item = services.get(judgement.name), judgement.as_dict()
            if service is not None:
                after = self.restarts.get(judgement.name)
                more = report(service, self._own(service), self.nodes, fine, judgement, after.failed if after else None)
                item.update(_without_values(more, service))
                item["message"] = _hidden(item["message"], service)
            items.append(item)
        return items


def _without_values(more: Item, service: Service) -> Item:
    failure = more["last_failure"]
    if failure is not None:
        more["last_failure"] = {**failure, "error": _hidden(failure["error"], service)}
    return more


def _hidden(text: str, service: Service) -> str:
    if not text:
        return text
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.evidence import hider

    return hider(service)(text)


def _waited(
    client: EngineClient, clock: Clock, stack: str, seen: _Look, found: List[Judgement], given: Options
) -> List[Judgement]:
    """How the services are at the end of the wait; its failure has what there is to tell of each as well."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import before, limits_of, wait

    limits = limits_of(given)
    if seen.restarts and limits.stable_for:
        limits = limits._replace(stable_for=max(limits.stable_for, SETTLED))
    past = before(seen.services, seen.tasks, seen.nodes)
    # What does not run now is just what is waited for, and has to stay. What is not started again is not forgiven.
    past = past.forgiving_none()._replace(failures=past.failures - seen.given_up())
    late = {judgement.name for judgement in found if judgement.status not in GOOD} | set(seen.restarts)
    touched = {service["ID"]: False for service in seen.services if name_of(service) in late}
    try:
        return wait(client, clock, stack, limits, past, touched, given["progress"])
    except DeployError as error:
        error.details = {**error.details, **_at_the_end(client, stack, error.details.get("services") or [])}
        raise


def _at_the_end(client: EngineClient, stack: str, found: List[Item]) -> Item:
    """The report after an unsuccessful wait. If the Engine does not answer now, nothing is lost."""
    fields = ("name", "status", "mode", "desired", "running", "message")
    judgements = [Judgement(*(item[name] for name in fields)) for item in found]
    try:
        services = _Look(client, stack, services_of(client, stack), None).items(judgements)
    except EngineError:
        services = found
    status = worst(item["status"] for item in services)
    return {"services": services, "status": status, "overall": OVERALL.get(status, revision.UNHEALTHY)}


def look_at_health(client: EngineClient, params: Dict[str, object], run: Dict[str, object]) -> Dict[str, Any]:
    """The health of the stack's services, after waiting for them if ``wait`` is on.

    In check mode nothing has changed, so it does not wait.
    """
    stack = full_name(params) or ""
    options = {"wait": params["wait"] and not run["check"], "timeout": params["wait_timeout"]}
    options.update({name: run[name] for name in ("defer", "detach", "progress")}, stable_for=params["stable_for"])
    return without_values(client, stack, options, lambda: stack_status(client, SystemClock(), stack, options))
