"""The vault on the controller, with Ansible's own encryption."""

import os
import stat

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import SET, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import seal
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault_store import VaultStore, vault_path, with_vaults

NASTY = "pa\"ss\\wo'rd\n#$ {{ x }} é 😀\r\t\x85"


WHOLE = (
    'stackwright_values: {shop: {format: 1, stack: shop, counter: 1, values: {a/b: {current: "1-a", generator: null, '
    'params: null, versions: [{number: 1, mark: a, created: "", origin: set, value: %s}]}}}}'
)


def lib(password=b"first", identity="default"):
    return VaultLib([(identity, VaultSecret(password))] if password else [])


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "values.yml")


def put(store, name, value):
    return update(store, lambda kept: kept.added(name, value, SET, "aa", "now", "generate_jwt", {"a": NASTY, "n": 1}))


def error_of(call, *args):
    with pytest.raises(ValueStoreError) as caught:
        call(*args)
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_a_change_of_one_value_is_a_change_of_few_lines(path):
    store = VaultStore("shop", path, lib())
    for name in ("stack/A", "stack/B", "db/C"):
        put(store, name, "hunter2 " + name)
    put(VaultStore("other", path, lib()), "stack/A", NASTY)
    with open(path, encoding="utf-8") as file:
        before = file.read().splitlines()
    put(store, "stack/B", "two")
    with open(path, encoding="utf-8") as file:
        after = file.read().splitlines()
    assert "hunter2" not in "".join(before)
    gone, new = [line for line in before if line not in after], [line for line in after if line not in before]
    assert [line.split(":")[0].strip() for line in gone] == ["counter", "current"]
    assert [line.split(":")[0].strip() for line in new] == ["counter", "current", "- {number"]
    assert VaultStore("other", path, lib()).read()[0].current("stack/A").value == NASTY
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_other_tools_of_ansible_read_it(path):
    from ansible.parsing.dataloader import DataLoader

    put(VaultStore("shop", path, lib()), "stack/A", NASTY)
    loader = DataLoader()
    loader.set_vault_secrets([("default", VaultSecret(b"first"))])
    found = loader.load_from_file(path)["stackwright_values"]["shop"]["values"]["stack/A"]["versions"][0]["value"]
    assert lib().decrypt(found._ciphertext).decode() == NASTY


def test_only_what_is_asked_for_is_decrypted(path):
    store = VaultStore("shop", path, lib())
    put(store, "stack/A", "one")
    put(store, "stack/B", "two")
    some = VaultStore("shop", path, lib(), wanted={"stack/B"})
    kept, _token = some.read()
    assert (kept.current("stack/A").value, kept.current("stack/B").value) == (None, "two")
    put(some, "stack/C", "three")
    assert sorted(store.read()[0].texts()) == ["one", "three", "two"]


def test_without_the_right_password(path):
    put(VaultStore("shop", path, lib()), "stack/A", "hunter2")
    assert error_of(VaultStore("shop", path, lib(b"second")).read).error_code == "vault_password_wrong"
    assert error_of(VaultStore("shop", path, lib(None)).read).error_code == "vault_password_missing"
    assert error_of(put, VaultStore("new", path, lib(None)), "stack/A", "x").error_code == "vault_password_missing"
    missing = VaultStore("new", path, lib(), "nobody")
    assert error_of(put, missing, "stack/A", "x").error_code == "vault_password_missing"
    assert VaultStore("shop", path, lib()).read()[0].current("stack/A").value == "hunter2"


def test_an_identity_stands_in_the_header(path):
    secrets = VaultLib([("dev", VaultSecret(b"d")), ("prod", VaultSecret(b"p"))])
    put(VaultStore("shop", path, secrets, "prod"), "stack/A", "x")
    with open(path, encoding="utf-8") as file:
        assert "$ANSIBLE_VAULT;1.2;AES256;prod\\n" in file.read()
    assert VaultStore("shop", path, lib(b"p", "prod")).read()[0].current("stack/A").value == "x"


@pytest.mark.parametrize(
    "content",
    [
        "hunter2: [",
        "hunter2",
        "stackwright_values: 3",
        "stackwright_values: {shop: 3}",
        "stackwright_values: {shop: {}}",
        "$ANSIBLE_VAULT;1.1;AES256\n3132\n",
        WHOLE % "hunter2",
        WHOLE % '!vault "hunter2"',
    ],
)
def test_a_damaged_file_is_an_error_and_stays(path, content):
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    store = VaultStore("shop", path, lib())
    assert error_of(store.read).error_code == "store_damaged"
    assert error_of(put, store, "stack/B", "x").error_code == "store_damaged"
    with open(path, encoding="utf-8") as file:
        assert file.read() == content


def test_a_changed_ciphertext_does_not_open(path):
    put(VaultStore("shop", path, lib()), "stack/A", "hunter2")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace('"}\n', '00"}\n'))
    assert error_of(VaultStore("shop", path, lib()).read).error_code in ("vault_password_wrong", "store_damaged")


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    store = VaultStore("shop", str(tmp_path / "file" / "values.yml"), lib())
    assert error_of(store.write, Kept("shop").added("a/b", "x", SET, "a", ""), None).error_code == "store_unwritable"


def test_where_it_is():
    assert vault_path("v.yml", "/inv", ["/inv/hosts"], "/play") == "/play/v.yml"
    assert vault_path("/v.yml", "/inv", [], "/play") == "/v.yml"
    assert vault_path(None, "/inv", ["/inv/hosts.yml"], "/play") == "/inv/stackwright_values.yml"
    # A folder that is an inventory would be parsed with everything in it.
    assert vault_path(None, "/a/inv", ["/a/inv/"], "/play") == "/a/stackwright_values.yml"
    assert vault_path(None, None, [], "/play") == "/play/stackwright_values.yml"


def test_a_run_hands_over_what_is_to_be_kept(path):
    store = VaultStore("shop", path, lib())
    runs = []

    def run(vaults, again):
        runs.append((again, vaults["made"]))
        kept = Kept.from_data(vaults["vault"]["kept"], "shop", "")
        if kept.empty:
            if len(runs) == 1:  # another play is faster
                put(VaultStore("shop", path, lib()), "stack/A", "theirs")
            data = kept.added("stack/A", "ours", SET, "bb", "now").as_data()
            return {"vault_writes": seal(vaults["key"], b"n" * 16, ["vault", data]), "vault_made": {"stack/A": "set"}}
        return {"value": kept.current("stack/A").value}

    assert with_vaults({"vault": store}, run) == {"value": "theirs"}
    assert runs == [(False, {}), (False, {})]
    os.unlink(path)
    assert with_vaults({"vault": store}, run) == {"value": "ours"}
    assert runs[-1] == (True, {"stack/A": "set"})


def test_the_file_is_yaml_with_one_line_a_version(path):
    put(VaultStore("shop", path, lib()), "stack/A", NASTY * 1000)
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if "!vault" in line]
    assert len(lines) == 1
