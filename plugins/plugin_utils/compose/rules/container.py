# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks and credential specs that the Engine accepts."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    mapping,
    sequence,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import UNSET

TESTS = ("CMD", "CMD-SHELL", "NONE")


def check_health(review: Review) -> None:
    for name, service in review.services.items():
        health = mapping(service.get("healthcheck"))
        path = ("services", name, "healthcheck")
        # disable: true wins over a test: an override file can switch off the test of its base.
        test = [] if health.get("disable") is True else sequence(health.get("test"))
        if test and test[0] not in TESTS:
            hint = 'begin the list with "CMD" or "CMD-SHELL", or write the test as one text'
            review.problem(
                (*path, "test"),
                "the Engine does not support this kind of test and would not run it",
                hint,
                "healthcheck",
            )
        if test and test[0] in ("CMD", "CMD-SHELL") and len(test) == 1:
            review.problem((*path, "test"), "the test has no command", UNSET, "healthcheck")
        retries = health.get("retries")
        if isinstance(retries, (int, float)) and retries < 0:
            review.problem((*path, "retries"), "must be at least 0", "", "range")


SOURCES = ("config", "file", "registry")


def check_security(review: Review) -> None:
    for name, service in review.services.items():
        if service.get("credential_spec") is None:
            continue
        given = [source for source in SOURCES if mapping(service["credential_spec"]).get(source)]
        if len(given) != 1:
            message = f"credential_spec needs exactly one of {', '.join(SOURCES)}"
            review.problem(("services", name, "credential_spec"), message, "", "credential_spec")
