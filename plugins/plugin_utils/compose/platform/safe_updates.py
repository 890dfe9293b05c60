# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A careful ``update_config`` for services that have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.readers import parsed
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.asked import is_job, written
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.units import duration

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired, Spec


#: Swarm judges the tasks of an update for this long after they run; its own default of 5 s misses many a crash.
_MONITOR = 15 * 10**9


def safe_update_config(desired: Desired, project: Project, options: Mapping[str, object]) -> None:
    """With ``update_config: safe``: one task at a time, rolled back by Swarm itself at the first failure.

    So the service comes back even when the controller dies during the deployment. ``update_delay`` is between
    two tasks.
    """
    if options.get("update_config") != "safe":
        return
    delay = parsed(options, "update_delay", ("platform",), duration) or 0
    for service in desired["services"]:
        if is_job(service["spec"]):
            continue
        order = "stop-first" if any(_reasons(service["spec"])) else "start-first"
        for field, key, action in (
            ("UpdateConfig", "update_config", "rollback"),
            ("RollbackConfig", "rollback_config", "pause"),
        ):
            if field not in service["spec"] and written(project, service["key"], "deploy", key) is None:
                service["spec"][field] = {
                    "Parallelism": 1,
                    **({"Delay": delay} if delay else {}),
                    "FailureAction": action,
                    "Monitor": _MONITOR,
                    "MaxFailureRatio": 0,
                    "Order": order,
                }


def _reasons(spec: Spec) -> Iterator[str]:
    """Why two tasks of the service can't stand side by side, not even for a moment."""
    task = spec["TaskTemplate"]
    for mount in task["ContainerSpec"].get("Mounts") or ():
        if mount["Type"] != "tmpfs" and not mount.get("ReadOnly"):
            yield "two tasks would write to " + mount["Target"]
    for port in (spec.get("EndpointSpec") or {}).get("Ports") or ():
        if port.get("PublishMode") == "host":
            yield "only one task of a node can have port {}".format(port.get("PublishedPort"))
    if any(attachment["Target"] == "host" for attachment in task.get("Networks") or ()):
        yield "both would listen on the node's addresses"
    if (task.get("Placement") or {}).get("MaxReplicas"):
        yield "a full node could not run the new task"
    if ((task.get("Resources") or {}).get("Reservations") or {}).get("GenericResources"):
        yield "the old task holds the device"
