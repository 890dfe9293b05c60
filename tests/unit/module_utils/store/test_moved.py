# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving values between stores while another run writes to the source."""

from __future__ import annotations

import random

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.store.edit import Edit
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import GENERATED, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import Store, StoreConflict, update


class Memory(Store):
    kind = "memory"

    def __init__(self, where, on_write=lambda: None):
        self.where, self.on_write = where, on_write
        self.kept, self.token = Kept("shop"), 0

    def read(self):
        return self.kept, self.token

    def write(self, kept, token):
        if token != self.token:
            raise StoreConflict
        self.kept, self.token = kept, token + 1
        self.on_write()


def with_value(kept, name):
    return kept.added(name, "secret", GENERATED, "00000001", "2026-01-01T00:00:00Z")


def test_a_value_that_another_run_adds_during_the_move_stays_in_the_source():
    source = Memory("source")
    target = Memory("target", lambda: update(source, lambda kept: with_value(kept, "stack/NEW")))
    update(source, lambda kept: with_value(kept, "stack/OLD"))
    params = {"state": "moved", "names": None, "to": {}}
    with pytest.raises(ValueStoreError) as caught:
        Edit(source, random.Random(1), 0.0, False).run(params, target)
    assert caught.value.error_code == "store_conflict"
    assert set(source.kept.entries) == {"stack/OLD", "stack/NEW"}


def test_a_move_empties_the_source():
    source, target = Memory("source"), Memory("target")
    update(source, lambda kept: with_value(kept, "stack/OLD"))
    Edit(source, random.Random(1), 0.0, False).run({"state": "moved", "names": None, "to": {}}, target)
    assert source.kept.empty
    assert set(target.kept.entries) == {"stack/OLD"}
