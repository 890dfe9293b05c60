# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a stack, in four calls whatever the number of services."""

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

#: The overall status with the values of the history; a good status is HEALTHY.
OVERALL = {
    PROGRESSING: revision.DEPLOYING,
    DEGRADED: revision.UNHEALTHY,
    FAILED: revision.FAILED,
    UNKNOWN: revision.UNHEALTHY,
}

#: The most waits for a stack whose tasks failed and restarted during the wait.
ROUNDS = 3

Item = Dict[str, Any]


def stack_status(client: EngineClient, clock: Clock, stack: str, options: Mapping[str, object]) -> Item:
    """Returns stack, exists, status, overall, healthy, services, cluster_id, node, calls.

    ``options``: wait (default false), timeout, stable_for, progress, detach. With ``defer`` it never waits, because
    another manager may do that. A stack without services has the status ``unknown``.
    Raises EngineError (``not_found`` with ``wait``), DeployError as a deployment.
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
        nothing = _result(client, info, stack, [], _has_remains(client, stack))
        return {**nothing, "warnings": [message]} if similar else nothing
    seen = _Look(client, stack, services, seconds(info.get("SystemTime")))
    found = seen.judgements(given["stable_for"] if given["wait"] else 0.0)
    if given["wait"] and not given["defer"] and any(judgement.status not in GOOD for judgement in found):
        detach(given)
        for _round in range(ROUNDS):
            found = _wait(client, clock, stack, seen, found, given)
            now = seconds(manager_info(client).get("SystemTime")) if given["stable_for"] else None
            seen = _Look(client, stack, services_of(client, stack), now)
            if not seen.restarts:
                break
    return _result(client, info, stack, seen.items(found), True)


def _has_remains(client: EngineClient, stack: str) -> bool:
    """Whether the Swarm has the history, configs or kept values of a stack without services."""
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
    """A snapshot of services, tasks and nodes. ``now`` is the managers' time; None if it does not matter."""

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
        """Returns the ids of failed tasks without a successor."""
        view = View(self.nodes)
        return {
            str(task["ID"])
            for service in self.services
            for task in sort_out(service, self._own(service), view).given_up
        }

    def judgements(self, stable_for: float) -> List[Judgement]:
        """Judges each service. After a restart, or in its first ``stable_for`` seconds, it is not healthy yet."""
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
        """Returns the services of a result. A service that was removed since has only its judgement."""
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


def _wait(
    client: EngineClient, clock: Clock, stack: str, seen: _Look, found: List[Judgement], given: Options
) -> List[Judgement]:
    """Returns the judgements at the end of the wait. If it fails, the error has the services' details."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import before, limits_of, wait

    limits = limits_of(given)
    if seen.restarts and limits.stable_for:
        limits = limits._replace(stable_for=max(limits.stable_for, SETTLED))
    past = before(seen.services, seen.tasks, seen.nodes)
    # Services that don't run now count too. So do failed tasks that Swarm does not restart.
    past = past.forgiving_none()._replace(failures=past.failures - seen.given_up())
    late = {judgement.name for judgement in found if judgement.status not in GOOD} | set(seen.restarts)
    touched = {service["ID"]: False for service in seen.services if name_of(service) in late}
    try:
        return wait(client, clock, stack, limits, past, touched, given["progress"])
    except DeployError as error:
        error.details = {**error.details, **_at_the_end(client, stack, error.details.get("services") or [])}
        raise


def _at_the_end(client: EngineClient, stack: str, found: List[Item]) -> Item:
    """Returns the report after a failed wait. If the Engine does not answer, it has the judgements alone."""
    fields = ("name", "status", "mode", "desired", "running", "message")
    judgements = [Judgement(*(item[name] for name in fields)) for item in found]
    try:
        services = _Look(client, stack, services_of(client, stack), None).items(judgements)
    except EngineError:
        services = found
    status = worst(item["status"] for item in services)
    return {"services": services, "status": status, "overall": OVERALL.get(status, revision.UNHEALTHY)}


def look_at_health(client: EngineClient, params: Dict[str, object], run: Dict[str, object]) -> Dict[str, Any]:
    """Returns the result of the module stack_health. In check mode it does not wait, since nothing has changed."""
    stack = full_name(params) or ""
    options = {"wait": params["wait"] and not run["check"], "timeout": params["wait_timeout"]}
    options.update({name: run[name] for name in ("defer", "detach", "progress")}, stable_for=params["stable_for"])
    return without_values(client, stack, options, lambda: stack_status(client, SystemClock(), stack, options))
