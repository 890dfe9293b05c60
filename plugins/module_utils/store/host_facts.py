# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store ``host_facts``: a file of facts on the manager, which Ansible shows under ``ansible_local``."""

from __future__ import annotations

import errno
import json
import os
from typing import Any, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core import files
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept, from_json
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store, StoreConflict

FOLDER = "/etc/ansible/facts.d"
#: The prefix of a fact's name, before the stack's.
FACT = "stackwright_"
PATIENCE = 30.0  # seconds to wait for another writer


class HostFacts(Store):
    """One file for each stack, which only its owner can read. Without a ``clock`` it can only be read."""

    kind = "host_facts"

    def __init__(self, stack: str, clock: Optional[Clock], folder: str = "") -> None:
        self.stack, self.clock = stack, clock
        self.folder = os.path.realpath(folder or FOLDER)
        self._name = f"{FACT}{stack}.fact"
        self.where = os.path.join(self.folder, self._name)
        self._lock = os.path.join(self.folder, f".{FACT}{stack}.lock")

    def read(self) -> Tuple[Kept, Any]:
        try:
            content = files.read(self.where, self.where, owned=True)
        except OSError as error:
            raise _unreadable(error, self.where) from None
        if content is None:
            return Kept(self.stack, owner=self.owner), None
        return from_json(content, self.stack, self.where, self.owner), content

    def write(self, kept: Kept, token: object) -> None:
        content = json.dumps(kept.as_data(), indent=1, sort_keys=True).encode() + b"\n"
        if len(content) > files.LARGEST:
            raise ValueStoreError(
                f"The values of {self.stack} with their older versions need {len(content)} bytes; the limit of "
                f"{self.where} is {files.LARGEST}. Nothing was changed.",
                "store_full",
                "Store large values elsewhere, for example in a config or secret with a file.",
            )
        if self.clock is None:
            raise ValueError("a store without a clock can only be read")
        wait = (self.clock, PATIENCE, self.where, self._lock)
        try:
            with files.opened(self.folder, self.where) as folder, files.lock_file(self._lock, folder, wait):
                self._replace(content if not kept.empty else None, token, folder)
        except OSError as error:
            raise ValueStoreError(
                f"The value store {self.where} can't be written: {error.strerror}. Nothing was changed: values that "
                "can't be stored are never used.",
                "store_unwritable",
                files.hint_for(error, "values.path", "store the values in the Swarm (store: swarm)"),
            ) from None

    def _replace(self, content: Optional[bytes], token: object, folder: int) -> None:
        if files.read(self._name, self.where, folder, owned=True) != token:
            raise StoreConflict
        if content is None:
            files.remove(self._name, folder)
        else:
            files.replace(self._name, content, folder)


def _unreadable(error: OSError, where: str) -> ValueStoreError:
    if error.errno == errno.ELOOP:
        return ValueStoreError(
            f"The value store {where} is a symbolic link.", "store_permissions", "Replace the link with the file."
        )
    hint = "Run the task as root (become: true)." if error.errno in (errno.EACCES, errno.EPERM) else ""
    return ValueStoreError(f"The value store {where} can't be read: {error.strerror}.", "store_unreadable", hint)
