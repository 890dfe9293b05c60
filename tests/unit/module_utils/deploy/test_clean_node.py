"""A node's clean-up removes unused objects of removed services, and only while the lock is held."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.cleanup import check_cleanup, until
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node_cleanup import clean_node

NAMESPACE, SERVICE = "com.docker.stack.namespace", "com.docker.swarm.service.id"


class Engine:
    """One node: containers, volumes, images. ``before`` is called at each removal."""

    def __init__(self):
        self.calls, self.containers, self.volumes, self.images = 0, [], [], []
        self.removed, self.before = [], lambda path: None

    def container(self, name, service="", stack="shop", state="running", volumes=(), image=""):
        labels = {NAMESPACE: stack, SERVICE: service} if service else {}
        mounts = [{"Type": "volume", "Name": volume} for volume in volumes]
        self.containers.append(
            {"Id": name, "Names": [f"/{name}"], "Labels": labels, "State": state, "Mounts": mounts, "ImageID": image}
        )

    def volume(self, name, stack="shop", **labels):
        self.volumes.append({"Name": name, "Labels": {**({NAMESPACE: stack} if stack else {}), **labels}})

    def get(self, path, query=None, **how):
        return {"/info": {"Name": "w1"}, "/volumes": {"Volumes": list(self.volumes)}}[path]

    def list(self, path, query=None, **how):
        filters = (query or {}).get("filters") or {}
        if path == "/images/json":
            return list(self.images)
        wanted = (filters.get("volume") or [""])[0]
        return [c for c in self.containers if wanted in "".join(m["Name"] for m in c["Mounts"]) or not wanted]

    def delete(self, path, query=None, headers=None, timeout=None):
        assert timeout is not None, "an answer is not waited for beyond the lease"
        self.before(path)
        kind, _slash, name = path.lstrip("/").partition("/")
        if kind == "containers":
            assert query == {"v": True}, "its anonymous volumes go with it"
            self.containers = [c for c in self.containers if c["Id"] != name]
        if kind == "volumes":
            if any(m["Name"] == name for c in self.containers for m in c["Mounts"]):
                raise EngineError("DELETE: volume is in use", "conflict", status=409)
            self.volumes = [v for v in self.volumes if v["Name"] != name]
        self.removed.append(name)


def clean(engine, may=lambda: "", clock=None, seen=(), options=None, **facts):
    given = {
        **dict.fromkeys(("images", "values", "dangling", "check"), False),
        "identity": None,
        "services": True,
        "volumes": True,
        "volume_names": [],
        "timeout": 5.0,
        "progress": None,
        "detach": None,
        "seen": seen,
        **(options or {}),
    }
    known = {"gone": [], "services": [], "images": [], "needed": [], "used": {}, "wanted_images": [], **facts}
    return clean_node(engine, clock or Clock(), "shop", given, known, may)


def reasons(done):
    return {entry["name"]: entry["reason"] for entry in done["residue"]}


@pytest.mark.parametrize("state", ["exited", "dead", "created"])
def test_ended_containers_of_removed_services_are_removed_and_not_waited_for(state):
    engine, clock = Engine(), Clock()
    engine.container("job", "gone", state=state, volumes=["shop_data"])
    engine.volume("shop_data")
    done = clean(engine, clock=clock, gone=["gone"])
    assert engine.removed == ["job", "shop_data"] and done["residue"] == [] and clock.time < 1


def test_a_running_one_is_waited_for_and_then_told():
    engine, clock = Engine(), Clock()
    engine.container("slow", "gone", volumes=["shop_data"])
    engine.volume("shop_data")
    done = clean(engine, clock=clock, gone=["gone"])
    assert engine.removed == [] and clock.time >= 5
    assert done["residue"][0]["reason"] == "it did not stop"
    assert reasons(done)["shop_data"] == "in use by container slow"


def test_containers_of_a_service_that_is_there_are_neither_waited_for_nor_touched():
    engine, clock = Engine(), Clock()
    engine.container("new", "newer", volumes=["shop_data"])
    engine.container("newer-job", "newer", state="exited")
    engine.container("cli", "unknown", state="exited")  # of a service that somebody made since
    engine.volume("shop_data")
    done = clean(engine, clock=clock, gone=["gone"], services=["newer"], seen=["newer"])
    assert engine.removed == [] and clock.time == 0
    assert reasons(done) == {"shop_data": "in use by container new"}


def test_what_a_service_left_that_was_gone_before_is_removed_and_told():
    engine = Engine()
    engine.container("left", "long-gone", state="exited")
    done = clean(engine, seen=["long-gone"], services=["newer"])
    assert engine.removed == ["left"]
    assert done["removed"] == [{"kind": "container", "name": "left", "node": "w1"}]
    engine = Engine()
    engine.container("left", "long-gone", state="exited")
    assert clean(engine, seen=["long-gone"], options={"check": True})["removed"] == done["removed"]
    assert engine.removed == []


@pytest.mark.parametrize(
    "source", ["shop_data", "shop_{{.Task.Slot}}", "{{.Service.Name}}_data", "shop_da{{.Node.ID}}"]
)
def test_a_volume_that_a_service_wants_now_stays(source):
    engine = Engine()
    engine.volume("shop_data" if "Slot" not in source else "shop_1")
    done = clean(engine, used={source: ["shop_web"]})
    assert engine.removed == [] and list(reasons(done).values()) == ["in use by service shop_web"]


def test_volumes_of_others_are_not_touched():
    engine = Engine()
    engine.volume("shop-eu_data", "shop-eu")
    engine.volume("shop_external", "")
    engine.volume("shop_mine", **{"zane-stack": "x"})
    engine.volume("shop_new", **{"stackwright-stack": "x"})
    engine.container("by-hand", volumes=["shop_read"])
    engine.volume("shop_read")
    done = clean(engine)
    assert engine.removed == ["shop_mine", "shop_new"]
    assert reasons(done) == {"shop_read": "in use by container by-hand"}


def test_nothing_is_removed_once_it_may_not():
    engine, clock = Engine(), Clock()
    for name in ("a", "b", "c"):
        engine.volume(name)

    def slow(path):
        clock.time += 4

    engine.before = slow
    done = clean(engine, until(clock, [5.0, clock.wall() + 100], "too late"), clock)
    assert engine.removed == ["a", "b"] and done["late"] == "too late" and reasons(done) == {"c": "too late"}


@pytest.mark.parametrize("ends", [[], [5.0, 1e12], [1e12, 1_700_000_005.0]], ids=["no lease", "now", "wall"])
def test_either_clock_ends_it(ends):
    clock = Clock()
    clock.time = 6.0
    engine = Engine()
    engine.volume("a")
    assert clean(engine, until(clock, ends, "over"), clock)["late"] == "over" and engine.removed == []


def test_an_answer_that_is_lost_is_not_asked_for_again_once_it_may_not():
    engine, clock, tries = Engine(), Clock(), []
    engine.volume("a")

    def lost(path):
        tries.append(path)
        clock.time += 10
        raise EngineError("DELETE /volumes/a: no answer", "timeout")

    engine.before = lost
    done = clean(engine, until(clock, [8.0, 1e12], "too late"), clock)
    assert tries == ["/volumes/a"] and "too late" in reasons(done)["a"] and done["removed"] == []


def test_an_image_that_a_service_wants_now_stays():
    engine = Engine()
    engine.images = [{"Id": "1", "RepoTags": ["web:1"]}, {"Id": "2", "RepoTags": ["db:1"]}]
    done = clean(engine, images=["web:1", "db:1"], wanted_images=["db:1"], options={"images": True})
    assert engine.removed == ["web:1"] and "a service needs it now" in done["notices"][0]


@pytest.mark.parametrize(
    ("chosen", "removed"),
    [
        (["db_{{.Task.Slot}}"], ["db_1", "db_2"]),
        (["{{.Node.Hostname}}"], ["shop_w1"]),
        (["pool/db"], ["pool/db"]),
        (["db_2"], ["db_2"]),
        (["cache"], ["shop_cache", "shop_cache_1a2b3c4d"]),
        (["shop_cache_1a2b3c4d"], ["shop_cache_1a2b3c4d"]),
    ],
)
def test_volumes_that_are_chosen_by_a_template_or_have_a_slash(chosen, removed):
    for check in (True, False):
        engine = Engine()
        for name in ("db_1", "db_2", "db_old", "shop_w1", "shop_w2", "pool/db"):
            engine.volume(name)
        engine.volume("db_3", "blog")
        engine.volume("shop_cache")
        engine.volume("shop_cache_1a2b3c4d", **{"stackwright.base": "shop_cache"})
        done = clean(engine, options={"volumes": False, "volume_names": chosen, "check": check})
        assert [entry["name"] for entry in done["removed"]] == removed
        assert engine.removed == ([] if check else removed)
        others = [entry["name"] for entry in done["residue"]]
        assert others == (["db_3"] if "Slot" in chosen[0] else [])


def test_what_a_revision_or_a_service_needs_of_a_template_does_not_dangle():
    engine = Engine()
    for name in ("db_1", "db_old", "cache_2"):
        engine.volume(name)
    done = clean(
        engine,
        options={"dangling": True, "services": False},
        needed=["db_{{.Task.Slot}}"],
        used={"cache_{{.Task.Slot}}": ["shop_web"]},
    )
    assert engine.removed == ["db_old"] and done["residue"] == []


UNTOLD = ["*", "db_?", "/db", "", "a\nb", "{{.Service.Name}}", "{{if .Task.Slot}}a{{end}}", "{{"]


@pytest.mark.parametrize("name", UNTOLD)
def test_names_of_which_nobody_can_tell_the_volumes_are_refused(name):
    with pytest.raises(StackwrightError) as caught:
        check_cleanup({"volume_names": ["db_{{.Task.Slot}}", "pool/db", name]})
    assert caught.value.error_code == "invalid_name" and caught.value.hint
