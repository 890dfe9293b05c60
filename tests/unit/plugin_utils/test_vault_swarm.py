"""Values that are encrypted in the Swarm: controller and manager together, with configs in memory."""

import base64

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.values import _ciphertext
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.vaults import handed_over, values_options
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import open_store
from ansible_collections.stackwright.swarm.plugins.module_utils.store.edit import Edit
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultStore, with_vaults
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.swarm_store import SwarmVault


class Configs:
    """The Engine's configs."""

    where = "unix:///fake.sock"

    def __init__(self):
        self.found, self.made = {}, 0

    def list(self, path, query):
        (part,) = query["filters"]["name"]
        return [config for config in self.found.values() if part in config["Spec"]["Name"]]

    def create(self, path, body):
        if any(config["Spec"]["Name"] == body["Name"] for config in self.found.values()):
            raise EngineError("the name is taken", "conflict")
        self.made += 1
        self.found[str(self.made)] = {"ID": str(self.made), "Spec": dict(body)}
        return str(self.made)

    def delete(self, path):
        del self.found[path.rpartition("/")[2]]

    @property
    def text(self):
        (config,) = self.found.values()
        return base64.b64decode(config["Spec"]["Data"]).decode()


OLD, NEW, BOTH = {"default": "old"}, {"new": "new"}, {"default": "old", "new": "new"}


def lib(passwords):
    return VaultLib([(name, VaultSecret(word.encode())) for name, word in passwords.items()])


class Play:
    """Runs tasks of stack_values with these configs, divided between action plugin and module."""

    def __init__(self):
        self.configs = Configs()
        self.passed = []  # all that went to a module, and came back from one

    def vault(self, passwords, place, **how):
        def run(arguments):
            request = arguments["ciphertext"]
            try:
                result = _ciphertext(self.configs, "shop", request)
            except StackwrightError as error:
                result = {"failed": True, "msg": str(error), "error_code": error.error_code}
            self.passed.append((arguments, result))
            return result

        if place.get("encrypted"):
            return SwarmVault("shop", run, lib(passwords), place.get("vault_id"), None, **how)
        return None

    def task(self, passwords=OLD, place=None, to=None, check=False, **params):
        place = {"store": "swarm", **(place or {})}
        state = params.get("state", "present")
        vaults = {"vault": self.vault(passwords, place, moves=state == "moved")}
        if to is not None:
            to = {"store": "swarm", **to}
            vaults["to_vault"] = self.vault(passwords, to, moves=True, anew=True)
        vaults = {slot: vault for slot, vault in vaults.items() if vault}
        options = {"names": [], "values": {}, **params, **place, "to": to, "state": state}

        def module(sent, again=False):
            compiled = {"vaults": sent} if sent else {}
            places = [values_options(place, compiled)] + ([values_options(to, compiled, "to_vault")] if to else [])
            stores = [
                open_store(self.configs, SystemClock, "shop", 1, one, slot)
                for one, slot in zip(places, ("vault", "to_vault"))
            ]
            keeping = Edit(stores[0], Random(), 0, check)
            done = handed_over(lambda: keeping.run(options, stores[-1]), compiled)
            return {**done, "changed": True} if again else done

        return with_vaults(vaults, module) if vaults else module(None)


class Random:
    number = 0

    def getrandbits(self, bits):
        Random.number += 1
        return Random.number


ENCRYPTED = {"encrypted": "vault"}


@pytest.fixture
def play():
    return Play()


def code_of(call, *args, **kwargs):
    with pytest.raises(StackwrightError) as caught:
        call(*args, **kwargs)
    assert "hunter2" not in str(caught.value)
    return caught.value.error_code


def names(result):
    return [(entry["name"], len(entry["versions"])) for entry in result["kept_values"]]


def test_the_swarm_has_ciphertext_only_from_the_first_value_on(play):
    result = play.task(place=ENCRYPTED, values={"A": "hunter2"})
    assert (result["changed"], result["store"]) == (True, "swarm")
    assert "hunter2" not in play.configs.text
    assert "!vault" in play.configs.text
    assert "hunter2" not in str(play.passed)
    assert "$ANSIBLE_VAULT" not in str([answer for _asked, answer in play.passed])
    again = play.task(place=ENCRYPTED, values={"A": "hunter2"})
    assert again["changed"] is False
    play.task(place=ENCRYPTED, values={"A": "two"})
    assert names(play.task(place=ENCRYPTED, state="listed")) == [("stack/A", 2)]
    assert len(play.configs.found) == 1


@pytest.mark.parametrize(("passwords", "code"), [(NEW, "vault_password_wrong"), ({}, "vault_password_missing")])
def test_without_the_right_password_nothing_is_made_or_changed(play, passwords, code):
    play.task(place=ENCRYPTED, values={"A": "hunter2"})
    before = play.configs.text
    for task in ({"state": "listed"}, {"values": {"B": "x"}}, {"state": "moved", "to": {}}):
        assert code_of(play.task, passwords, ENCRYPTED, **task) == code
    assert play.configs.text == before
    if not passwords:
        empty = Play()
        assert code_of(empty.task, passwords, ENCRYPTED, values={"A": "x"}) == code
        assert empty.configs.found == {}


def test_a_module_alone_can_not_read_them(play):
    play.task(place=ENCRYPTED, values={"A": "hunter2"})
    before = play.configs.text
    assert code_of(play.task, state="listed") == "values_encrypted"
    assert code_of(play.task, values={"A": "new"}) == "values_encrypted"
    assert play.configs.text == before
    play.task(place=ENCRYPTED, state="absent", names=["all"])
    assert names(play.task(state="listed")) == []


