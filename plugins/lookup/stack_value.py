# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_value
short_description: Read a kept value of a stack for another task or play
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Returns the current version of values that M(stackwright.swarm.compose_stack) stores, such as a generated
    password.
  - Set C(no_log) on the task that uses the value, else Ansible shows it.
options:
  _terms:
    description:
      - Names of values. C(KEY) is short for C(stack/KEY), a value of the stack. A value of a service is
        C(SERVICE/KEY).
    required: true
  name:
    description:
      - The stack's name.
      - For a stack with a project, also set O(project) and O(environment). Values of another owner are an error
        (C(conflict)).
    type: str
    required: true
  project:
    description: The stack's project, if it has one.
    type: str
  environment:
    description: The stack's environment, if it has one.
    type: str
  store:
    description:
      - The store of the values.
      - V(auto) reads the gathered facts of O(host). If they have no values of the stack, it reads the Swarm, which
        stores the values if there are several managers.
      - V(host_facts) reads the gathered facts of O(host) or, with O(path), a directory on the controller.
      - V(swarm) reads from the Engine at O(docker_host), which the controller must reach. Encrypted values are
        decrypted with the play's vault password.
    type: str
    choices: [auto, host_facts, swarm, vault]
    default: auto
  path:
    description:
      - For V(vault), the file. Defaults to C(stackwright_values.yml) next to the inventory.
      - For V(host_facts), a directory on the controller, if the controller is the manager.
    type: path
  host:
    description: The inventory name of the manager with the facts. Defaults to the host of the task.
    type: str
  docker_host:
    description: The address of a manager's Engine that the controller can reach, for V(swarm).
    type: str
    default: unix:///var/run/docker.sock
notes:
  - If the controller can't reach an Engine, use M(stackwright.swarm.stack_values) with C(state=read), which returns
    values over the task's own connection.
  - The facts require C(gather_facts), or M(ansible.builtin.setup) with C(gather_subset=local), as root.
seealso:
  - module: stackwright.swarm.stack_values
"""

EXAMPLES = r"""
- name: Read the manager's local facts
  ansible.builtin.setup:
    gather_subset: [local]

- name: Create a password for the monitoring
  ansible.builtin.copy:
    content: "{{ lookup('stackwright.swarm.stack_value', 'db/POSTGRES_PASSWORD', name='shop') }}"
    dest: "{{ monitoring_folder }}/password"
    mode: "0600"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The values, in the order of the names.
  type: list
  elements: str
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    EngineError,
    StackwrightError,
    ValueStoreError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import FACT, HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import full_name
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultText
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.play_vault import play_vault

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class LookupModule(LookupBase):
    def run(self, terms: list[object], variables: Variables | None = None, **kwargs: object) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        names = [full_name(str(term)) for term in terms]
        try:
            stack = Stack(*(self.get_option(part) for part in ("name", "project", "environment")))
            kept = self._kept(stack, variables or {}, names)
            return [self._value(kept, name) for name in names]
        except StackwrightError as error:
            raise AnsibleLookupError(f"stack_value: {error} (error_code {error.error_code})") from None

    def _value(self, kept: Kept, name: str) -> str:
        version = kept.current(name)
        if version is None or version.value is None:
            raise ValueStoreError(
                f"There is no value {name} in the stack {kept.stack}.",
                "value_missing",
                f"Kept values: {', '.join(sorted(kept.entries)) or 'none'}. Deploy the stack first, or set the option "
                "that names its store.",
            )
        return version.value

    def _kept(self, named: Stack, variables: Variables, names: list[str]) -> Kept:
        store, path, stack = self.get_option("store"), self.get_option("path"), named.full_name
        if store == "vault":
            vault = play_vault(self._loader, variables, named.data, {"store": store, "path": path}, names)
            return vault.read()[0] if vault else Kept(stack)
        if store == "auto" and not path:
            # Not the facts of other hosts: they may be of another Swarm.
            with suppress(ValueStoreError):  # not gathered
                if self._local(variables).get(FACT + stack) is not None:
                    return self._from_facts(named, variables)
            try:
                return self._from_swarm(named, names)
            except EngineError as error:
                raise ValueStoreError(
                    f"The gathered facts of the host have no values of the stack {stack}, and the Swarm "
                    f"can't be asked: {error.message}",
                    "store_unreadable",
                    "Gather the facts (ansible.builtin.setup with gather_subset: [local], as root), set docker_host "
                    "to an address that the controller can reach, or read the values with stack_values, state: read.",
                ) from None
        if store == "swarm":
            return self._from_swarm(named, names)
        if path:
            facts = HostFacts(stack, None, path)
            facts.owner = named.owner
            return facts.read()[0]
        return self._from_facts(named, variables)

    def _from_swarm(self, named: Stack, names: list[str]) -> Kept:
        from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
        from ansible_collections.stackwright.swarm.plugins.module_utils.store.swarm import SwarmStore, is_encrypted

        client = EngineClient(Connection(docker_host=self.get_option("docker_host")))
        try:
            swarm = SwarmStore(named.full_name, client)
            swarm.owner = named.owner
            _number, content = swarm.newest()
            if is_encrypted(content):
                text = VaultText(named.full_name, swarm.where, self._loader._vault, None, names, owner=named.owner)
                return text.opened(content.decode("utf-8", "surrogateescape"))[0]
            return swarm.read()[0]
        finally:
            client.close()

    def _local(self, variables: Variables) -> Mapping[str, Any]:
        host = self.get_option("host")
        known: Any = (variables.get("hostvars") or {}).get(host) or {} if host else variables
        local = (known.get("ansible_facts") or {}).get("ansible_local") or known.get("ansible_local")
        if isinstance(local, Mapping):
            return local
        raise ValueStoreError(
            f"The local facts of {host or variables.get('inventory_hostname')} are "
            + ("not known." if local is None else "not a map."),
            "store_unreadable",
            f"Gather them {'first' if local is None else 'again'}: ansible.builtin.setup with gather_subset: [local], "
            "as root.",
        )

    def _from_facts(self, named: Stack, variables: Variables) -> Kept:
        stack = named.full_name
        data = plain(self._local(variables).get(FACT + stack))
        return Kept(stack) if data is None else Kept.from_data(data, stack, f"ansible_local.{FACT}{stack}", named.owner)
