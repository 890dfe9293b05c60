# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a service's keys, and the canonical form of a whole document."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.commands import healthcheck, words
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.deploy import (
    deploy,
    devices,
    logging,
    ulimits,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.environment import (
    env_file,
    environment,
    extra_hosts,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.networks import depends_on, networks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.ports import ports
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.references import references
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.sections import SECTIONS, resource
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.steps import pre_start
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import (
    text,
    text_list,
    text_map,
    wrong_type,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.volumes import volumes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map

_TEXTS = (
    "cgroup", "cgroup_parent", "cgroupns_mode", "container_name", "cpus", "cpuset", "domainname", "hostname", "image",
    "ipc", "isolation", "mac_address", "mem_limit", "mem_reservation", "memswap_limit", "network_mode", "pid",
    "platform", "pull_policy", "restart", "runtime", "shm_size", "stop_grace_period", "stop_signal", "user",
    "userns_mode", "uts", "working_dir",
)  # fmt: skip
_LISTS = (
    "cap_add", "cap_drop", "device_cgroup_rules", "dns", "dns_opt", "dns_search", "expose", "external_links",
    "group_add", "label_file", "links", "profiles", "security_opt", "tmpfs", "volumes_from",
)  # fmt: skip
SERVICE: dict[str, Any] = {
    **dict.fromkeys(_TEXTS, text),
    **dict.fromkeys(_LISTS, text_list),
    **dict.fromkeys(("annotations", "labels", "storage_opt", "sysctls"), text_map),
    **dict.fromkeys(("command", "entrypoint"), words),
    **dict.fromkeys(("configs", "secrets"), references),
    "depends_on": depends_on,
    "deploy": deploy,
    "devices": devices,
    "env_file": env_file,
    "environment": environment,
    "extra_hosts": extra_hosts,
    "healthcheck": healthcheck,
    "logging": logging,
    "networks": networks,
    "ports": ports,
    "pre_start": pre_start,
    "ulimits": ulimits,
    "volumes": volumes,
}


def service(value: Any, place: Place) -> Any:
    if value is None:
        place.problem("is empty", hint="a service needs at least an image", code="empty_service")
        # Others may refer to it, and what it has not means nothing.
        empty = Map(place.mark)
        empty.lose(ANYTHING)
        return empty
    if not isinstance(value, Map):
        return wrong_type(value, place, "a mapping")
    for key in list(value):
        rule = SERVICE.get(key)
        if rule is not None:
            value[key] = rule(value[key], place.at(value, key))
    return value


def canonical(tree: Map, place: Place) -> Map:
    """Brings all short forms of a document to their canonical form; changes ``tree``.

    What can't be understood is reported and left as it was.
    """
    for section, rule in (("services", service), *((name, resource) for name in SECTIONS)):
        if section not in tree:
            continue
        here = place.at(tree, section)
        if not isinstance(tree[section], Map):
            wrong_type(tree[section], here, "a mapping")
            continue
        for key in list(tree[section]):
            tree[section][key] = rule(tree[section][key], here.at(tree[section], key))
    return tree
