# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a value store: read, and write if no other run has written since."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept

#: Each failed try means that another run wrote successfully; so many at once are not expected.
TRIES = 200


class StoreConflict(Exception):
    """Another run has written since this run read the store."""


class Store:
    """A place that keeps the values of one stack. ``kind`` is its name in options, ``where`` its place in messages.

    ``owner`` (PROJECT/ENVIRONMENT/NAME, if it is set) is that of the stack: ``read`` raises ValueStoreError
    (``conflict``) if the values belong to another one with the same name.
    """

    kind = ""
    where = ""
    owner = ""
    #: Its content when ``store: auto`` chose it.
    seen: Optional[Tuple[Kept, Any]] = None

    def read(self) -> Tuple[Kept, Any]:
        """Returns the values (none if there is nothing yet), and a token that identifies this state for ``write``.

        Raises ValueStoreError: ``store_unreadable``, ``store_permissions``, ``store_damaged``.
        """
        raise NotImplementedError

    def write(self, kept: Kept, token: object) -> None:
        """Replaces all values, atomically and durably.

        Raises StoreConflict if the store was written since ``token``, ValueStoreError (``store_unwritable``,
        ``store_full``) if it can't be written. The store is unchanged then.
        """
        raise NotImplementedError


def latest(store: Store) -> Tuple[Kept, Any]:
    """Reads the store, unless ``store: auto`` has just read it to choose it."""
    found, store.seen = store.seen, None
    return found or store.read()


def update(store: Store, edit: Callable[[Kept], Kept]) -> Kept:
    """Reads, edits and writes; repeats if another run was faster. Writes nothing if ``edit`` changes nothing.

    Returns the new content of the store. Raises ValueStoreError.
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
    """Returns the error for a store that other runs wrote during every attempt to write it."""
    return ValueStoreError(
        f"The value store {store.where} was changed by others during every attempt.", hint="Run again later."
    )
