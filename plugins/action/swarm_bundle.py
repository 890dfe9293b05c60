# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the stacks of a Swarm in an encrypted file on the controller, and reads it for another Swarm."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from ansible.parsing.vault import VaultLib, VaultSecret

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.bundle_options import (
    READ,
    SAVED,
    SWARM_BUNDLE,
    Options,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.bundle_file import KIND, SUFFIX, read, write
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.contents import contents_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.proof import check_stacks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.restoring import Restoration
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.backup_file import (
    Cipher,
    check_folder,
    remove_expired,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import Snapshot

MODULE = "stackwright.swarm.swarm_bundle"
ROOT = Path(__file__).resolve().parents[2]


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False
    #: The requested values; the task has no_log.
    as_it_is = ("restore",)

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            given = self.checked(SWARM_BUNDLE)
            options = Options(**{name: given[name] for name in SWARM_BUNDLE})
            options = options._replace(path=str(self._loader.path_dwim(options.path)))
            result.update(self._save(options, variables) if options.state == SAVED else self._read(options, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        result.pop("invocation", None)
        return result

    def _cipher(self, options: Options, command: Optional[str]) -> Cipher:
        vault = self._loader._vault
        if options.password is not None:
            vault = VaultLib([("default", VaultSecret(options.password.encode()))])
        return Cipher(vault, options.vault_id, command)

    def _save(self, options: Options, variables: Variables) -> Dict[str, Any]:
        cipher = self._cipher(options, options.encrypt_command)
        cipher.encrypt(b"a test")
        observed, done = self._snapshot(variables)
        if done.get("failed"):
            return done
        facts, content = contents_of(
            observed, options.label_prefix, options.platform, options.values, options.secrets, options.snapshots
        )
        whole: Dict[str, object] = {"collection": _version(), "created": iso(time.time()), **done, **facts}
        if self._task.check_mode:
            return {**whole, "changed": True}
        check_folder(options.path)
        manifest = write(options.path, whole, content, cipher)
        removed = remove_expired(options.path, str(done["cluster_id"]), options.keep, KIND, SUFFIX)
        return {**manifest, "changed": True, "removed": removed}

    def _read(self, options: Options, variables: Variables) -> Dict[str, Any]:
        if options.state == READ and not getattr(self._task, "no_log", False):
            raise StackwrightError(
                "state: read returns passwords, which Ansible shows and logs unless the task sets no_log: true.",
                "no_log_needed",
                "Set no_log: true on this task. Nothing was read.",
            )
        manifest, content = read(options.path, self._cipher(options, options.decrypt_command))
        check_stacks(content["stacks"])
        result = {**manifest, "changed": False, "path": options.path}
        if options.state == READ:
            target, done = self._snapshot(variables)
            if done.get("failed"):
                return done
            result["restore"] = Restoration(
                content, options, target, manifest["platform"], manifest["not_in_bundle"], manifest.get("snapshots", ())
            ).tasks(self._task.check_mode)
        return result

    def _snapshot(self, variables: Variables) -> Tuple[Snapshot, Dict[str, Any]]:
        """Reads the Swarm of the host; returns its snapshot, and its ``cluster_id`` and ``node`` or the failure."""
        key, texts = token_hex(32), self._task.args.get("state") == SAVED
        # The manager needs no password and no content.
        names = {word for name, option in CONNECTION.items() for word in (name, *option.get("aliases", ()))}
        given = {name: value for name, value in self._task.args.items() if name in (*names, "state", "path")}
        arguments = {**given, COMPILED: json.dumps({"key": key, "texts": texts})}
        done: Dict[str, Any] = self._execute_module(MODULE, module_args=arguments, task_vars=variables)
        if done.get("failed") or done.get("unreachable"):
            return {}, {**done, "failed": True}
        try:
            observed: Snapshot = unseal(key, str(done["sealed_values"]))
        except (KeyError, ValueError):
            raise StackwrightError("The manager's answer can't be read. Nothing was changed.", "bad_answer") from None
        return observed, {name: done[name] for name in ("cluster_id", "node")}


def _version() -> str:
    """Returns the version of this collection, whether it is installed or a repository."""
    for name, pattern in (("MANIFEST.json", r'"version": "([^"]+)"'), ("galaxy.yml", r"(?m)^version: (\S+)")):
        path = ROOT / name
        found = re.search(pattern, path.read_text(encoding="utf-8")) if path.exists() else None
        if found:
            return found.group(1)
    return ""
