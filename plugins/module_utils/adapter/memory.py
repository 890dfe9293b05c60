# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers a run without changes, so that Ansible need not send the whole module again (module stack_glance)."""

from __future__ import annotations

from typing import Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import Module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.target import folder_of
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.remembered import (
    Remembered,
    content_digest,
    run_key,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.trace import Trace
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import GOOD, HEALTHY
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts


class Memory:
    """Records the Engine calls of a run, and saves its result if the same run would return it again."""

    def __init__(self, module: Module, handed: Dict[str, object]) -> None:
        self._module, self._request = module, str(handed.get("request") or "")
        # The request does not contain the values in a vault.
        wanted = self._request and "vaults" not in handed
        self.trace = Trace() if wanted else None
        self._run, self._defer = (
            str(handed.get("run") or ""),
            bool(handed.get("defer") and not handed.get("only_looks")),
        )
        self._read = {path: content_digest(path) for path in self._files()} if wanted else {}

    def _files(self) -> List[str]:
        values = self._module.params.get("values")
        return [] if values is None else [HostFacts(self._module.params["name"], None, values.get("path") or "").where]

    def keep(self, result: Dict[str, object]) -> None:
        """Saves a result without errors, changes and problems."""
        fine = not any(result.get(word) for word in ("failed", "changed", "locked_by"))
        fine = fine and result.get("status", HEALTHY) in GOOD
        if self.trace is not None and self.trace.is_repeatable and fine:
            shown = self._module.told(dict(result))
            shown.pop("invocation")
            key = run_key(self._module.params, self._run, self._defer, self._module.check_mode)
            Remembered(folder_of(self._module), key, self._request).save(self.trace.calls, self._read, shown)