def test_encrypted_and_readable_again(play):
    play.task(values={"A": "hunter2", "B": "two"})
    listed = play.task(state="listed")["kept_values"]
    assert code_of(play.task, place=ENCRYPTED, values={"A": "x"}) == "store_conflict"
    assert play.task(state="moved", to=ENCRYPTED, check=True)["changed"] is True
    assert "hunter2" in play.configs.text
    assert play.task(state="moved", to=ENCRYPTED)["changed"] is True
    assert "hunter2" not in play.configs.text
    assert play.task(place=ENCRYPTED, state="listed")["kept_values"] == listed
    before = play.configs.text
    assert play.task(state="moved", to=ENCRYPTED)["changed"] is False
    assert play.configs.text == before
    assert play.task(place=ENCRYPTED, state="moved", to={})["changed"] is True
    assert "hunter2" in play.configs.text
    assert play.task(state="listed")["kept_values"] == listed
    assert play.task(place=ENCRYPTED, state="moved", to={})["changed"] is False
    assert code_of(play.task, state="moved", to={}) == "invalid_options"
    assert play.task(state="listed")["kept_values"] == listed


def test_another_password(play):
    play.task(place=ENCRYPTED, values={"A": "hunter2", "B": "two"})
    play.task(place=ENCRYPTED, values={"A": "hunter3"})
    assert code_of(play.task, BOTH, ENCRYPTED, to=ENCRYPTED, state="moved") == "invalid_options"
    to = {**ENCRYPTED, "vault_id": "new"}
    assert play.task(BOTH, ENCRYPTED, to, state="moved")["changed"] is True
    assert play.configs.text.count("AES256;new") == 3
    assert names(play.task(NEW, ENCRYPTED, state="listed")) == [("stack/A", 2), ("stack/B", 1)]
    assert code_of(play.task, OLD, ENCRYPTED, state="listed") == "vault_password_wrong"


def test_a_writer_in_between_is_seen(play):
    """The first writer wins. The slower one reads again, and nothing is lost."""
    play.task(place=ENCRYPTED, values={"A": "one"})
    real, played = play.vault, []

    def vault(passwords, place, **how):
        made = real(passwords, place, **how)
        write = made.write

        def late(kept, token):
            if not played:
                played.append(True)
                play.task(place=ENCRYPTED, values={"B": "theirs"})
            write(kept, token)

        made.write = late
        return made

    play.vault = vault
    play.task(place=ENCRYPTED, values={"C": "ours"})
    play.vault = real
    assert names(play.task(place=ENCRYPTED, state="listed")) == [("stack/A", 1), ("stack/B", 1), ("stack/C", 1)]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"vault_writes": None},
        {"vault_writes": "x"},
        {"vault_writes": 7},
        {"failed": True, "msg": "no", "error_code": "a"},
    ],
)
def test_what_a_manager_answers_is_checked(answer):
    vault = SwarmVault("shop", lambda arguments: answer, lib(OLD))
    assert code_of(vault.read) == ("a" if "failed" in answer else "store_damaged")


def test_damaged_ciphertext_is_an_error_and_stays(play):
    play.task(place=ENCRYPTED, values={"A": "hunter2"})
    (config,) = play.configs.found.values()
    text = base64.b64decode(config["Spec"]["Data"])
    for broken in (text.replace(b"counter: 1", b"counter: x"), text[: len(text) // 2], b"# " + b"\xff" * 50):
        config["Spec"]["Data"] = base64.b64encode(broken).decode()
        for task in ({"state": "listed"}, {"values": {"B": "x"}}, {"state": "moved", "to": {}}):
            assert code_of(play.task, place=ENCRYPTED, **task) == "store_damaged"
        assert base64.b64decode(config["Spec"]["Data"]) == broken


class Files(Play):
    """The same with vault files on the controller."""

    def vault(self, passwords, place, moves=False, anew=False):
        return VaultStore("shop", place["path"], lib(passwords), place.get("vault_id"), None, anew)

    def task(self, passwords=OLD, place=None, to=None, **params):
        return super().task(passwords, {"store": "vault", **place}, to and {"store": "vault", **to}, **params)


def test_a_file_that_is_moved_to_itself_keeps_its_values(tmp_path):
    play, path = Files(), tmp_path / "values.yml"
    (tmp_path / "link").symlink_to(".")
    here, spelt = {"path": str(path)}, {"path": str(tmp_path / "link" / "values.yml")}
    play.task(place=here, values={"A": "hunter2", "B": "two"})
    before = path.read_text()
    assert code_of(play.task, place=here, to=spelt, state="moved") == "invalid_options"
    assert path.read_text() == before
    assert play.task(BOTH, here, {**spelt, "vault_id": "new"}, state="moved")["changed"] is True
    assert path.read_text().count("AES256;new") == 2
    assert len(play.task(NEW, here, state="listed")["kept_values"]) == 2
    there = {"path": str(tmp_path / "other.yml")}
    assert play.task(NEW, here, {**there, "vault_id": "new"}, state="moved")["changed"] is True
    assert len(play.task(NEW, there, state="listed")["kept_values"]) == 2
    assert play.task(NEW, here, state="listed")["kept_values"] == []


def test_facts_that_are_moved_to_themselves_stay(tmp_path):
    (tmp_path / "link").symlink_to(".")
    one, other = (HostFacts("shop", SystemClock, str(path)) for path in (tmp_path, tmp_path / "link"))
    update(one, lambda kept: kept.added("stack/A", "x", "set", "aa", "now"))
    options = {"state": "moved", "names": [], "to": {"store": "host_facts"}}
    assert code_of(Edit(one, Random(), 0, False).run, options, other) == "invalid_options"
    assert one.read()[0].texts() == ["x"]
