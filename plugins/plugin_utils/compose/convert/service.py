# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service to one ServiceSpec: the table of its fields."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert import (
    attachments,
    capabilities,
    health,
    hosts,
    image,
    kernel,
    labels,
    logging,
    mode,
    mounts,
    placement,
    ports,
    privileges,
    process,
    references,
    resources,
    restart,
    update,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope

Topic = Callable[[Scope], Any]

CONTAINER: tuple[tuple[str, Topic], ...] = (
    ("Image", image.image),
    ("Labels", labels.container_labels),
    ("Command", process.entrypoint),
    ("Args", process.command),
    ("Hostname", process.hostname),
    ("Env", process.environment),
    ("Dir", process.directory),
    ("User", process.user),
    ("Groups", process.groups),
    ("Privileges", privileges.privileges),
    ("Init", process.init),
    ("StopSignal", process.stop_signal),
    ("StopGracePeriod", process.stop_grace_period),
    ("TTY", process.tty),
    ("OpenStdin", process.open_stdin),
    ("ReadOnly", process.read_only),
    ("Mounts", mounts.mounts),
    ("Healthcheck", health.healthcheck),
    ("Hosts", hosts.hosts),
    ("DNSConfig", hosts.dns_config),
    ("Secrets", references.secret_references),
    ("Configs", references.config_references),
    ("Isolation", process.isolation),
    ("Sysctls", kernel.sysctls),
    ("CapabilityAdd", capabilities.capability_add),
    ("CapabilityDrop", capabilities.capability_drop),
    ("Ulimits", kernel.ulimits),
    ("OomScoreAdj", process.oom_score_adj),
)
TASK: tuple[tuple[str, Topic], ...] = (
    ("Resources", resources.resources),
    ("RestartPolicy", restart.restart_policy),
    ("Placement", placement.placement),
    ("Networks", attachments.attachments),
    ("LogDriver", logging.log_driver),
)
SERVICE: tuple[tuple[str, Topic], ...] = (
    ("Labels", labels.service_labels),
    ("Mode", mode.mode),
    ("UpdateConfig", update.update_config),
    ("RollbackConfig", update.rollback_config),
    ("EndpointSpec", ports.endpoint_spec),
)


def service_spec(scope: Scope) -> dict[str, Any]:
    """Return the ServiceSpec, without ids; a topic that fails leaves its field out and a problem behind."""
    task = {"ContainerSpec": _fields(scope, CONTAINER), **_fields(scope, TASK), "ForceUpdate": 0}
    return {"Name": scope.stack.scoped(scope.key), **_fields(scope, SERVICE), "TaskTemplate": task}


def _fields(scope: Scope, topics: tuple[tuple[str, Topic], ...]) -> dict[str, Any]:
    fields = {}
    for field, topic in topics:
        value = scope.context.guard(partial(topic, scope))
        if value is not None and value != []:
            fields[field] = value
    return fields
