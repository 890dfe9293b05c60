"""The doors of the stores of values: whatever stands in a file or a config, it is read, or an error that says where.

What can't be read stays as it is, and the values of others can be read and changed.
"""

import base64
import json
import os
import tempfile
from copy import deepcopy

import fuzzing
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.vaults import values_options
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import open_store
from ansible_collections.stackwright.swarm.plugins.module_utils.store.edit import Edit
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.store.swarm import SwarmStore
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import GENERATED, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultText

SECRET = "planted-secret"
CODES = ("store_damaged", "store_unreadable", "values_encrypted", "engine_error")


def kept(stack="shop"):
    found = Kept(stack)
    for name, generator, params in (
        ("stack/A", "generate_hex", {"bytes": 16}),
        ("db/B", "generate_jwt", {"key": "stack/A", "days": 3, "sub": "x"}),
        ("stack/A", "generate_hex", {"bytes": 16}),
    ):
        found = found.added(name, SECRET, GENERATED, "aa", "2026-11-21T04:00:00Z", generator, params)
    return found


DATA = kept().as_data()
ODD = [None, True, False, 0, -1, 1, 7, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\0", "\ud800", "9" * 5000]
ODD += [[], {}, [[]], {"a": {}}, [None], {"": []}, "stack/A", "2-aa", ["1-aa"], {"format": 1}, SECRET]
PIECES = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\n",
    b" ",
    b"{",
    b"}",
    b'"',
    b"'",
    b":",
    b"- ",
    b"#",
    b"&a ",
    b"*a",
    b"\t",
    b"!vault ",
]
PIECES += [b"NaN", b"-1", b"1e999", b"9" * 400, b"[" * 3000, b'{"a":' * 3000, b"\\ud800", b"---\n", b"...\n", b"<<: *a"]
PIECES += [
    b"<<<<<<< HEAD\n",
    b"? ",
    b"!!timestamp x",
    b"!!float x",
    b"!!set {a}",
    b"%YAML 9\n",
    b"true",
    b"null",
    b".inf",
]


def swapped(chance, data):
    """A copy with some of its parts replaced, taken out, doubled, or put elsewhere."""
    data = json.loads(json.dumps(data))
    for _number in range(chance.randint(1, 3)):
        at, parents = data, []
        while isinstance(at, (dict, list)) and at and (not parents or chance.random() < 0.8):
            key = chance.choice(list(at)) if isinstance(at, dict) else chance.randrange(len(at))
            parents.append((at, key))
            at = at[key]
        if not parents:
            return deepcopy(chance.choice(ODD))
        parent, key = chance.choice(parents)
        what = chance.randrange(4)
        if what == 0:
            del parent[key]
        elif what == 1 and isinstance(parent, dict):
            parent[chance.choice(["x", "values", "format", "versions", "db/B"])] = parent.pop(key)
        elif what == 2 and isinstance(parent, list):
            parent.append(parent[key])
        else:
            parent[key] = deepcopy(chance.choice(ODD))
    return data


def spoilt(chance, text):
    """Bytes that are cut, doubled, swapped, flipped, or have something in them."""
    for _number in range(chance.randint(1, 3)):
        at, to = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        to = min(to, at + 200)
        piece = chance.choice([*PIECES, text[at:to], text[at:to]])
        text = text[:at] + piece + text[chance.choice([at, to]) :]
    return text


def of_file(chance):
    if chance.random() < 0.5:
        return json.dumps(swapped(chance, DATA)).encode("utf-8", "surrogatepass")
    return spoilt(chance, json.dumps(DATA, indent=1).encode())


def refused(call):
    """The error that ``call`` ends with, None without one; any other one than of a damaged store is a finding."""
    try:
        call()
    except StackwrightError as error:
        assert error.error_code in CODES, repr(error)
        assert SECRET not in str(error), str(error)
        assert len(str(error)) < 1000
        assert "shop" in str(error) or error.error_code == "engine_error", str(error)
        return error
    return None


def more(found):
    return found.added("stack/NEW", "new", GENERATED, "bb", "now", "generate_hex", {"bytes": 16})


def use(store):
    """Reads and writes; and makes anew what can be made anew."""
    found, _token = store.read()
    json.dumps(found.as_data()).encode()
    assert Kept.from_data(found.as_data(), "shop", "again") == found
    assert update(store, more).current("stack/NEW").value == "new"
    now, _token = store.read()
    assert {name: now.entries[name] for name in found.entries if name != "stack/NEW"} == {
        name: entry for name, entry in found.entries.items() if name != "stack/NEW"
    }
    again = Edit(store, Same(), 0, check=True)
    try:
        again.run({"state": "regenerated", "names": ["all"], "values": {}}, store)
    except StackwrightError as error:
        assert error.error_code in ("generator", "unknown_generator", "unknown_value"), repr(error)


