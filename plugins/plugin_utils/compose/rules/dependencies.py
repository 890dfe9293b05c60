# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the condition of a dependency requires of the other service: it must end, or have a health check."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.waves import (
    COMPLETED,
    HEALTHY,
    becomes_job,
    waited_for,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    deep,
    has_lost,
    mapping,
    sequence,
)

JOBS = ("replicated-job", "global-job")
FOR_EVER = ("always", "unless-stopped")


def check_conditions(review: Review) -> None:
    services = review.services
    for other, waiting in waited_for(services, COMPLETED).items():
        if other in services:
            _check_job(review, other, services[other], waiting)
    for name, service in services.items():
        for other, how in mapping(service.get("depends_on")).items():
            if mapping(how).get("condition") == HEALTHY and other in services:
                _check_health(review, name, other, services[other])


def _check_job(review: Review, name: str, service: Mapping[str, object], waiting: str) -> None:
    path = ("services", name)
    ends = f"'{waiting}' waits until it completes"
    if not becomes_job(service):
        mode: Any = deep(service, "deploy", "mode")
        if mode not in JOBS:
            message = f"{ends}, and a service with mode {mode} never does"
            review.problem((*path, "deploy", "mode"), message, "use mode: replicated-job, or remove it", "job")
        return
    if deep(service, "deploy", "update_config") is not None:
        message = f"{ends}, so it is a job, which can't have an update_config"
        review.problem((*path, "deploy", "update_config"), message, "remove it", "job")
    policy = deep(service, "deploy", "restart_policy")
    message = f"{ends}, and it would be restarted forever"
    if policy is None and str(service.get("restart")).partition(":")[0] in FOR_EVER:
        review.problem((*path, "restart"), message, "use restart: on-failure:3, or remove it", "job")
    if mapping(policy).get("condition") == "any":
        review.problem((*path, "deploy", "restart_policy", "condition"), message, "use on-failure or none", "job")


def _check_health(review: Review, name: str, other: str, service: Mapping[str, object]) -> None:
    health = mapping(service.get("healthcheck"))
    path = ("services", name, "depends_on", other, "condition")
    if health.get("disable") is True or sequence(health.get("test"))[:1] == ["NONE"]:
        message = f"'{other}' has its health check disabled, so it never becomes healthy"
        review.problem(path, message, "use condition: service_started, or add a health check", "healthcheck")
    elif not health.get("test") and not has_lost(service, "healthcheck") and not has_lost(health, "test"):
        message = (
            f"'{other}' has no health check in the file; unless its image has one, it counts as healthy when it runs"
        )
        review.notice(
            path, message, f"give '{other}' a healthcheck, or use condition: service_started", "no_healthcheck"
        )
