# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store ``vault`` on a manager: the values that the controller sent, and those that it must write.

The file is on the controller. A module can't write it; it hands the new values back, and the action plugin runs the
module again once they are kept.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store


class NotYetKept(Exception):
    """The values have to be written on the controller before they can be used."""

    def __init__(self, slot: str, kept: Kept) -> None:
        super().__init__("the controller must write its vault first")
        self.slot, self.kept = slot, kept
        self.in_place = False  # the same values in another form, in the same place
        self.made: Dict[str, str] = {}  # name to what was done to it
        self.before: Dict[str, str] = {}  # name to the version that was the current one, where that was replaced
        self.failure: Optional[StackwrightError] = None  # what the module ends with, once this is written
        self.result: Optional[Dict[str, Any]] = None  # the module's, where nothing is left to do after the writing


class Carried(Store):
    """The values that came along; writing them breaks off with NotYetKept. ``slot`` tells one vault from another.

    ``owner`` as in Store. ``number`` is that of the Docker config that has them encrypted, None of a vault on the
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
