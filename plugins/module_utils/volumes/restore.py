# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a snapshot to its volume. The previous content is kept as a snapshot until the new content is complete.

It replaces the volume with a new one, and compares the content with the snapshot. A note marks the restore as
unfinished, so that no later run uses an incomplete volume.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.quiesce import STOP, Scale, Users
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.shelf import (
    BEFORE,
    RESTORING,
    Shelf,
    folder_errors,
    load,
    opened,
    save,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.snapshot import shown, store

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Labels, Volume
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Meta, Options, Restoring

Result = Dict[str, Any]
LATEST = "latest"


def restore(
    client: EngineClient,
    clock: Clock,
    params: Options,
    check: bool,
    scale: Scale,
    origin: Optional[str] = None,
    labels: Optional[Labels] = None,
) -> Result:
    """Restores a volume. Returns the module's result. ``params`` are the options of volume_restore.

    :param origin: the volume of the snapshot, if it is another one.
    :param labels: the volume's new labels, in place of its current ones.

    Raises StackwrightError (``no_snapshot``, ``snapshot_damaged``, ``volume_in_use``, ``volume_not_local``,
    ``restore_failed``, ``cannot_stop``, ``not_a_manager``, and the codes of ``take``), EngineError.
    """
    client.get("/info")
    with contextlib.ExitStack() as closing:
        closing.enter_context(folder_errors(params["src"]))
        shelf = Shelf(params["src"], _full_name(params))
        # Before ``opened`` creates the folder.
        source = Shelf(params["src"], origin) if origin else shelf
        meta = _chosen(source, params["snapshot"])
        if not check:
            closing.enter_context(opened(params["src"], [shelf.volume]))
        source.verify(meta)
        if not check:
            local.clear(client, shelf.volume)
        return _Restore(client, clock, shelf, source, meta, params, scale, labels).run(check)


class _Restore:
    def __init__(
        self,
        client: EngineClient,
        clock: Clock,
        shelf: Shelf,
        source: Shelf,
        meta: Meta,
        params: Options,
        scale: Scale,
        labels: Optional[Labels],
    ) -> None:
        self.client, self.clock, self.shelf, self.meta, self.params = client, clock, shelf, meta, params
        self.source, self.labels = source, labels
        self.users = Users(client, clock, [shelf.volume], params["src"], scale, params["wait_timeout"])
        #: The note of a restore that an earlier run has not finished.
        self.left: Optional[Restoring] = load(shelf.path(RESTORING))  # type: ignore[assignment]
        self.volume = local.find(client, shelf.volume)

    def run(self, check: bool) -> Result:
        content = None if self.volume is None else local.read(self.client, self.shelf.volume).digest
        changed = content != self.meta["content"]["digest"] or self.left is not None
        if self.volume is not None and self.labels is not None:
            changed = changed or (self.volume.get("Labels") or {}) != self.labels
        if changed and self.params["quiesce"] != STOP:
            self.users.refuse()
        if changed and not check:
            self._change()
        elif changed:
            self._refuse_plain()
            if self.params["quiesce"] == STOP:
                self.users.check_stop()
        elif not check:
            self.users.resume()
        return {
            "changed": changed,
            "node": self.client.node,
            "snapshot": shown({**self.meta, "new": False}),
            "before": self.left["before"] if self.left else None,
            "stopped": self.users.stopped,
            "calls": self.client.calls,
        }

    def _change(self) -> None:
        local.image(self.client, self.shelf.volume)  # fails, if it does, before the volume is removed
        with self.users.resuming(after_success=False):  # after success, they start when the volume is complete
            self._refuse_plain()
            if self.params["quiesce"] == STOP:
                self.users.quiesce(STOP, ())
            self.users.refuse()
            if self.left is None:
                self._note()
        try:
            self._fill(self.source, self.meta)
        except StackwrightError as error:
            self._undo(error)
        self._finish()

    def _refuse_plain(self) -> None:
        """Raises StackwrightError (``volume_in_use``) for containers of no service. Even ended ones keep the volume."""
        plain = [
            local.name_of(one)
            for one in local.users(self.client, self.shelf.volume)
            if local.TASK not in (one.get("Labels") or {})
        ]
        if plain:
            raise StackwrightError(
                f"The volume {self.shelf.volume} on {self.client.node} is used by containers that belong to no "
                "service: "
                f"{', '.join(sorted(plain))}. Nothing was changed.",
                "volume_in_use",
                "Remove these containers.",
            )

    def _note(self) -> None:
        before = None
        if self.volume is not None:
            fields: Meta = {"kind": BEFORE, "consistency": "stopped", "labels": {}}
            kept = store(self.client, self.clock, self.shelf, self.volume, fields)
            self.shelf.describe(kept)
            self.shelf.verify(kept)
            before = kept["id"]
        labels = self.labels or (self.volume and self.volume.get("Labels")) or self.meta["volume_labels"]
        self.left = {"snapshot": self.meta["id"], "before": before, "labels": labels}
        save(self.shelf.path(RESTORING), self.left)

    def _fill(self, shelf: Shelf, meta: Meta) -> None:
        volume: Volume = {
            "Name": self.shelf.volume,
            "Labels": self.left["labels"] if self.left else meta["volume_labels"],
        }
        with open(shelf.path(meta["id"], ".tar"), "rb") as file:
            local.fill(self.client, self.clock, volume, file, meta["content"]["length"])
        if local.read(self.client, self.shelf.volume).digest != meta["content"]["digest"]:
            raise StackwrightError("the content of the volume differs from the snapshot", "restore_failed")

    def _undo(self, error: StackwrightError) -> None:
        """Restores the previous content, then raises StackwrightError in any case."""
        before = self.left["before"] if self.left else None
        name = f"The volume {self.shelf.volume} on {self.client.node} was not restored: {error.message.rstrip('.')}."
        try:
            if before is None:
                raise error
            self.users.clear()  # waits until a restarting Engine answers
            self._fill(self.shelf, self.shelf.meta(before))
        except StackwrightError:
            kept = f" Its previous content is the snapshot {before}." if before else ""
            raise StackwrightError(
                f"{name} Its content is not complete, and its services stay stopped.{kept}",
                "restore_failed",
                "Remove the cause, and run volume_restore again, with this or another snapshot.",
            ) from error
        self._finish()
        raise StackwrightError(f"{name} Its previous content was restored.", error.error_code, error.hint) from error

    def _finish(self) -> None:
        with self.users.resuming():
            os.unlink(self.shelf.path(RESTORING))
            self.shelf.retain(1, BEFORE)


def _full_name(params: Options) -> str:
    stack, name = params["name"], str(params["volume"])
    full = f"{stack}_{name}" if stack else name
    own = Shelf(params["src"], full)
    return full if not stack or os.path.isdir(own.folder) else name


def _chosen(shelf: Shelf, name: Optional[str]) -> Meta:
    if name and name != LATEST:
        return shelf.meta(name)
    found = shelf.all(strict=True)  # a damaged one may be the newest
    return found[-1] if found else shelf.meta(LATEST)
