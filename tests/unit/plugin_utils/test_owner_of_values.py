"""Stacks with the same name in the Swarm never share kept values, in any store of the controller."""

import itertools
import json
import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.stackwright.swarm.plugins.lookup.stack_value import LookupModule
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine import client
from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import open_store
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import FACT, HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import OWNER
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault import play_vault
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import Clock, VaultStore, with_vaults

sys.path.insert(0, str(Path(__file__).parent))
from test_vault_store import lib
from test_vault_swarm import Configs, _ciphertext

#: All of these are called acme-dev-eu-shop in the Swarm.
TRIPLES = (
    Stack("shop", "acme-dev", "eu"),
    Stack("eu-shop", "acme", "dev"),
    Stack("shop", "acme", "dev-eu"),
    Stack("acme-dev-eu-shop"),
)
NAME = "acme-dev-eu-shop"


class Action:
    """The parts of an action plugin that task_vault needs: the play's vault, and a manager with these configs."""

    def __init__(self, password=b"first"):
        self._loader, self._task, self.configs = DataLoader(), self, Configs()
        self._loader._vault, self.args = lib(password), {}

    def _execute_module(self, name, module_args, task_vars):
        assert module_args["name"] == NAME
        try:
            return _ciphertext(self.configs, NAME, json.loads(module_args[COMPILED])["ciphertext"])
        except ValueStoreError as error:
            return {"failed": True, "msg": str(error), "error_code": error.error_code}

    def vault(self, stack, options):
        return play_vault.task_vault(self, {"playbook_dir": "/"}, stack.data, options, None)


@pytest.fixture(params=["a vault", "in the Swarm"])
def options(request, tmp_path):
    if request.param == "a vault":
        return {"store": "vault", "path": str(tmp_path / "values.yml")}
    return {"store": "swarm", "encrypted": "vault"}


def put(store, name, value):
    return update(store, lambda kept: kept.added(name, value, "set", "m", "now"))


def code_of(call, *args):
    with pytest.raises(ValueStoreError) as caught:
        call(*args)
    assert "hunter2" not in str(caught.value)
    return caught.value


def text_of(action, options):
    return Path(options["path"]).read_text() if options["store"] == "vault" else action.configs.text


@pytest.mark.slow
def test_a_section_of_another_stack_is_neither_read_nor_written(options):
    for mine, other in itertools.permutations(TRIPLES, 2):
        action = Action()
        Path(options.get("path", "/nowhere")).unlink(missing_ok=True)
        put(action.vault(mine, options), "stack/A", "hunter2")
        before = text_of(action, options)
        for store in (action.vault(other, options), Action(b"other").vault(other, options)):
            if hasattr(store, "run"):
                store.run = action.vault(other, options).run
            error = code_of(store.read)
            assert error.error_code == "conflict", "whose it is, is told before a password is asked for"
            assert mine.data["given"] in str(error)
            assert code_of(put, store, "stack/A", "x").error_code == "conflict"
        assert text_of(action, options) == before
        put(action.vault(mine, options), "stack/B", "two")
        assert sorted(action.vault(mine, options).read()[0].texts()) == ["hunter2", "two"]


def test_a_section_without_an_owner_is_taken_over_and_gets_one_at_the_next_write(options):
    one, two, *_rest = TRIPLES
    action = Action()
    store = action.vault(one, options)
    store.owner = ""
    put(store, "stack/A", "hunter2")
    assert "owner" not in text_of(action, options)
    mine = action.vault(two, options)
    assert mine.read()[0].texts() == ["hunter2"]
    update(mine, lambda kept: kept)
    assert "owner" not in text_of(action, options), "looking writes nothing"
    put(mine, "stack/B", "two")
    assert f'owner: "{two.owner}"' in text_of(action, options)
    assert code_of(action.vault(one, options).read).error_code == "conflict"
    update(mine, lambda kept: Kept(NAME, {}, kept.counter))
    assert action.vault(one, options).read()[0].empty, "who has no values owns nothing"
    if options["store"] == "swarm":
        assert [config["Spec"]["Labels"][OWNER] for config in action.configs.found.values()] == [two.owner]


