"""One suite for the three stores of values: files, a real Swarm, and a vault with Ansible's own encryption."""

import base64
import json
import multiprocessing
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ansible.parsing.vault import VaultLib, VaultSecret
from core import ROOT, EngineClient, SystemClock  # noqa: F401 - core sets the path up

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.store.swarm import SwarmStore
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import GENERATED, SET, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import StoreConflict, update
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.file_store import VaultStore

NASTY = {
    "quotes": "\"'`",
    "dollars": "$A ${B} $$C pa$$word#\"\\'",
    "newlines": "a\n\nb\r\n\tc\n",
    "hash": "# no comment",
    "yaml": "key: [value, {a: b}] !vault |",
    "unicode": "é漢字😀\u2028\x85\x7f",
    "blanks": "  \t ",
    "empty": "",
    "braces": "{{ x }} {% y %}",
    "null": "null",
    "100 KB": "x1$\n" * 25_000,
}


class Place:
    """Makes stores of one kind, each as a run of its own would, and knows how to spoil what they have written."""

    def __init__(self, kind, scope, folder):
        self.kind, self.scope, self.folder = kind, scope, folder
        self.hosts = [node.docker_host for name, node in scope.bed.nodes.items() if name.startswith("m")]

    def store(self, stack=None, number=0):
        name = self.scope.name + (stack or "")
        if self.kind == "host_facts":
            return HostFacts(name, SystemClock, str(self.folder / "facts.d"))
        if self.kind == "vault":
            secrets = VaultLib([("default", VaultSecret(b"the password"))])
            return VaultStore(name, str(self.folder / "values.yml"), secrets)
        host = self.hosts[number % len(self.hosts)]
        return SwarmStore(name, EngineClient(Connection(docker_host=host, timeout=60)))

    def spoil(self):
        store = self.store()
        if self.kind != "swarm":
            Path(store.where).write_text("not what was written")
            return
        body = {
            "Name": f"{store.prefix}99",
            "Labels": {"stackwright.stack": store.stack},
            "Data": base64.b64encode(b"not what was written").decode(),
        }
        store.client.create("/configs/create", body)


def names_of_configs(scope):
    text = scope.bed.node("m1").cli(["docker", "config", "ls", "--format", "{{.Name}}"]).stdout
    return [name for name in text.split() if name.startswith(f"stackwright.values.{scope.name}")]


@pytest.fixture(params=["host_facts", "swarm", "vault"])
def place(request, swarm, tmp_path):
    yield Place(request.param, swarm, tmp_path)
    for name in names_of_configs(swarm):
        swarm.bed.node("m1").cli(["docker", "config", "rm", name], check=False)


def with_value(name, value, origin=SET, mark="aa"):
    return lambda kept: kept.added(name, value, origin, mark, "2026-11-21T04:00:00Z")


SEVERAL = ("stack/A", "db/B", "secrets/c")


def first_run(kept):
    """What a first run does: it makes values only where there are none."""
    for name in SEVERAL:
        if kept.current(name) is None:
            kept = with_value(name, os.urandom(16).hex(), GENERATED)(kept)
    return kept


def values_of(kept):
    return tuple(kept.current(name).value for name in SEVERAL)


def test_there_is_nothing_at_first(place):
    kept, _token = place.store().read()
    assert kept == Kept(kept.stack)


def test_every_value_comes_back_as_it_was(place):
    for name, value in NASTY.items():
        update(place.store(), with_value(f"stack/{name}", value))
    kept, _token = place.store(number=1).read()
    assert {name: kept.current(f"stack/{name}").value for name in NASTY} == NASTY
    assert kept.counter == len(NASTY)


def test_versions_and_generators_come_back(place):
    def edit(kept):
        kept = kept.added("db/A", "one", GENERATED, "aa", "now", "generate_hex", {"bytes": 16})
        return kept.added("db/A", "two", GENERATED, "bb", "now", "generate_hex", {"bytes": 16}).using({"db/A": "1-aa"})

    wanted = update(place.store(), edit)
    assert place.store().read()[0] == wanted
    left = update(place.store(), lambda kept: kept.collected({}))
    assert [version.label for version in left.entries["db/A"].versions] == ["1-aa"]
    assert place.store().read()[0] == left


def test_a_writer_that_comes_late_is_refused_and_nothing_is_lost(place):
    update(place.store(), with_value("stack/A", "one"))
    slow, quick = place.store(), place.store(number=1)
    kept, token = slow.read()
    update(quick, with_value("stack/B", "two"))
    with pytest.raises(StoreConflict):
        slow.write(with_value("stack/C", "three")(kept), token)
    update(slow, with_value("stack/C", "three"))
    assert sorted(place.store().read()[0].entries) == ["stack/A", "stack/B", "stack/C"]


