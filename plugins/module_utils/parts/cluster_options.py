# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of swarm_cluster, shared by the module and its action plugin."""

from __future__ import annotations

from typing import Any, Dict

Spec = Dict[str, Dict[str, Any]]

#: The options of swarm_cluster that all hosts of a Swarm share.
OF_SWARM: Spec = {
    "default_addr_pool": {"type": "list", "elements": "str", "default": []},
    "subnet_size": {"type": "int"},
    "data_path_port": {"type": "int"},
    "task_history_limit": {"type": "int"},
    "snapshot_interval": {"type": "int"},
    "dispatcher_heartbeat": {"type": "str"},
    "cert_expiry": {"type": "str"},
    "autolock": {"type": "bool"},
    "labels": {"type": "dict"},
    "remove": {"type": "list", "elements": "str", "default": []},
    "prune_down_after": {"type": "int"},
    "dissolve": {"type": "bool", "default": False},
    "rotate": {
        "type": "list",
        "elements": "str",
        "choices": ["worker_token", "manager_token", "ca", "unlock_key"],
        "default": [],
        "no_log": False,
    },
    "unlock_key_store": {
        "type": "dict",
        "no_log": False,
        "options": {
            "store": {"type": "str", "choices": ["vault"], "default": "vault"},
            "path": {"type": "path"},
            "vault_id": {"type": "str"},
        },
    },
    "join_addrs": {"type": "list", "elements": "str", "default": []},
    "wait_timeout": {"type": "int", "default": 300},
    "lock_timeout": {"type": "int", "default": 120},
}
#: All options of swarm_cluster.
SWARM_CLUSTER: Spec = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "role": {"type": "str", "choices": ["manager", "worker"]},
    "manager_groups": {"type": "list", "elements": "str", "default": ["swarm_managers"]},
    "worker_groups": {"type": "list", "elements": "str", "default": ["swarm_workers", "swarm_nodes"]},
    "advertise_addr": {"type": "str"},
    "listen_addr": {"type": "str"},
    "data_path_addr": {"type": "str"},
    "join_token": {"type": "str", "no_log": True},
    "unlock_key": {"type": "str", "no_log": True},
    **OF_SWARM,
}
