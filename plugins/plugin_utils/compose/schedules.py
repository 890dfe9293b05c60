# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedules that the labels of a project's jobs define."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CRON
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Review, deep, mapping
from ansible_collections.stackwright.swarm.plugins.plugin_utils.cron.labels import timing_of

JOB = "replicated-job"


def check_schedules(project: Project, stack: Stack) -> tuple[list[Problem], list[Problem]]:
    """Returns the problems and the notices of labels for schedules."""
    review = Review(project, stack.full_name)
    for key, service in review.services.items():
        for label in mapping(service.get("labels")):
            if CRON in label:
                hint = "write it under deploy.labels"
                review.notice(
                    ("services", key, "labels", label), "a label of the container has no effect", hint, "cron"
                )
        labels = {str(name): str(value) for name, value in mapping(deep(service, "deploy", "labels")).items()}
        timing, faults = timing_of(labels, stack.prefix)
        for fault in faults:
            review.problem(("services", key, "deploy", "labels", fault.label), fault.message, fault.hint, "cron")
        if timing is None:
            continue
        place = ("services", key, "deploy", "labels", next(label for label in labels if CRON in label))
        if deep(service, "deploy", "mode") != JOB:
            message = f"only a service with mode: {JOB} runs on a schedule"
            review.problem(place, message, f"set deploy.mode: {JOB}", "cron")
        elif not any(deep(service, "deploy", "restart_policy", name) for name in ("condition", "max_attempts")):
            hint = "set deploy.restart_policy.condition: none, or max_attempts"
            review.notice(place, "Swarm restarts a failed run without end, so the run never ends", hint, "cron")
    return list(review.problems.values()), list(review.notices.values())
