# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys under a service's ``deploy``, which was made for Swarm."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys import kinds as k
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import Key, carried, compiled

_T = "TaskTemplate."


def _update(block: str, field: str) -> dict[str, Key]:
    return {
        block: carried(k.OTHER, field),
        f"{block}.delay": carried(k.DURATION, f"{field}.Delay"),
        f"{block}.failure_action": carried(k.one_of("pause", "continue", "rollback"), f"{field}.FailureAction"),
        f"{block}.max_failure_ratio": carried(k.NUMBER, f"{field}.MaxFailureRatio"),
        f"{block}.monitor": carried(k.DURATION, f"{field}.Monitor"),
        f"{block}.order": carried(k.one_of("stop-first", "start-first"), f"{field}.Order"),
        f"{block}.parallelism": carried(k.COUNT, f"{field}.Parallelism"),
    }


DEPLOY: dict[str, Key] = {
    "endpoint_mode": carried(k.one_of("vip", "dnsrr", any_case=True), "EndpointSpec.Mode"),
    "labels": carried(k.PAIRS, "Labels", values=True),
    "mode": carried(k.one_of("replicated", "global", "replicated-job", "global-job"), "Mode"),
    "placement": carried(k.OTHER, _T + "Placement"),
    "placement.constraints": carried(k.APPENDED, _T + "Placement.Constraints"),
    "placement.max_replicas_per_node": carried(k.COUNT, _T + "Placement.MaxReplicas"),
    "placement.preferences": carried(k.OTHER, _T + "Placement.Preferences"),
    "placement.preferences[].spread": carried(k.TEXT, _T + "Placement.Preferences[].Spread.SpreadDescriptor"),
    "replicas": carried(k.WHOLE_NUMBER, "Mode.Replicated.Replicas"),
    "resources": carried(k.OTHER, _T + "Resources"),
    "resources.limits": carried(k.OTHER, _T + "Resources.Limits"),
    "resources.limits.cpus": carried(k.CPUS, _T + "Resources.Limits.NanoCPUs"),
    "resources.limits.memory": carried(k.MEMORY, _T + "Resources.Limits.MemoryBytes"),
    "resources.limits.pids": carried(k.INTEGER, _T + "Resources.Limits.Pids"),
    "resources.reservations": carried(k.OTHER, _T + "Resources.Reservations"),
    "resources.reservations.cpus": carried(k.CPUS, _T + "Resources.Reservations.NanoCPUs"),
    "resources.reservations.devices": compiled(
        k.OTHER, "TaskTemplate.Resources.Reservations.GenericResources, where the operator names the kind"
    ),
    "resources.reservations.generic_resources": carried(k.OTHER, _T + "Resources.Reservations.GenericResources"),
    "resources.reservations.generic_resources[].discrete_resource_spec": carried(
        k.OTHER, _T + "Resources.Reservations.GenericResources[].DiscreteResourceSpec"
    ),
    "resources.reservations.generic_resources[].discrete_resource_spec.kind": carried(
        k.TEXT, _T + "Resources.Reservations.GenericResources[].DiscreteResourceSpec.Kind"
    ),
    "resources.reservations.generic_resources[].discrete_resource_spec.value": carried(
        k.INTEGER._replace(schema="number"), _T + "Resources.Reservations.GenericResources[].DiscreteResourceSpec.Value"
    ),
    "resources.reservations.memory": carried(k.MEMORY, _T + "Resources.Reservations.MemoryBytes"),
    "restart_policy": carried(k.OTHER, _T + "RestartPolicy"),
    "restart_policy.condition": carried(k.one_of("none", "on-failure", "any"), _T + "RestartPolicy.Condition"),
    "restart_policy.delay": carried(k.DURATION, _T + "RestartPolicy.Delay"),
    "restart_policy.max_attempts": carried(k.COUNT, _T + "RestartPolicy.MaxAttempts"),
    "restart_policy.window": carried(k.DURATION, _T + "RestartPolicy.Window"),
    **_update("rollback_config", "RollbackConfig"),
    **_update("update_config", "UpdateConfig"),
}
