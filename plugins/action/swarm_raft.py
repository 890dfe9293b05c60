# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the raft data of a manager encrypted on the controller, and restores it to a machine."""

from __future__ import annotations

import hashlib
import json
import time
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Dict

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.raft_options import SAVED, SWARM_RAFT
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.backup_file import (
    Cipher,
    check_folder,
    read,
    remove_expired,
    write,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

MODULE = "stackwright.swarm.swarm_raft"
#: Facts of a backup in the result of a restore, and all facts in its manifest.
RETURNED = ("cluster_id", "node", "node_id", "managers", "node_labels", "node_availability")
FACTS = (*RETURNED, "address", "engine", "autolock", "objects")


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(SWARM_RAFT)
            check_ranges(options)
            options["path"] = self._loader.path_dwim(options["path"])
            saves = options["state"] == SAVED
            command = options["encrypt_command" if saves else "decrypt_command"]
            cipher = Cipher(self._loader._vault, options["vault_id"], command)
            result.update((self._save if saves else self._restore)(options, cipher, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result

    def _save(self, options: Dict[str, Any], cipher: Cipher, variables: Variables) -> Dict[str, Any]:
        # A wrong password or command must fail before the Engine is stopped.
        cipher.encrypt(b"a test")
        if self._task.check_mode:
            return self._module({"look": True}, variables)
        check_folder(options["path"])
        key = token_hex(32)
        done = self._module({"key": key}, variables)
        if done.get("failed"):
            return done
        try:
            archive = str(unseal(key, str(done.pop("sealed_values", ""))))
        except ValueError:
            raise StackwrightError("The manager's answer can't be read. No backup was written.", "bad_answer") from None
        created = iso(time.time())
        manifest = write(options["path"], {name: done[name] for name in FACTS}, archive, cipher, created)
        removed = remove_expired(options["path"], str(done["cluster_id"]), options["keep"])
        return {**done, **manifest, "removed": removed}

    def _restore(self, options: Dict[str, Any], cipher: Cipher, variables: Variables) -> Dict[str, Any]:
        facts, archive = read(options["path"], cipher)
        # With this digest the module recognizes a restore that was killed.
        digest = hashlib.sha256(archive.encode()).hexdigest()
        handed: Dict[str, object] = {
            "facts": {**facts, "digest": digest},
            "archive": "" if self._task.check_mode else archive,
        }
        done = self._module(handed, variables)
        if done.get("failed"):
            return done
        now = done.get("objects") or facts["objects"]
        missing = {kind: count - now.get(kind, 0) for kind, count in facts["objects"].items()}
        returned = {name: facts[name] for name in RETURNED if name in facts}
        return {**done, **returned, "missing": {kind: count for kind, count in missing.items() if count > 0}}

    def _module(self, handed: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        arguments = {**self._task.args, COMPILED: json.dumps(handed)}
        done: Dict[str, Any] = self._execute_module(MODULE, module_args=arguments, task_vars=variables)
        return done
