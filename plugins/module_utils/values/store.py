# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a value store: read, and write if no other run has written since."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept

#: Each time somebody else was faster, and has got on: so many at once are not to be expected.
TRIES = 200


class StoreConflict(Exception):
    """Somebody else has written since this was read."""


class Store:
    """A place that keeps the values of one stack. ``kind`` is its name in options, ``where`` its place in messages.

    ``owner`` (PROJECT/ENVIRONMENT/NAME, where it is set) says which of the stacks that can have this name: ``read``
    raises ValueStoreError (``conflict``) if the values are another's.
    """

    kind = ""
    where = ""
    owner = ""
    #: What it held when it was chosen (``store: auto``).
    seen: Optional[Tuple[Kept, Any]] = None

    def read(self) -> Tuple[Kept, Any]:
        """The values (none if there is nothing yet), and a token that says which writing they are from.

        Raises ValueStoreError: ``store_unreadable``, ``store_permissions``, ``store_damaged``.
        """
        raise NotImplementedError

    def write(self, kept: Kept, token: object) -> None:
        """Replaces everything, so that a reader sees all of it or nothing, and a crash afterwards loses nothing.

        Raises StoreConflict if the store is no longer as ``token`` says, ValueStoreError (``store_unwritable``,
        ``store_full``) where it can't be written: then it is as before.
        """
        raise NotImplementedError


def latest(store: Store) -> Tuple[Kept, Any]:
    """As ``read``; a store that was read just now, to choose it, is not read again."""
    found, store.seen = store.seen, None
    return found or store.read()


def update(store: Store, edit: Callable[[Kept], Kept]) -> Kept:
    """Reads, edits and writes; again if somebody else was faster. Writes nothing if ``edit`` changes nothing.

    Returns what the store holds afterwards. Raises ValueStoreError.
    """
    for _number in range(TRIES):
        kept, token = store.read()
        wanted = edit(kept)
        if wanted == kept:
            return kept
        try:
            store.write(wanted, token)
            return wanted
        except StoreConflict:
            continue
    raise overtaken(store)


def overtaken(store: Store) -> ValueStoreError:
    """Others have written ``store`` during every attempt to write it."""
    return ValueStoreError(
        f"The value store {store.where} was changed by others during every attempt.", hint="Run again later."
    )
