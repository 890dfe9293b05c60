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
    container,
    image,
    mounts,
    object_labels,
    ports,
    privileges,
    references,
    resources,
    scheduling,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope

Topic = Callable[[Scope], Any]

CONTAINER: tuple[tuple[str, Topic], ...] = (
    ("Image", image.image),
    ("Labels", object_labels.container_labels),
    ("Command", container.entrypoint),
    ("Args", container.command),
    ("Hostname", container.hostname),
    ("Env", container.environment),
    ("Dir", container.directory),
    ("User", container.user),
    ("Groups", container.groups),
    ("Privileges", privileges.privileges),
    ("Init", container.init),
    ("StopSignal", container.stop_signal),
    ("StopGracePeriod", container.stop_grace_period),
    ("TTY", container.tty),
    ("OpenStdin", container.open_stdin),
    ("ReadOnly", container.read_only),
    ("Mounts", mounts.mounts),
    ("Healthcheck", container.healthcheck),
    ("Hosts", container.hosts),
    ("DNSConfig", container.dns_config),
    ("Secrets", references.secret_references),
    ("Configs", references.config_references),
    ("Isolation", container.isolation),
    ("Sysctls", container.sysctls),
    ("CapabilityAdd", container.capability_add),
    ("CapabilityDrop", container.capability_drop),
    ("Ulimits", container.ulimits),
    ("OomScoreAdj", container.oom_score_adj),
)
TASK: tuple[tuple[str, Topic], ...] = (
    ("Resources", resources.resources),
    ("RestartPolicy", scheduling.restart_policy),
    ("Placement", scheduling.placement),
    ("Networks", attachments.attachments),
    ("LogDriver", container.log_driver),
)
SERVICE: tuple[tuple[str, Topic], ...] = (
    ("Labels", object_labels.service_labels),
    ("Mode", scheduling.mode),
    ("UpdateConfig", scheduling.update_config),
    ("RollbackConfig", scheduling.rollback_config),
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
