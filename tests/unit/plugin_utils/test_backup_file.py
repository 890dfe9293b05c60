"""Backups of raft data on the controller: encrypted, checked for damage, and removed when they are old."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault import backup_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.backup_file import (
    Cipher,
    check_folder,
    expired,
    read,
    remove_expired,
    write,
)

FACTS = {"cluster_id": "jrbs3yqvnxzq2fgtpy5njs0y6", "node": "m2", "objects": {"services": 3}}
ARCHIVE = "c2VjcmV0IG9mIHRoZSByYWZ0"


def cipher(password=b"p", command=None):
    return Cipher(VaultLib([("default", VaultSecret(password))] if password else []), None, command)


def saved(folder, hour=3, by=None):
    return write(str(folder), FACTS, ARCHIVE, by or cipher(), f"2026-11-29T{hour:02}:00:00Z")


@pytest.mark.parametrize("by", [cipher(), cipher(None, "openssl enc -aes-256-cbc -pbkdf2 -pass pass:x")])
def test_what_is_saved_is_read_again_and_by_nobody_else(tmp_path, by):
    manifest = saved(tmp_path, by=by)
    content = Path(manifest["path"]).read_bytes()
    assert ARCHIVE.encode() not in content and manifest["bytes"] == len(content)
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o600"}
    assert ARCHIVE not in (tmp_path / "swarm-jrbs3yqvnxzq-20261129T030000Z.json").read_text()
    back = Cipher(by.vault, None, f"{by.command} -d" if by.command else None)
    assert read(manifest["path"], back) == (FACTS, ARCHIVE)


def test_damage_a_wrong_password_and_no_manifest_are_told(tmp_path):
    path = saved(tmp_path)["path"]
    with pytest.raises(StackwrightError) as caught:
        read(path, cipher(b"other"))
    assert caught.value.error_code == "backup_not_decrypted"
    content = bytearray(Path(path).read_bytes())
    content[-5] ^= 1
    Path(path).write_bytes(content)
    with pytest.raises(StackwrightError, match="checksum") as caught:
        read(path, cipher())
    assert caught.value.error_code == "damaged_backup"
    os.unlink(path.replace(".raft", ".json"))
    with pytest.raises(StackwrightError, match="can't be read"):
        read(path, cipher())


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (cipher(None), "no vault password"),
        (cipher(None, "sh -c 'echo no key >&2; exit 3'"), "exit code 3: no key"),
        (cipher(None, "true"), "it wrote nothing"),
        (cipher(None, "/nonexistent/age"), "No such file"),
        (Cipher(VaultLib([("dev", VaultSecret(b"d"))]), "prod", None), "prod"),
    ],
)
def test_nothing_is_written_if_it_can_not_be_encrypted(tmp_path, by, said):
    with pytest.raises(StackwrightError, match=said) as caught:
        saved(tmp_path, by=by)
    assert caught.value.error_code == "backup_not_encrypted" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", ["false", "sleep 5; true", "sh 'no end"])
def test_an_error_of_a_command_does_not_show_its_arguments(program, monkeypatch):
    monkeypatch.setattr(backup_file, "TIMEOUT", 0.1)
    command = f"sh -c '{program}' -k hunter2" if ";" in program else f"{program} -k hunter2"
    with pytest.raises(StackwrightError) as caught:
        cipher(None, command).encrypt(b"x")
    assert "hunter2" not in str(caught.value) and f"The command '{command.split()[0]}' failed" in str(caught.value)


def test_a_blank_command_is_none():
    assert cipher(b"p", " ").name == "ansible-vault" and cipher(b"p", " ").encrypt(b"x").startswith(b"$ANSIBLE_VAULT")


def test_old_backups_of_this_swarm_expire(tmp_path):
    for hour in (1, 2, 3):
        saved(tmp_path, hour)
    (tmp_path / "swarm-othercluster-20200101T000000Z.raft").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    found = expired(str(tmp_path), FACTS["cluster_id"], 2)
    assert found == ["swarm-jrbs3yqvnxzq-20261129T010000Z.json", "swarm-jrbs3yqvnxzq-20261129T010000Z.raft"]
    assert expired(str(tmp_path), FACTS["cluster_id"], 0) == [] == expired(str(tmp_path), FACTS["cluster_id"], 3)


def test_two_runs_may_remove_the_same_backups(tmp_path, monkeypatch):
    for hour in (1, 2, 3):
        saved(tmp_path, hour)
    old = [str(tmp_path / f"swarm-jrbs3yqvnxzq-20261129T010000Z.{end}") for end in ("json", "raft")]
    unlink = os.unlink

    def by_both(path):
        unlink(path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", by_both)
    removed = remove_expired(str(tmp_path), FACTS["cluster_id"], 2)
    assert [str(tmp_path / name) for name in removed] == old and len(list(tmp_path.iterdir())) == 4


def test_an_old_backup_that_can_not_be_removed_is_an_error(tmp_path, monkeypatch):
    saved(tmp_path, 1)
    saved(tmp_path, 2)

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(
        StackwrightError, match=r"The new backup is complete, but .*010000Z.json can't be removed"
    ) as caught:
        remove_expired(str(tmp_path), FACTS["cluster_id"], 1)
    assert caught.value.error_code == "backup_unwritable" and caught.value.hint


def test_what_a_killed_run_has_left_goes_with_the_next(tmp_path):
    for hour in (1, 2, 3):
        saved(tmp_path, hour)
    stem = "swarm-jrbs3yqvnxzq-20261129T0"
    (tmp_path / f"{stem}40000Z.raft.new").write_text("half")
    (tmp_path / f"{stem}30000Z.json").unlink()
    left = [f"{stem}30000Z.raft", f"{stem}40000Z.raft.new"]
    assert expired(str(tmp_path), FACTS["cluster_id"], 0) == left == expired(str(tmp_path), FACTS["cluster_id"], 2)
    assert expired(str(tmp_path), FACTS["cluster_id"], 1)[:2] == [f"{stem}10000Z.json", f"{stem}10000Z.raft"]


def test_a_folder_that_can_not_be_written(tmp_path):
    check_folder(str(tmp_path / "new"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StackwrightError) as caught:
        check_folder(str(tmp_path / "file"))
    assert caught.value.error_code == "backup_unwritable"


def test_what_is_no_backup(tmp_path):
    manifest = saved(tmp_path)
    other = cipher().encrypt(json.dumps(["x"]).encode())
    Path(manifest["path"]).write_bytes(other)
    with open(manifest["path"].replace(".raft", ".json"), "w") as target:
        json.dump({"sha256": hashlib.sha256(other).hexdigest()}, target)
    with pytest.raises(StackwrightError, match="not a backup"):
        read(manifest["path"], cipher())
