# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store ``vault`` on a manager: the values that the controller sent, and those that it must write.

A module can't write the file on the controller. It returns the new values, and the action plugin writes them and runs
the module again.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store


class NotYetKept(Exception):
    """The controller must write the values before they are used."""

    def __init__(self, slot: str, kept: Kept) -> None:
        super().__init__("the controller must write its vault first")
        self.slot, self.kept = slot, kept
        self.in_place = False  # the same values in another format, in the same place
        self.made: Dict[str, str] = {}  # by name: what was done to the value
        self.before: Dict[str, str] = {}  # by name: the current version that was replaced
        self.failure: Optional[StackwrightError] = None  # the module fails with it after the values are written
        self.result: Optional[Dict[str, Any]] = None  # the module's, if there is nothing to do after the values


class Carried(Store):
    """The values that the controller sent; ``write`` raises NotYetKept. ``slot`` identifies the vault.

    ``owner`` as in Store. ``number`` is that of the Docker config with the encrypted values, None for a vault on the
    controller.
    """

    def __init__(
        self,
        stack: str,
        data: Optional[Mapping[str, object]],
        where: str,
        slot: str = "vault",
        number: Optional[int] = None,
        owner: str = "",
    ) -> None:
        self.where, self.slot, self.number, self.owner = where, slot, number, owner
        self.kind = "vault" if number is None else "swarm"
        self._kept = Kept(stack, owner=owner) if data is None else Kept.from_data(data, stack, where, owner)

    def read(self) -> Tuple[Kept, Any]:
        return self._kept, self.number

    def write(self, kept: Kept, token: object) -> None:
        raise NotYetKept(self.slot, kept)