def test_a_first_writer_that_comes_late_is_refused(place):
    slow = place.store()
    kept, token = slow.read()
    update(place.store(), with_value("stack/A", "one"))
    with pytest.raises(StoreConflict):
        slow.write(with_value("stack/A", "two")(kept), token)
    assert place.store().read()[0].current("stack/A").value == "one"


def test_a_writer_that_sleeps_while_others_remove_is_refused(place):
    """In the Swarm, the number that it would write next has been used and is free again."""
    update(place.store(), with_value("stack/A", "one"))
    slow = place.store()
    kept, token = slow.read()
    update(place.store(), with_value("stack/B", "two"))
    update(place.store(), with_value("stack/C", "three"))
    with pytest.raises(StoreConflict):
        slow.write(with_value("stack/A", "late")(kept), token)
    assert place.store().read()[0].current("stack/A").value == "one"
    if place.kind == "swarm":
        assert len(names_of_configs(place.scope)) == 1


def test_nothing_is_written_where_nothing_changes(place):
    update(place.store(), with_value("stack/A", "one"))
    _kept, before = place.store().read()
    update(place.store(), lambda kept: kept)
    assert place.store().read()[1] == before


def test_stacks_are_apart(place):
    update(place.store(), with_value("stack/A", "one"))
    update(place.store("-b"), with_value("stack/A", "two"))
    update(place.store("-b"), lambda kept: kept.without("stack/A"))
    assert place.store("-b").read()[0].empty
    assert place.store().read()[0].current("stack/A").value == "one"


def test_a_damaged_store_is_an_error_that_quotes_nothing(place):
    update(place.store(), with_value("stack/A", "hunter2"))
    place.spoil()
    for call in (place.store().read, lambda: update(place.store(), with_value("stack/A", "two"))):
        with pytest.raises(ValueStoreError) as caught:
            call()
        assert caught.value.error_code == "store_damaged"
        assert "written" not in str(caught.value).replace("what was written", "")
        assert "hunter2" not in str(caught.value)


def one_first_run(place, number, gate, answers):
    gate.wait()
    try:
        answers.put(values_of(update(place.store(number=number), first_run)))
    except Exception as error:
        answers.put(repr(error))


def test_first_runs_at_once_end_with_one_set_of_values(place):
    """Each in a process of its own; with three managers, spread over them."""
    count = 50 if len(place.hosts) > 1 else 12
    fork = multiprocessing.get_context("fork")
    gate, answers = fork.Barrier(count), fork.Queue()
    runs = [fork.Process(target=one_first_run, args=(place, number, gate, answers)) for number in range(count)]
    for run in runs:
        run.start()
    found = [answers.get(timeout=120) for _run in runs]
    for run in runs:
        run.join()
    (values,) = set(found)
    kept = place.store().read()[0]
    assert values_of(kept) == values
    assert kept.counter == len(SEVERAL)


def test_the_swarm_holds_one_config_for_a_stack_and_says_whose(bed, swarm, tmp_path):
    place = Place("swarm", swarm, tmp_path)
    for number in range(4):
        update(place.store(number=number), with_value("stack/A", str(number)))
    (name,) = names_of_configs(swarm)
    labels = bed.node("m1").cli(["docker", "config", "inspect", "--format", "{{json .Spec.Labels}}", name]).stdout
    assert json.loads(labels) == {"stackwright.stack": swarm.name}
    bed.node("m1").cli(["docker", "config", "rm", name])


def test_too_much_for_the_swarm_is_an_error_and_nothing_is_lost(swarm, tmp_path):
    place = Place("swarm", swarm, tmp_path)
    update(place.store(), with_value("stack/A", "one"))
    with pytest.raises(ValueStoreError) as caught:
        update(place.store(), with_value("stack/B", "x" * 1_100_000))
    assert caught.value.error_code == "store_full"
    assert list(place.store().read()[0].entries) == ["stack/A"]


def test_an_answer_that_is_lost_is_looked_up(swarm, tmp_path):
    """The Engine made the config, but the connection broke: the writing counts, and is not done twice."""
    from core import Recording

    place = Place("swarm", swarm, tmp_path)
    store = place.store()
    recording = Recording(store.client.connection)
    store.client = EngineClient(store.client.connection, recording)

    def tear(method, path):
        if path == "/configs/create":
            recording.after = lambda method, path: None
            raise ConnectionResetError("torn")

    recording.after = tear
    update(store, with_value("stack/A", "one"))
    assert place.store().read()[0].current("stack/A").value == "one"
    assert [call for call in recording.seen if call[1] == "/configs/create"] == [("POST", "/configs/create")]


def test_an_engine_that_is_away(swarm, tmp_path):
    store = SwarmStore(swarm.name, EngineClient(Connection(docker_host="unix:///nowhere.sock", timeout=5)))
    with pytest.raises(EngineError) as caught:
        update(store, with_value("stack/A", "one"))
    assert caught.value.error_code == "daemon_unreachable"
