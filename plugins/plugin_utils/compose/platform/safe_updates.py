# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A careful ``update_config`` for services that have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.readers import parsed
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.asked import is_job, written
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.units import duration

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired, Spec


#: How long Swarm watches an updated task after it runs. Its own default of 5 s misses many crashes.
_MONITOR = 15 * 10**9


def safe_update_config(desired: Desired, project: Project, options: Mapping[str, object]) -> None:
    """With ``update_config: safe``, Swarm updates one task at a time, and rolls back at the first failure.

    So the service is restored even if the controller dies during the deployment. ``update_delay`` is the time between
    two tasks.
    """
    if options.get("update_config") != "safe":
        return
    delay = parsed(options, "update_delay", ("platform",), duration) or 0
    for service in desired["services"]:
        if is_job(service["spec"]):
            continue
        order = "stop-first" if _tasks_exclude_each_other(service["spec"]) else "start-first"
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


def _tasks_exclude_each_other(spec: Spec) -> bool:
    """Returns whether an old and a new task of the service can't run at the same time, not even for a moment."""
    task = spec["TaskTemplate"]
    mounts = task["ContainerSpec"].get("Mounts") or ()
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or ()
    return bool(
        any(mount["Type"] != "tmpfs" and not mount.get("ReadOnly") for mount in mounts)  # both would write
        or any(port.get("PublishMode") == "host" for port in ports)  # only one task of a node can have the port
        or any(attachment["Target"] == "host" for attachment in task.get("Networks") or ())  # both would listen there
        or (task.get("Placement") or {}).get("MaxReplicas")  # a full node could not run the new task
        or ((task.get("Resources") or {}).get("Reservations") or {}).get("GenericResources")  # the old task holds them
    )