class Same:
    def getrandbits(self, bits):
        return 1

    def randrange(self, limit):
        return 0


def test_fact_files():
    def door(content):
        with tempfile.TemporaryDirectory() as folder:
            store = HostFacts("shop", SystemClock, folder)
            with open(store.where, "wb") as file:
                file.write(content)
            os.chmod(store.where, 0o600)
            if refused(lambda: use(store)):
                with open(store.where, "rb") as file:
                    assert file.read() == content

    fuzzing.hunt(of_file, door, few=100, full=2000)


LIB = VaultLib([("default", VaultSecret(b"p"))])


def vault(stack, wanted=()):
    return VaultText(stack, "/inventory/values.yml", LIB, wanted=wanted)


def whole():
    text = ""
    for stack in ("blog", "shop", "tool"):
        text = vault(stack).closed(text, kept(stack), None)
    return text


def test_sections_of_a_vault():
    text = whole().encode()
    begin, end = text.index(b'  "shop":\n') + len(b'  "shop":\n'), text.index(b'  "tool":\n')
    alone = {stack: vault(stack).opened(text.decode()) for stack in ("blog", "tool")}

    def make(chance):
        return spoilt(chance, text[begin : end - 1]) + b"\n"

    def door(body):
        document = (text[:begin] + body + text[end:]).decode("utf-8", "surrogateescape")
        for stack in ("blog", "tool"):
            found = vault(stack).opened(document)
            assert found == alone[stack]
            written = vault(stack).closed(document, more(found[0]), found[1])
            assert body in written.encode("utf-8", "surrogateescape")
            assert "stack/NEW" in vault(stack).opened(written)[0].entries
        store = vault("shop", None)

        def change():
            found, section = store.opened(document)
            written = store.closed(document, more(found), section)
            assert set(store.opened(written)[0].entries) == {*found.entries, "stack/NEW"}

        refused(change)

    fuzzing.hunt(make, door, few=60, full=2000)


def test_whole_vaults():
    text = whole().encode()

    def door(content):
        document = content.decode("utf-8", "surrogateescape")
        for stack in ("blog", "shop", "tool"):
            store = vault(stack)
            try:
                found, section = store.opened(document)
                store.closed(document, more(found), section)
            except StackwrightError as error:
                assert error.error_code == "store_damaged", repr(error)
                assert SECRET not in str(error)

    fuzzing.hunt(lambda chance: spoilt(chance, text), door, few=60, full=2000)


class Configs:
    """An Engine's configs, or what is said to be some."""

    where = "unix:///fake.sock"

    def __init__(self, configs):
        self.configs = configs

    def list(self, path, query):
        # As EngineClient.list does.
        if not isinstance(self.configs, list) or not all(isinstance(config, dict) for config in self.configs):
            raise EngineError("the answer is not a list")
        return list(self.configs)

    def create(self, path, body):
        self.configs = [*self.configs, {"ID": f"{body['Name']}-id", "Spec": body}]
        return f"{body['Name']}-id"

    def delete(self, path):
        self.configs = [config for config in self.configs if config["ID"] != path.rpartition("/")[2]]


def test_configs_of_the_swarm():
    def config(data):
        name = "stackwright.values.shop.3"
        spec = {"Name": name, "Labels": {"stackwright.stack": "shop"}, "Data": base64.b64encode(data).decode()}
        return {"ID": "abc", "CreatedAt": "now", "Version": {"Index": 7}, "Spec": spec}

    def make(chance):
        if chance.random() < 0.5:
            return [config(of_file(chance))]
        return swapped(chance, [config(json.dumps(DATA).encode()), config(b"{}") | {"Spec": {"Name": "other"}}])

    def door(configs):
        client = Configs(json.loads(json.dumps(configs)))
        if refused(lambda: use(SwarmStore("shop", client))):
            assert json.dumps(client.configs) == json.dumps(configs)

    fuzzing.hunt(make, door, few=150, full=2000)


def test_what_the_controller_hands_over():
    sent = {"vaults": {"vault": {"kept": DATA, "where": "/shop.yml"}, "key": "k", "made": {}, "before": {}}}

    def make(chance):
        return {"vaults": {**sent["vaults"], "vault": {**sent["vaults"]["vault"], "kept": swapped(chance, DATA)}}}

    def door(compiled):
        options = values_options({"store": "vault", "path": None}, compiled)
        refused(lambda: open_store(None, SystemClock, "shop", 1, options).read())

    fuzzing.hunt(make, door, few=150, full=2000)
