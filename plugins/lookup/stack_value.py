# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_value
short_description: A kept value of a stack, for use in another task or play
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Gives the current version of values that M(stackwright.swarm.compose_stack) keeps, such as a generated password.
  - The value is handed to the task that asks. Set C(no_log) there, or Ansible shows it.
options:
  _terms:
    description:
      - Names of values. C(KEY) stands for C(stack/KEY), the value of the stack; that of a service is C(SERVICE/KEY).
    required: true
  name:
    description:
      - The stack's name.
      - A stack with a project needs O(project) and O(environment) too. Values that record another owner are an error
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
      - Where the values are.
      - V(auto) takes the values from the gathered facts of O(host). Where these have none of the stack, it asks the
        Swarm, which has the values where there are several managers.
      - V(host_facts) looks into the gathered facts of O(host), or, with O(path), into a folder of the controller.
      - V(swarm) asks the Engine at O(docker_host) from the controller. Values that are encrypted there are opened with
        the play's vault password.
    type: str
    choices: [auto, host_facts, swarm, vault]
    default: auto
  path:
    description:
      - Of V(vault) the file, C(stackwright_values.yml) beside the inventory unless given.
      - Of V(host_facts) a folder on the controller, where that is the manager itself.
    type: path
  host:
    description: The inventory's name of the manager that has the facts. The host of the task unless given.
    type: str
  docker_host:
    description: The address of a manager's Engine as the controller reaches it, for V(swarm).
    type: str
    default: unix:///var/run/docker.sock
notes:
  - Where the controller can't reach an Engine, M(stackwright.swarm.stack_values) with C(state=read) gives values
    over the task's own connection.
  - The facts need C(gather_facts), or M(ansible.builtin.setup) with C(gather_subset=local), as root.
seealso:
  - module: stackwright.swarm.stack_values
"""

EXAMPLES = r"""
- name: Read the manager's local facts
  ansible.builtin.setup:
    gather_subset: [local]

- name: Tell the monitoring how to log in
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
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    EngineError,
    StackwrightError,
    ValueStoreError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import FACT
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import full_name
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import Clock, VaultText
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.play_vault import play_vault


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[str]:
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
                f"There is no value {name} of the stack {kept.stack}.",
                "value_missing",
                f"Kept are: {', '.join(sorted(kept.entries)) or 'none'}. Deploy the stack first, or name its store.",
            )
        return version.value

    def _kept(self, named: Stack, variables: Mapping[str, Any], names: list[str]) -> Kept:
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
                    f"The facts of the host that were gathered have no values of the stack {stack}, and the Swarm "
                    f"can't be asked: {error.message}",
                    "store_unreadable",
                    "Gather the facts (ansible.builtin.setup with gather_subset: [local], as root), give docker_host "
                    "as the controller reaches it, or read the values with stack_values, state: read.",
                ) from None
        if store == "swarm":
            return self._from_swarm(named, names)
        if path:
            from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts

            facts = HostFacts(stack, Clock, path)
            facts.owner = named.owner
            return facts.read()[0]
        return self._from_facts(named, variables)

    def _from_swarm(self, named: Stack, names: list[str]) -> Kept:
        from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
        from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
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

    def _local(self, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        host = self.get_option("host")
        known = (variables.get("hostvars") or {}).get(host) or {} if host else variables
        local = (known.get("ansible_facts") or {}).get("ansible_local") or known.get("ansible_local")
        if isinstance(local, Mapping):
            return local
        raise ValueStoreError(
            f"The local facts of {host or variables.get('inventory_hostname')} are "
            + ("not known." if local is None else "no map."),
            "store_unreadable",
            f"Gather them {'first' if local is None else 'again'}: ansible.builtin.setup with gather_subset: [local], "
            "as root.",
        )

    def _from_facts(self, named: Stack, variables: Mapping[str, Any]) -> Kept:
        stack = named.full_name
        data = plain(self._local(variables).get(FACT + stack))
        return Kept(stack) if data is None else Kept.from_data(data, stack, f"ansible_local.{FACT}{stack}", named.owner)
