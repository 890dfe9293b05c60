# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run may carry out what it plans: the plan that somebody has approved is bound to its ``plan_id``."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.plan_id import check_plan_id, check_stack


def check_approved(stack: str, current: str, changed: bool, options: Mapping[str, Any]) -> None:
    """Raises PlanError (``plan_stale``, ``plan_of_another_stack``) where the options bind the run to another plan.

    Where nothing is left to do, nothing can be done that was not approved. A run that only looks whether there is work
    (``defer``) does not refuse: another manager may be carrying out this very plan at the moment.
    """
    given = options["plan_id"]
    if not given:
        return
    if changed and (options["check"] or not options["defer"]):
        check_plan_id(given, current, stack)
    else:
        check_stack(given, stack)
