# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters text of any origin on its way into a message, a warning, a progress line or a result.

Why, and what passes unfiltered: docs/decisions/0021-what-is-shown.md.
"""

from __future__ import annotations

from typing import Any, Collection

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import plain_text
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import masked_message

#: Parts of a result that only a module and its action plugin exchange.
HANDED = frozenset(("facts", "vault_writes", "vault_made", "vault_before", "sealed_values"))
#: Parts of a result with secrets; they are complete only if the task has ``no_log``.
UNDER_NO_LOG = frozenset(("handed_routes",))


def shown(data: object, as_it_is: Collection[str] = ()) -> Any:
    """Returns a copy of plain data that is safe to show: without terminal controls and without secrets.

    :param as_it_is: keys at the top level of ``data`` whose values stay unchanged.
    """
    if isinstance(data, str):
        return masked_message(plain_text(data))
    if isinstance(data, dict):
        return {shown_line(key): item if key in as_it_is else shown(item) for key, item in data.items()}
    if isinstance(data, (list, tuple)):
        return [shown(item) for item in data]
    return data


def shown_line(text: object) -> Any:
    """Returns a text as ``shown`` does, on one line."""
    return masked_message(plain_text(text, lines=False)) if isinstance(text, str) else text
