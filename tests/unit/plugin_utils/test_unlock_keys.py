"""Unlock keys of Swarms in a vault, with Ansible's own encryption."""

import re
from types import SimpleNamespace

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault import unlock_keys
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.unlock_keys import UnlockKeys


@pytest.fixture
def opened(tmp_path, monkeypatch):
    monkeypatch.setattr(unlock_keys.context, "CLIARGS", {})

    def keys(password=b"one"):
        loader = SimpleNamespace(_vault=VaultLib([("default", VaultSecret(password))]))
        return UnlockKeys(loader, {"playbook_dir": str(tmp_path)}, {"path": "keys.yml"})

    return keys


def test_the_newest_key_comes_first_and_old_ones_end(opened, tmp_path):
    for number in range(5):
        opened().put("c1", f"SWMKEY-1-{number}")
    opened().put("c1", "SWMKEY-1-4")
    opened().put("c2", "SWMKEY-1-other")
    assert opened().of("c1") == ["SWMKEY-1-4", "SWMKEY-1-3", "SWMKEY-1-2"]
    assert opened().has("c1", "SWMKEY-1-4")
    assert not opened().has("c1", "SWMKEY-1-3")
    assert not opened().has("c3", "SWMKEY-1-4")
    # A locked manager may not say of which Swarm it is.
    assert set(opened().of("")) == {*opened().of("c1"), "SWMKEY-1-other"}
    assert not re.search("SWMKEY", (tmp_path / "keys.yml").read_text())


def test_another_password_is_an_error_and_changes_nothing(opened, tmp_path):
    opened().put("c1", "SWMKEY-1-a")
    before = (tmp_path / "keys.yml").read_text()
    with pytest.raises(ValueStoreError):
        opened(b"two").put("c1", "SWMKEY-1-b")
    assert (tmp_path / "keys.yml").read_text() == before


def test_a_vault_that_can_not_be_written_is_known_before_there_is_a_new_key(opened, tmp_path, monkeypatch):
    opened().put("c1", "SWMKEY-1-a")
    before = (tmp_path / "keys.yml").read_text()
    opened().check()
    assert (tmp_path / "keys.yml").read_text() == before

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unlock_keys.VaultStore.write.__globals__["files"], "replace", full)
    with pytest.raises(ValueStoreError):
        opened().check()
