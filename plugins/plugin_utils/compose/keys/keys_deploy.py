# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect of each key under a service's ``deploy``, which was made for Swarm."""

from __future__ import annotations

from typing import Dict

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.fate import Fate, carried, compiled

_T = "TaskTemplate."


def _update(block: str, field: str) -> Dict[str, Fate]:
    keys = {
        "delay": "Delay",
        "failure_action": "FailureAction",
        "max_failure_ratio": "MaxFailureRatio",
        "monitor": "Monitor",
        "order": "Order",
        "parallelism": "Parallelism",
    }
    return {block: carried(field), **{f"{block}.{key}": carried(f"{field}.{name}") for key, name in keys.items()}}


DEPLOY: Dict[str, Fate] = {
    "endpoint_mode": carried("EndpointSpec.Mode"),
    "labels": carried("Labels"),
    "mode": carried("Mode"),
    "placement": carried(_T + "Placement"),
    "placement.constraints": carried(_T + "Placement.Constraints"),
    "placement.max_replicas_per_node": carried(_T + "Placement.MaxReplicas"),
    "placement.preferences": carried(_T + "Placement.Preferences"),
    "placement.preferences[].spread": carried(_T + "Placement.Preferences[].Spread.SpreadDescriptor"),
    "replicas": carried("Mode.Replicated.Replicas"),
    "resources": carried(_T + "Resources"),
    "resources.limits": carried(_T + "Resources.Limits"),
    "resources.limits.cpus": carried(_T + "Resources.Limits.NanoCPUs"),
    "resources.limits.memory": carried(_T + "Resources.Limits.MemoryBytes"),
    "resources.limits.pids": carried(_T + "Resources.Limits.Pids"),
    "resources.reservations": carried(_T + "Resources.Reservations"),
    "resources.reservations.cpus": carried(_T + "Resources.Reservations.NanoCPUs"),
    "resources.reservations.devices": compiled(
        "TaskTemplate.Resources.Reservations.GenericResources, where the operator names the kind"
    ),
    "resources.reservations.generic_resources": carried(_T + "Resources.Reservations.GenericResources"),
    "resources.reservations.generic_resources[].discrete_resource_spec": carried(
        _T + "Resources.Reservations.GenericResources[].DiscreteResourceSpec"
    ),
    "resources.reservations.generic_resources[].discrete_resource_spec.kind": carried(
        _T + "Resources.Reservations.GenericResources[].DiscreteResourceSpec.Kind"
    ),
    "resources.reservations.generic_resources[].discrete_resource_spec.value": carried(
        _T + "Resources.Reservations.GenericResources[].DiscreteResourceSpec.Value"
    ),
    "resources.reservations.memory": carried(_T + "Resources.Reservations.MemoryBytes"),
    "restart_policy": carried(_T + "RestartPolicy"),
    "restart_policy.condition": carried(_T + "RestartPolicy.Condition"),
    "restart_policy.delay": carried(_T + "RestartPolicy.Delay"),
    "restart_policy.max_attempts": carried(_T + "RestartPolicy.MaxAttempts"),
    "restart_policy.window": carried(_T + "RestartPolicy.Window"),
    **_update("rollback_config", "RollbackConfig"),
    **_update("update_config", "UpdateConfig"),
}
