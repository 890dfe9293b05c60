# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store ``swarm``: the values are in the raft log of the managers, as a Docker config.

They are readable JSON, or the text of a vault that the controller encrypted.

The data of a config can't be changed, so each write creates a config with the next number in its name. Such a name can
be created only once, which makes it a compare-and-swap over all managers. The config with the highest number counts.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import is_transient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import NO_ENGINE, EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    OWNER,
    STACK,
    id_of,
    labels_of,
    name_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import values_name
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept, damaged, from_json
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store, StoreConflict

#: The Engine refuses a config of this size in bytes, or larger.
LIMIT = 1_024_000


class SwarmStore(Store):
    """The values of ``stack`` in the Swarm of ``client``. Everyone with access to a manager's Engine can read them."""

    kind = "swarm"

    def __init__(self, stack: str, client: EngineClient) -> None:
        self.stack, self.client = stack, client
        self.prefix = values_name(stack)
        self.where = f"swarm (Docker config {self.prefix}*)"

    def read(self) -> Tuple[Kept, Any]:
        number, content = self.newest()
        if not content or (is_encrypted(content) and b"!vault" not in content):
            return Kept(self.stack, owner=self.owner), number
        if is_encrypted(content):
            raise ValueStoreError(
                f"The values of {self.stack} in the Swarm are encrypted with Ansible Vault; this run can't decrypt "
                "them.",
                "values_encrypted",
                "Give the play the vault password (--ask-vault-pass, --vault-id), and set encrypted: vault in the "
                "task.",
            )
        return from_json(content, self.stack, self._named(number), self.owner), number

    def newest(self) -> Tuple[int, bytes]:
        """Returns the number of the newest config, 0 if there is none, and its data. Raises ValueStoreError."""
        found = self._generations()
        if not found:
            return 0, b""
        number, config = found[-1]
        data = config["Spec"].get("Data") or ""
        try:
            content = base64.b64decode(data, validate=True) if len(data) < 2 * LIMIT else b""
        except (TypeError, ValueError):
            content = b""
        if not content:
            raise damaged(self._named(number), "its data is not in the Swarm's format")
        return number, content

    def write(self, kept: Kept, token: Any) -> None:
        self.put(json.dumps(kept.as_data(), sort_keys=True, separators=(",", ":")).encode(), token)

    def put(self, content: bytes, token: int) -> None:
        """Creates the newest config from ``content`` if that of ``token`` still is the newest. Raises as ``write``."""
        if len(content) >= LIMIT:
            raise ValueStoreError(
                f"The values of {self.stack} with their older versions need {len(content)} bytes; the Swarm allows "
                f"less than {LIMIT} in one config. Nothing was changed.",
                "store_full",
                "Store large values elsewhere: in the store host_facts or vault, or in a secret with a file.",
            )
        number = int(token) + 1
        body = {
            "Name": f"{self.prefix}{number}",
            "Labels": {STACK: self.stack, **({OWNER: self.owner} if self.owner else {})},
            "Data": base64.b64encode(content).decode("ascii"),
        }
        try:
            mine = self._create(body)
        except EngineError as error:
            if error.error_code == "conflict":
                raise StoreConflict from None
            raise
        # Another run may have used this number and removed the config since: only the highest number counts.
        found = self._generations()
        if not found or id_of(found[-1][1]) != mine:
            self.client.delete(f"/configs/{mine}")
            raise StoreConflict
        for _number, config in found[:-1]:
            self.client.delete(f"/configs/{id_of(config)}")

    def _create(self, body: Mapping[str, object]) -> str:
        try:
            return self.client.create("/configs/create", body)
        except EngineError as error:
            if not is_transient(error):
                raise
            # The answer may be lost although the config was created.
            for config in self.client.list("/configs", {"filters": {"name": [body["Name"]]}}):
                if name_of(config) == body["Name"] and config["Spec"].get("Data") == body["Data"]:
                    return id_of(config)
            raise

    def _generations(self) -> List[Tuple[int, Dict[str, Any]]]:
        found = []
        for config in self.client.list("/configs", {"filters": {"name": [self.prefix]}}):
            if not _is_config(config):
                # If it was ignored, the stack would seem to have no values and would get new ones.
                raise EngineError(f"GET /configs on {self.client.where}: the answer has no configs.", hint=NO_ENGINE)
            name = name_of(config)
            number = name[len(self.prefix) :]
            mine = name.startswith(self.prefix) and labels_of(config).get(STACK) == self.stack
            if mine and number.isascii() and number.isdecimal() and len(number) < 16:
                found.append((int(number), config))
        return sorted(found, key=lambda pair: pair[0])

    def _named(self, number: int) -> str:
        return f"swarm (Docker config {self.prefix}{number})"


def is_encrypted(content: bytes) -> bool:
    """Whether this is the text of a vault, and not JSON."""
    return content.startswith(b"#")


def _is_config(config: Dict[str, object]) -> bool:
    spec = config.get("Spec")
    if not isinstance(spec, dict) or not isinstance(config.get("ID"), str):
        return False
    labels = spec.get("Labels")
    return isinstance(spec.get("Name"), str) and (labels is None or isinstance(labels, dict))
