# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mode of a service: replicated, global, or a job."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    count,
    given,
    section,
    text,
)

_MODES = ("replicated", "global", "replicated-job", "global-job")


def mode(scope: Scope) -> dict[str, Any]:
    """Return the Mode. Without a number the Engine takes 1; ``deploy.replicas`` wins over ``scale``.

    What others wait for to have completed is a job, unless the file says otherwise.
    """
    deploy = section(scope.service, "deploy", scope.path())
    normal = "replicated-job" if scope.key in scope.context.jobs else "replicated"
    name = text(deploy, "mode", scope.path("deploy")) or normal
    replicas = count(deploy, "replicas", scope.path("deploy"))
    if name not in _MODES:
        raise scope.invalid(
            f"{name!r} is no mode of a service", "deploy", "mode", hint="Use one of " + ", ".join(_MODES) + "."
        )
    if name in ("global", "global-job"):
        if replicas is not None:
            raise scope.invalid(
                f"mode {name} runs one task on every node, so it takes no number of replicas",
                "deploy",
                "replicas",
                hint="Remove one of the two.",
                code="conflict",
            )
        return {"Global": {}} if name == "global" else {"GlobalJob": {}}
    if replicas is None:
        replicas = count(scope.service, "scale", scope.path())
    if name == "replicated":
        return {"Replicated": given(Replicas=replicas)}
    return {"ReplicatedJob": given(MaxConcurrent=replicas, TotalCompletions=replicas)}
