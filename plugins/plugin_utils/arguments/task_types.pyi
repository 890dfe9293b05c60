# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of options that the controller reads. Imported for types only."""

from typing import Dict, List, Optional, TypedDict

class Target(TypedDict, total=False):
    """An entry of the option ``notify``."""

    url: str
    format: str
    events: List[str]
    headers: Optional[Dict[str, object]]

class StoreAsked(TypedDict, total=False):
    """The option ``values``: where values are stored, and with which vault password."""

    store: Optional[str]
    path: Optional[str]
    vault_id: Optional[str]
    encrypted: Optional[bool]