def test_readable_values_of_another_stack_are_not_encrypted_as_ones_own():
    one, two, *_rest = TRIPLES
    action = Action()
    store = open_store(action.configs, Clock, NAME, 1, {"store": "swarm", "owner": one.owner})
    put(store, "stack/A", "hunter2")
    vault = play_vault.task_vault(
        action, {}, two.data, {"store": "swarm", "encrypted": "vault"}, None, moves=True, anew=True
    )
    assert code_of(vault.read).error_code == "conflict"


def test_what_a_module_makes_of_a_vault_has_its_owner(options):
    """As compose_stack does: passes the vault's values to a manager, which returns the values to store."""
    from test_vault_swarm import handed_over

    one, two, *_rest = TRIPLES
    action = Action()

    def module(stack):
        def run(vaults, again):
            sent = vaults["vault"]
            place = {"store": "vault", "carried": sent["kept"], "where": sent["where"], "number": sent.get("number")}
            store = open_store(action.configs, Clock, NAME, 1, {**place, "owner": stack.owner})

            def work():
                kept = store.read()[0]
                if kept.current("stack/A") is None:
                    put(store, "stack/A", "hunter2")
                return {"owner": store.read()[0].owner}

            return handed_over(work, {"vaults": vaults})

        return run

    assert with_vaults({"vault": action.vault(one, options)}, module(one)) == {"owner": one.owner}
    assert one.owner in text_of(action, options)
    # A controller that did not look: the manager does.
    blind = action.vault(one, options)
    assert code_of(with_vaults, {"vault": blind}, module(two)).error_code == "conflict"


def test_auto_passes_over_the_vault_of_another_stack(tmp_path):
    one, two, *_rest = TRIPLES
    action, options = Action(), {"store": "vault", "path": str(tmp_path / "values.yml")}
    put(action.vault(one, options), "stack/A", "hunter2")
    assert action.vault(one, options).has_values()
    assert not action.vault(two, options).has_values()
    legacy = VaultStore(NAME, str(tmp_path / "old.yml"), lib())
    put(legacy, "stack/A", "hunter2")
    assert action.vault(two, {**options, "path": str(tmp_path / "old.yml")}).has_values()


@pytest.mark.parametrize("place", ["vault", "swarm", "encrypted", "folder", "facts"])
def test_the_lookup_reads_only_the_values_of_the_stack_that_is_asked_for(place, tmp_path, monkeypatch):
    action, variables, given = Action(), {"playbook_dir": "/", "inventory_hostname": "m1"}, {"store": "host_facts"}
    mine = TRIPLES[0]
    kept = Kept(NAME, owner=mine.owner).added("stack/A", "hunter2", "set", "m", "now")
    if place == "vault":
        given = {"store": "vault", "path": str(tmp_path / "values.yml")}
        put(action.vault(mine, given), "stack/A", "hunter2")
    elif place == "encrypted":
        given = {"store": "swarm"}
        put(action.vault(mine, {"store": "swarm", "encrypted": "vault"}), "stack/A", "hunter2")
    elif place == "swarm":
        given = {"store": "swarm"}
        put(open_store(action.configs, Clock, NAME, 1, {**given, "owner": mine.owner}), "stack/A", "hunter2")
    elif place == "folder":
        given["path"] = str(tmp_path)
        store = HostFacts(NAME, Clock, str(tmp_path))
        store.owner = mine.owner
        put(store, "stack/A", "hunter2")
    else:
        variables["ansible_local"] = {FACT + NAME: kept.as_data()}
    action.configs.close = lambda: None
    monkeypatch.setattr(client, "EngineClient", lambda connection: action.configs)

    def looked(stack):
        lookup = LookupModule(loader=action._loader)
        lookup._load_name = "stackwright.swarm.stack_value"
        named = {"name": stack.name, "project": stack.project, "environment": stack.environment}
        options = {"path": None, "host": None, "docker_host": "unix:///fake.sock", **named, **given}
        monkeypatch.setattr(lookup, "set_options", lambda **_given: None)
        monkeypatch.setattr(lookup, "get_option", options.get)
        return lookup.run(["A"], variables)

    assert looked(mine) == ["hunter2"]
    for other in TRIPLES[1:]:
        with pytest.raises(AnsibleError) as caught:
            looked(other)
        assert "error_code conflict" in str(caught.value)
        assert "hunter2" not in str(caught.value)
