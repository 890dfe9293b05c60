# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata of a run for its revision: a small map of texts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN, masked_text
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.secret_text import is_secret
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import as_text

MOST_KEYS, LONGEST_VALUE = 20, 500
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")


def metadata_of(given: Mapping[object, object]) -> dict[str, str]:
    """Returns the option ``metadata`` as texts, sorted by key, with masked secrets.

    :raises StackwrightError: ``invalid_options``, with all mistakes.
    """
    wrong: list[str] = []
    if len(given) > MOST_KEYS:
        wrong.append(f"metadata has {len(given)} entries; the maximum is {MOST_KEYS}.")
    found: dict[str, str] = {}
    for key, value in list(given.items())[:MOST_KEYS]:
        name, text = as_text(key), as_text(value)
        where = f"metadata.{name[:64].encode('unicode_escape').decode()}"
        if not _KEY.match(name):
            wrong.append(f"{where} is not a valid name: use at most 64 letters, digits, '_', '.' and '-'.")
        elif isinstance(value, (Mapping, list, tuple)):
            wrong.append(f"{where} must be one value, not a map or a list: use the filter to_json.")
        elif len(text) > LONGEST_VALUE:
            wrong.append(f"{where} has {len(text)} characters; the maximum is {LONGEST_VALUE}.")
        elif not text.isprintable():
            wrong.append(f"{where} has control characters: write one line of plain text.")
        elif text:
            found[name] = HIDDEN if is_secret(name) else masked_text(text)
    if wrong:
        raise StackwrightError(" ".join(wrong), "invalid_options")
    return dict(sorted(found.items()))
