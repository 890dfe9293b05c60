"""stack_values on several managers of one Swarm changes encrypted values once, no matter which host begins."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible import constants as C
from ansible.parsing.dataloader import DataLoader

from ansible_collections.stackwright.swarm.plugins.action.stack_values import ActionModule
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.values import change_values
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

sys.path.insert(0, str(Path(__file__).parent))
from test_vault_store import lib
from test_vault_swarm import Configs

MANAGERS = ["m1", "m2", "m3"]
GIVEN = {
    **dict.fromkeys(("project", "environment", "path", "encrypted", "vault_id", "values", "names", "to")),
    "name": "shop",
    "label_prefix": "stackwright",
    "store": "swarm",
    "state": "present",
}


class Swarm(Configs):
    """One Swarm of three managers, or three Swarms of one manager."""

    writes = 0

    def get(self, path):
        return {"Swarm": {"Managers": 3, "Cluster": {"ID": "c1"}}}

    def list(self, path, query, timeout=None):
        return super().list(path, query) if "name" in query["filters"] else []

    def create(self, path, body):
        self.writes += 1
        return super().create(path, body)


class Play:
    """Each call runs one task on all managers, in the order of ``hosts``."""

    def __init__(self, folder, monkeypatch):
        monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(folder))
        self.swarm, self.tasks, self.passed = Swarm(), 0, []

    def task(self, hosts=MANAGERS, password=b"first", check=False, **options):
        self.tasks += 1
        loader = DataLoader()
        loader._vault = lib(password)
        full = {**GIVEN, **options}
        if full["to"]:
            full["to"] = {**dict.fromkeys(("path", "encrypted", "vault_id")), **full["to"]}
        results = []
        for host in hosts:
            action = ActionModule.__new__(ActionModule)
            task = SimpleNamespace(args=dict(full), run_once=False, check_mode=check, _uuid=f"t{self.tasks}")
            action._task, action._loader = task, loader
            action._execute_module = lambda name, module_args, task_vars: self.module(module_args, check)
            variables = {"ansible_play_batch": hosts, "inventory_hostname": host, "playbook_dir": "/"}
            try:
                results.append(action._change(dict(full), variables))
            except StackwrightError as error:
                results.append({"failed": True, "msg": str(error), "error_code": error.error_code})
        return results

    def module(self, arguments, check):
        self.passed.append(arguments)
        try:
            compiled = json.loads(arguments.get(COMPILED, "{}"))
            return change_values(self.swarm, {**GIVEN, **arguments, COMPILED: compiled}, check)
        except StackwrightError as error:
            return {"failed": True, "msg": str(error), "error_code": error.error_code, **error.details}

    def versions(self):
        (result,) = self.task(["m1"], state="listed")
        return {entry["name"]: len(entry["versions"]) for entry in result["kept_values"]}


@pytest.fixture
def play(tmp_path, monkeypatch):
    return Play(tmp_path, monkeypatch)


#: One host has done it, the others have found it done.
ONCE = [(True, None), (False, "m1"), (False, "m1")]


def told(results):
    return [(one.get("changed"), one.get("done_by")) for one in results]


TOLD, FOUND, AUTO = {"encrypted": "vault"}, {}, {"store": "auto"}


@pytest.mark.parametrize("place", [TOLD, FOUND, AUTO], ids=["told", "found", "auto"])
def test_encrypted_values_are_changed_once(play, place):
    first = play.task(values={"A": "hunter2"}, **TOLD)
    assert [done.get("failed", False) for done in first] == [False] * 3, first
    assert [done["changed"] for done in first] == [True, False, False]
    assert [done.get("done_by") for done in first] == [None, "m1", "m1"]
    assert play.swarm.writes == 1
    second = play.task(["m3", "m1", "m2"], values={"A": "two", "B": "b"}, **place)
    assert [(done.get("changed"), done.get("done_by")) for done in second] == [
        (True, None),
        (False, "m3"),
        (False, "m3"),
    ], second
    assert play.versions() == {"stack/A": 2, "stack/B": 1}
    assert "hunter2" not in play.swarm.text
    gone = play.task(state="absent", names=["A"], **place)
    assert [done["changed"] for done in gone] == [True, False, False], gone
    assert play.versions() == {"stack/B": 1}


@pytest.mark.parametrize("place", [TOLD, FOUND, AUTO], ids=["told", "found", "auto"])
def test_encrypted_values_are_made_anew_once(play, place):
    play.task(values={"A": "hunter2"}, **TOLD)
    _made_by_a_generator(play)
    done = play.task(state="regenerated", names=["all"], **place)
    assert [(one.get("changed"), one.get("done_by")) for one in done] == [(True, None), (False, "m1"), (False, "m1")], (
        done
    )
    assert play.versions() == {"stack/A": 2}
    again = play.task(state="regenerated", names=["all"], **place)
    assert [one.get("changed") for one in again] == [True, False, False]
    assert play.versions() == {"stack/A": 3}


def _made_by_a_generator(play):
    from base64 import b64decode, b64encode

    (config,) = play.swarm.found.values()
    text = b64decode(config["Spec"]["Data"]).decode()
    text = text.replace("generator: null", 'generator: "generate_hex"')
    config["Spec"]["Data"] = b64encode(text.encode()).decode()


def test_values_are_encrypted_once_and_made_readable_once(play):
    play.task(values={"A": "hunter2"})
    assert "hunter2" in play.swarm.text
    moved = play.task(state="moved", to={"store": "swarm", **TOLD})
    assert [(one.get("changed"), one.get("done_by")) for one in moved] == [
        (True, None),
        (False, "m1"),
        (False, "m1"),
    ], moved
    assert "hunter2" not in play.swarm.text
    back = play.task(state="moved", to={"store": "swarm"}, **TOLD)
    assert [one.get("changed") for one in back] == [True, False, False], back
    assert "hunter2" in play.swarm.text


def test_what_fails_for_one_manager_fails_for_all_and_changes_nothing(play):
    play.task(values={"A": "hunter2"}, **TOLD)
    before = play.swarm.text
    failed = play.task(values={"A": "two"}, password=b"other", **TOLD)
    assert [one.get("error_code") for one in failed] == ["vault_password_wrong"] * 3, failed
    readable = play.task(state="listed", password=None)
    assert [one.get("error_code") for one in readable] == ["vault_password_missing"] * 3, readable
    assert play.swarm.text == before
    assert "hunter2" not in json.dumps(failed) + json.dumps(readable)


def test_check_mode_tells_it_on_each_and_writes_nothing(play):
    play.task(values={"A": "hunter2"}, **TOLD)
    before = play.swarm.text
    for place in (TOLD, FOUND, AUTO):
        assert [one.get("changed") for one in play.task(values={"A": "two"}, check=True, **place)] == [True] * 3
    assert play.swarm.text == before


def read(play, no_log=True, **options):
    """Returns the result of ``state: read`` on each manager."""
    kept = SimpleNamespace.__init__

    def with_no_log(self, **fields):
        kept(self, no_log=no_log, **fields)

    SimpleNamespaceOfTask = type("Task", (SimpleNamespace,), {"__init__": with_no_log})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "SimpleNamespace", SimpleNamespaceOfTask)
        return play.task(state="read", **options)


@pytest.mark.parametrize("encrypted", [None, "vault"])
def test_values_are_read_by_each_host(play, encrypted):
    play.task(values={"A": "one", "db/B": "two"}, encrypted=encrypted)
    writes = play.swarm.writes
    for results in (read(play), read(play, names=["all"]), read(play, check=True)):
        assert [result["read"] for result in results] == [{"db/B": "two", "stack/A": "one"}] * 3
    assert read(play, names=["A"])[0]["read"] == {"stack/A": "one"}
    assert play.swarm.writes == writes and not any("sealed_values" in result for result in results)


def test_values_that_are_not_there_are_named(play):
    play.task(values={"A": "one"})
    (result, *_others) = read(play, names=["A", "db/X"])
    assert result["error_code"] == "value_missing" and "db/X" in result["msg"] and "read" not in result


def test_values_are_read_under_no_log_only(play):
    play.task(values={"A": "one"})
    passed = len(play.passed)
    (result, *_others) = read(play, no_log=False)
    assert result["error_code"] == "no_log_needed" and "no_log: true" in result["msg"]
    assert len(play.passed) == passed, "nothing was read"
