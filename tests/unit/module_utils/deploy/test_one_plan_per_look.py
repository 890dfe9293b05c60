"""A run binds, plans and reads its store of values once before the lock, and once under it."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.binding import bind as binding
from ansible_collections.stackwright.swarm.plugins.module_utils.binding import kept_values
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy import closer, look
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.store.swarm import SwarmStore
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import StoreConflict
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

sys.path.insert(0, str(Path(__file__).parent))
from fake_swarm import FakeSwarm
from runs import back, deploy

PASSWORD = "{{ generate_secure_password }}"


def compiled(image="app:1", password=PASSWORD, **more):
    environment = {"PASSWORD": password} if password else {"A": "b"}
    tree = {"name": "shop", "services": {"web": {"image": image, "environment": environment, **more}}}
    return compile_stack(CompileRequest([Source("compose.yml", tree)]), MemoryFiles({}))


class Counts:
    """What the runs since ``clear`` did, each as (bind, reconcile, read)."""

    def __init__(self, monkeypatch):
        self.found = {}
        for place, name in (
            (look, "reconcile"),
            (closer, "reconcile"),
            (binding, "bind"),
            (kept_values, "bind"),
            (HostFacts, "read"),
            (SwarmStore, "read"),
        ):
            monkeypatch.setattr(place, name, self._counted(getattr(place, name)))

    def _counted(self, real):
        def call(*args, **kwargs):
            self.found[real.__name__] = self.found.get(real.__name__, 0) + 1
            return real(*args, **kwargs)

        return call

    def of(self, run):
        self.found.clear()
        result = run()
        return result, tuple(self.found.get(name, 0) for name in ("bind", "reconcile", "read"))


@pytest.fixture
def counts(monkeypatch):
    return Counts(monkeypatch)


@pytest.fixture
def swarm():
    return FakeSwarm()


@pytest.fixture(params=["host_facts", "swarm"])
def values(request, tmp_path):
    return {"store": request.param, "path": str(tmp_path) if request.param == "host_facts" else None}


@pytest.mark.parametrize("change", [{"image": "app:2"}, {"user": "7"}, {"deploy": {"replicas": 3}}])
def test_a_change_looks_once_before_the_lock_and_once_under_it(swarm, values, counts, change):
    first, seen = counts.of(lambda: deploy(swarm, compiled(), values=values))
    assert first["changed"] and seen == (2, 2, 2)
    done, seen = counts.of(lambda: deploy(swarm, compiled(**change), values=values))
    assert done["changed"] and seen == (2, 2, 2)
    announced, seen = counts.of(lambda: deploy(swarm, compiled(**change), values=values, check=True))
    assert not announced["changed"] and seen == (1, 1, 1)


def test_check_mode_of_a_change(swarm, values, counts):
    deploy(swarm, compiled(), values=values)
    announced, seen = counts.of(lambda: deploy(swarm, compiled("app:2"), values=values, check=True))
    assert announced["changed"] and seen == (2, 2, 2)


def test_the_store_that_was_chosen_is_not_read_again(swarm, tmp_path, counts):
    values = {"store": "auto", "path": str(tmp_path)}
    assert counts.of(lambda: deploy(swarm, compiled(), values=values))[1] == (2, 2, 3)  # both are empty
    assert counts.of(lambda: deploy(swarm, compiled("app:2"), values=values))[1] == (2, 2, 2)


@pytest.mark.parametrize("mode", ["changed", "always", "never"])
def test_the_registry_is_asked_before_the_plan(swarm, values, counts, mode):
    deploy(swarm, compiled(), values=values)
    done, seen = counts.of(lambda: deploy(swarm, compiled("app:2"), values=values, resolve_image=mode))
    assert done["changed"] and seen == (2, 2, 2)
    again, seen = counts.of(lambda: deploy(swarm, compiled("app:2"), values=values, resolve_image=mode))
    assert not again["changed"] and seen == (1, 1, 1)


def test_a_change_without_kept_values(swarm, counts):
    for image in ("app:1", "app:2"):
        assert counts.of(lambda image=image: deploy(swarm, compiled(image, "")))[1] == (2, 2, 0)


def test_a_value_that_is_made_again(swarm, values, counts):
    deploy(swarm, compiled(), values=values)
    regenerate = {**values, "regenerate": ["web/PASSWORD"]}
    done, seen = counts.of(lambda: deploy(swarm, compiled(), values=regenerate))
    assert done["kept_values"][0]["action"] == "regenerated" and done["changed"]
    assert seen == (2, 2, 3)  # afterwards the old versions are taken out


def test_a_way_back_reads_the_store_once(swarm, values, counts, monkeypatch):
    deploy(swarm, compiled(), values=values)
    deploy(swarm, compiled("app:2"), values=values)
    done, seen = counts.of(lambda: back(swarm, 1))
    assert done["changed"] and seen == (0, 2, 2)  # once for the values, once to make them the current ones


def test_a_change_that_is_refused_keeps_no_value(swarm, values):
    """Only under the lock are the values of others read: nothing may be stored before."""
    swarm.add("services", Name="shop_web", Labels={}, TaskTemplate={"ContainerSpec": {"Image": "x"}}, Mode={})
    with pytest.raises(EngineError, match="the name shop_web belongs to no stack"):
        deploy(swarm, compiled(), values=values)
    assert not [name for name in swarm.names("configs") if "values" in name]
    assert values["path"] is None or not list(Path(values["path"]).iterdir())
    assert swarm.names("configs") == []


def test_another_run_that_writes_the_store_meanwhile(swarm, values, counts, monkeypatch):
    """The run compares again with the store's new content; the values of others stay."""
    store, tries = (HostFacts if values["path"] else SwarmStore), []
    real = store.write

    def write(self, kept, token):
        tries.append(kept)
        if len(tries) == 1:
            others, their_token = self.read()
            real(self, others.added("web/OTHER", "theirs", "set", "m", "now"), their_token)
        return real(self, kept, token)

    monkeypatch.setattr(store, "write", write)
    done = deploy(swarm, compiled(), values=values)
    assert done["changed"] and len(tries) == 2
    assert set(tries[1].entries) == {"web/OTHER", "web/PASSWORD"}
    (spec,) = (obj["Spec"] for obj in swarm.objects["services"].values())
    value = tries[1].entries["web/PASSWORD"].versions[-1].value
    assert spec["TaskTemplate"]["ContainerSpec"]["Env"] == [f"PASSWORD={value}"]


@pytest.mark.slow
def test_a_store_that_others_always_write_first(swarm, values, monkeypatch):
    store = HostFacts if values["path"] else SwarmStore

    def write(self, kept, token):
        raise StoreConflict

    monkeypatch.setattr(store, "write", write)
    with pytest.raises(ValueStoreError, match="changed by others during every attempt"):
        deploy(swarm, compiled(), values=values)
    assert swarm.names("services") == [] and swarm.names("configs") == []


def test_old_versions_that_stay_are_a_notice_of_a_deployment_that_succeeded(swarm, tmp_path, monkeypatch):
    values = {"store": "host_facts", "path": str(tmp_path)}

    def fails(_self):
        raise ValueStoreError("The disk is full.", "store_full")

    monkeypatch.setattr(kept_values.Values, "remove_unused", fails)
    done = deploy(swarm, compiled(), values=values)
    assert done["changed"] and done["notices"] == [
        "Old versions of kept values could not be removed: The disk is full."
    ]
