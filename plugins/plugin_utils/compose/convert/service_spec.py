# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service to one ServiceSpec: the table of its fields."""

from __future__ import annotations

from collections.abc import Callable
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

#: A field, what makes it, and the keys of a service without any of which there is none (no keys: there may always be).
Topic = tuple[str, Callable[[Scope], Any], tuple[str, ...]]

CONTAINER: tuple[Topic, ...] = (
    ("Image", image.image, ()),
    ("Labels", object_labels.container_labels, ()),
    ("Command", container.entrypoint, ("entrypoint",)),
    ("Args", container.command, ("command",)),
    ("Hostname", container.hostname, ("hostname",)),
    ("Env", container.environment, ("environment",)),
    ("Dir", container.directory, ("working_dir",)),
    ("User", container.user, ("user",)),
    ("Groups", container.groups, ("group_add",)),
    ("Privileges", privileges.privileges, ()),
    ("Init", container.init, ("init",)),
    ("StopSignal", container.stop_signal, ("stop_signal",)),
    ("StopGracePeriod", container.stop_grace_period, ("stop_grace_period",)),
    ("TTY", container.tty, ("tty",)),
    ("OpenStdin", container.open_stdin, ("stdin_open",)),
    ("ReadOnly", container.read_only, ("read_only",)),
    ("Mounts", mounts.mounts, ("volumes", "tmpfs", "shm_size")),
    ("Healthcheck", container.healthcheck, ("healthcheck",)),
    ("Hosts", container.hosts, ("extra_hosts",)),
    ("DNSConfig", container.dns_config, ("dns", "dns_search", "dns_opt")),
    ("Secrets", references.secret_references, ("secrets",)),
    ("Configs", references.config_references, ("configs", "credential_spec")),
    ("Isolation", container.isolation, ("isolation",)),
    ("Sysctls", container.sysctls, ("sysctls",)),
    ("CapabilityAdd", container.capability_add, ("cap_add",)),
    ("CapabilityDrop", container.capability_drop, ("cap_drop",)),
    ("Ulimits", container.ulimits, ("ulimits",)),
    ("OomScoreAdj", container.oom_score_adj, ("oom_score_adj",)),
)
TASK: tuple[Topic, ...] = (
    ("Resources", resources.resources, ()),
    ("RestartPolicy", scheduling.restart_policy, ()),
    ("Placement", scheduling.placement, ()),
    ("Networks", attachments.attachments, ()),
    ("LogDriver", container.log_driver, ("logging",)),
)
SERVICE: tuple[Topic, ...] = (
    ("Labels", object_labels.service_labels, ()),
    ("Mode", scheduling.mode, ()),
    ("UpdateConfig", scheduling.update_config, ("deploy",)),
    ("RollbackConfig", scheduling.rollback_config, ("deploy",)),
    ("EndpointSpec", ports.endpoint_spec, ()),
)


def service_spec(scope: Scope) -> dict[str, Any]:
    """Return the ServiceSpec, without ids; a topic that fails leaves its field out and a problem behind."""
    task = {"ContainerSpec": _fields(scope, CONTAINER), **_fields(scope, TASK), "ForceUpdate": 0}
    return {"Name": scope.stack.scoped(scope.key), **_fields(scope, SERVICE), "TaskTemplate": task}


def _fields(scope: Scope, topics: tuple[Topic, ...]) -> dict[str, Any]:
    fields = {}
    guard, service = scope.context.guard, scope.service
    for field, topic, keys in topics:
        if keys and service.keys().isdisjoint(keys):
            continue
        value = guard(topic, scope)
        if value is not None and value != []:
            fields[field] = value
    return fields
