# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module on a manager; if the values are in a vault, reads and writes it on the controller.

Managers that share a store change it once: one of them does it, the others report its name.
"""

from __future__ import annotations

import hashlib
import json
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    COMPILED,
    KEPT,
    STACK,
    STORE,
    kept_state,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import as_texts, plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome, task_key, turn
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultStore, with_vaults
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.play_vault import task_vault
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.swarm_store import ENCRYPTED

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

MODULE = "stackwright.swarm.stack_values"
#: Options that list values and change nothing.
LISTED: Mapping[str, Any] = {"state": "listed", "values": None, "names": None, "to": None}


def _opened(result: Dict[str, object], key: str) -> Dict[str, Any]:
    """Adds the values that the module has sealed. Raises StackwrightError (`store_damaged`)."""
    sealed = result.pop("sealed_values", None)
    if sealed is None:
        return result
    try:
        return {**result, "read": unseal(key, str(sealed))}
    except (ValueError, RecursionError):
        raise StackwrightError(
            "The manager's answer does not contain the values of the stack.", "store_damaged"
        ) from None


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False
    #: The requested values; the task has no_log.
    as_it_is = ("read",)

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        name = {"name": {**STACK["name"], "required": True}}
        try:
            options = self.checked({**STACK, **name, **STORE, **KEPT})
            options["state"] = kept_state(options)
            result.update(self._change(options, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        result.pop("invocation", None)
        return result

    def _change(self, options: Dict[str, Any], variables: Variables) -> Dict[str, Any]:
        stack = Stack.of(options).data
        key = self._read_key(options["state"])
        compiled: Dict[str, Any] = {"read_key": key} if key else {}
        arguments = plain(self._task.args)
        if options["values"] is not None:
            arguments["values"] = as_texts(options["values"])
        moves = options["state"] == "moved"
        own: Any = options
        found = {"vault": task_vault(self, variables, stack, own, None, moves=moves)}
        if moves:
            to: Any = options["to"] or {}
            found["to_vault"] = task_vault(self, variables, stack, to, None, moves=True, anew=True)
        vaults: Dict[str, Any] = {slot: store for slot, store in found.items() if store is not None}

        def attempt(given: Dict[str, object]) -> Dict[str, Any]:
            if not vaults:
                given = {**given, COMPILED: json.dumps(compiled)} if compiled else given
                done: Dict[str, Any] = self._execute_module(MODULE, module_args=given, task_vars=variables)
                return done

            def run(sent: Dict[str, object], again: bool) -> Dict[str, Any]:
                full = {**given, COMPILED: json.dumps({**compiled, "vaults": sent}, separators=(",", ":"))}
                done = self._execute_module(MODULE, module_args=full, task_vars=variables)
                return {**done, "changed": True} if again and not done.get("failed") else done

            return with_vaults(vaults, run)

        def work(**other: object) -> Dict[str, Any]:
            given = {**arguments, **other}
            done = attempt(given)
            if done.get("error_code") == ENCRYPTED and "vault" not in vaults:
                # A manager has data that the options do not have.
                vaults["vault"] = task_vault(self, variables, stack, own, None, found=True, moves=moves)
                done = attempt(given)
            return done

        alone = len(variables.get("ansible_play_batch") or ()) < 2 or self._task.run_once
        if key:
            return _opened(work(), key)  # each host gets the values
        if alone or options["state"] == "listed" or self._task.check_mode:
            return work()
        place = found["vault"].where if isinstance(found["vault"], VaultStore) else ""
        if not place:
            look = {**arguments, **LISTED, COMPILED: json.dumps({"meet": True})}
            looked: Dict[str, Any] = self._execute_module(MODULE, module_args=look, task_vars=variables)
            if looked.get("failed"):
                return looked
            place = looked.pop("cluster_id", "")
        # Without a place the values are host facts, which belong to one host only.
        return self._once(f"{stack['name']}/{place}", work, options, variables) if place else work()

    def _read_key(self, state: str) -> str:
        """Returns a key that seals the values in transit; empty unless they are read.

        Raises StackwrightError (`no_log_needed`).
        """
        if state != "read":
            return ""
        if not getattr(self._task, "no_log", False):
            raise StackwrightError(
                "state: read returns values, which Ansible shows and logs unless the task sets no_log: true.",
                "no_log_needed",
                "Set no_log: true on this task and on each task that uses its registered result. Nothing was read.",
            )
        return token_hex(32)

    def _once(
        self,
        key: str,
        work: Callable[..., Dict[str, object]],
        options: Mapping[str, object],
        variables: Variables,
    ) -> Dict[str, Any]:
        """Runs ``work`` on one of the hosts that share a store."""
        host = variables["inventory_hostname"]
        wanted = {name: options[name] for name in KEPT}
        digest = hashlib.sha256(json.dumps(wanted, sort_keys=True, default=str).encode()).hexdigest()
        with turn(C.DEFAULT_LOCAL_TMP, f"{task_key(self._task, variables)}/{key}", host) as mine:
            if mine.outcome is None:
                try:
                    done = work()
                except AnsibleConnectionFailure:
                    mine.settle(Outcome(host, digest, failed=True, error_code="host_unreachable"))
                    raise
                mine.settle(Outcome(host, digest, bool(done.get("failed")), str(done.get("error_code", ""))))
                return done
            theirs = mine.outcome
        if theirs.digest != digest:
            raise StackwrightError(
                f"The hosts of this play ask for different values of one stack: {theirs.host} made another change.",
                error_code="conflict",
                hint="Use the same task options for all managers of a cluster.",
            )
        if theirs.failed:
            raise StackwrightError(
                f"It failed on {theirs.host}; the result of that host has the details.", theirs.error_code
            )
        # A second run changes nothing, except that it would regenerate values again.
        return {**(work(**LISTED) if options["state"] == "regenerated" else work()), "done_by": theirs.host}
