# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_nodes
short_description: Use the nodes of a Swarm as inventory hosts
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Reads the nodes of a Swarm from one of its managers, and creates a host for each node, with groups and variables.
  - The source is a YAML file whose name ends with C(swarm_nodes.yml) or C(swarm_nodes.yaml).
  - Stale entries of nodes that have joined again are left out. Other nodes that share a host name have their id as name.
  - "Variables: C(ansible_host), C(swarm_node_id), C(swarm_role), C(swarm_availability), C(swarm_state), C(swarm_address), C(swarm_leader),
    C(swarm_reachability), C(swarm_engine), C(swarm_os), C(swarm_architecture), C(swarm_cpus), C(swarm_memory), C(swarm_labels) and
    C(swarm_engine_labels)."
  - "Groups: C(swarm_managers), C(swarm_workers), C(swarm_nodes) with all nodes, C(swarm_proxies), and those of O(groups_by). Managers that are reachable
    come first in each group."
options:
  plugin:
    description: The name of this plugin.
    required: true
    choices: [stackwright.swarm.swarm_nodes]
  managers:
    description:
      - The Engines of managers, for example V(unix:///var/run/docker.sock), V(tcp://10.0.0.5:2376) or V(ssh://ops@manager1).
      - They are tried in this order. The first that answers as a manager with a leader is used.
    type: list
    elements: str
    default: [unix:///var/run/docker.sock]
    env:
      - name: DOCKER_HOST
  api_version:
    description: The version of the Engine API to use.
    type: str
    default: auto
    env:
      - name: DOCKER_API_VERSION
  timeout:
    description: Seconds to wait for one answer of an Engine.
    type: int
    default: 30
    env:
      - name: DOCKER_TIMEOUT
  tls:
    description: Use TLS without verifying the certificate of the Engine.
    type: bool
    default: false
    env:
      - name: DOCKER_TLS
  validate_certs:
    description: Use TLS and verify the certificate of the Engine.
    type: bool
    default: false
    env:
      - name: DOCKER_TLS_VERIFY
  tls_hostname:
    description: The name that the certificate of the Engine must carry, if it is not the host of the address.
    type: str
  ca_path:
    description: The certificate authority to trust, a file on the controller.
    type: path
  client_cert:
    description: The certificate of the client, a file on the controller.
    type: path
  client_key:
    description: The key of the client, a file on the controller.
    type: path
  use_ssh_client:
    description: For an V(ssh://) address, use the C(ssh) command instead of Paramiko.
    type: bool
    default: false
  groups_by:
    description:
      - The properties of nodes that create groups.
      - "V(availability): for example C(swarm_availability_drain). V(state): C(swarm_state_down). V(engine): C(swarm_engine_28_5_2).
        V(label): C(swarm_label_disk_ssd), from the labels of the node."
    type: list
    elements: str
    choices: [availability, state, engine, label]
    default: [availability, state, engine, label]
  proxy_label:
    description:
      - Nodes with this label are in the group C(swarm_proxies), unless its value is C(false), C(no) or C(0).
      - The group exists only if a node is in it, since the role C(stackwright.swarm.stack) uses all hosts otherwise.
    type: str
    default: stackwright.proxy
  proxy_service:
    description: Nodes with a running task of this service, by its name in the Swarm, are in the group C(swarm_proxies) too.
    type: str
  down:
    description:
      - V(keep) also creates hosts for nodes that are down.
      - V(skip) leaves them out.
    type: str
    choices: [keep, skip]
    default: keep
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
notes:
  - Labels come from the Swarm, so their values are never used as templates.
  - Groups that O(compose), O(groups) and O(keyed_groups) create are added to those of the plugin.
"""

EXAMPLES = r"""
# prod.swarm_nodes.yml: the first of three managers that answers; five minutes in a cache.
# With a manager on this machine, the first line is enough.
plugin: stackwright.swarm.swarm_nodes
managers:
  - ssh://ops@manager1
  - ssh://ops@manager2
  - ssh://ops@manager3
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ansible-inventory
cache_timeout: 300
compose:
  ansible_user: "'ops'"
keyed_groups:
  - prefix: rack
    key: swarm_labels.rack | default('none')
"""

from contextlib import suppress
from typing import Any, Dict, List

from ansible import template
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import is_down, rejoined
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_objects import nodes as described
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain

# Since ansible-core 2.19.
trust = getattr(template, "trust_as_template", str)
CONNECTION = (
    *("api_version", "timeout", "tls", "validate_certs", "tls_hostname"),
    *("ca_path", "client_cert", "client_key", "use_ssh_client"),
)
VARIABLES = (
    *("role", "availability", "state", "address", "leader", "reachability", "engine", "os", "architecture"),
    *("cpus", "memory", "labels", "engine_labels"),
)
NO = ("", "false", "no", "0")
TEMPLATES = ("{{", "{%", "{#")
Host = Dict[str, Any]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "stackwright.swarm.swarm_nodes"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("swarm_nodes.yml", "swarm_nodes.yaml"))

    def parse(self, inventory: object, loader: object, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        key = self.get_cache_key(path)
        caches = bool(self.get_option("cache"))
        found = None
        if caches and cache:
            with suppress(KeyError):  # expired, or never filled
                found = self._cache[key]
        if found is None:
            found = self._read()
            if caches:
                self._cache[key] = found
        try:
            self._fill(found)
        except AnsibleError as error:
            raise AnsibleParserError(shown(str(error))) from error

    def _read(self) -> List[Host]:
        """Reads the hosts as plain data, for the cache. Raises AnsibleParserError."""
        options = {name: plain(self.get_option(name)) for name in CONNECTION}
        options = {name: value for name, value in options.items() if value is not None}
        failures = []
        for address in plain(self.get_option("managers")) or []:
            try:
                client = EngineClient(Connection(docker_host=address, **options))
                try:
                    manager_info(client)
                    return self._hosts(client)
                finally:
                    client.close()
            except StackwrightError as error:
                failures.append(f"{address}: {error} [{error.error_code}]")
        reasons = "\n".join(f"  {line}" for line in failures) or "  the option managers is empty"
        raise AnsibleParserError(shown(f"No manager of the Swarm answers:\n{reasons}"))

    def _hosts(self, client: EngineClient) -> List[Host]:
        entries = client.list("/nodes")
        live = [node for node in entries if not rejoined(node, entries)]
        if self.get_option("down") == "skip":
            live = [node for node in live if not is_down(node)]
        hosts: List[Host] = described({"nodes": live, "tasks": []})
        proxies = self._with_proxy(client)
        names = [host["name"] for host in hosts]
        for host in hosts:
            if names.count(host["name"]) > 1:
                host["name"] = host["id"]
            label = host["labels"].get(str(self.get_option("proxy_label")))
            host["proxy"] = host["id"] in proxies or (label is not None and label.lower() not in NO)
        return sorted(hosts, key=lambda host: (host["reachability"] != "reachable", host["role"], host["name"]))

    def _with_proxy(self, client: EngineClient) -> List[str]:
        service = plain(self.get_option("proxy_service"))
        if not service:
            return []
        running = {"filters": {"service": [service], "desired-state": ["running"]}}
        return [str(task.get("NodeID")) for task in client.list("/tasks", running)]

    def _fill(self, hosts: List[Host]) -> None:
        for group in ("swarm_managers", "swarm_workers", "swarm_nodes"):
            self.inventory.add_group(group)
        strict = self.get_option("strict")
        for host in hosts:
            name = host["name"]
            self.inventory.add_host(name)
            variables = {f"swarm_{key}": host[key] for key in VARIABLES}
            variables.update(ansible_host=host["address"] or name, swarm_node_id=host["id"])
            variables = {key: _untemplated(value) for key, value in variables.items()}
            for key, value in variables.items():
                self.inventory.set_variable(name, key, value)
            for group in self._groups_of(host):
                self.inventory.add_child(self.inventory.add_group(self._sanitize_group_name(group)), name)
            self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _groups_of(self, host: Host) -> List[str]:
        groups = ["swarm_nodes", f"swarm_{host['role']}s"] + ["swarm_proxies"] * bool(host["proxy"])
        for part in plain(self.get_option("groups_by")):
            if part == "label":
                groups += [f"swarm_label_{key}_{text}" for key, text in sorted(host["labels"].items())]
            elif host[part]:
                groups.append(f"swarm_{part}_{host[part]}")
        return groups


def _untemplated(value: object) -> Any:
    """Marks texts from the Swarm so that Ansible never evaluates them as templates.

    Before ansible-core 2.19 only texts that look like templates need this. Since then each text is untrusted and shown
    as such, unless it is marked as trusted.
    """
    if isinstance(value, dict):
        return {_untemplated(key): _untemplated(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    return wrap_var(value) if any(mark in value for mark in TEMPLATES) else trust(value)
