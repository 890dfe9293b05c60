"""One node is pruned: nothing if the Swarm's needs are unknown, and nothing that came into use."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning import node
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.needs import needed_on

DEFAULTS = {
    "containers": True,
    "images": "unused",
    "build_cache": True,
    "networks": True,
    "volumes": True,
    "older_than": 0,
    "disk_threshold": 0,
    "keep_images": [],
    "needed": None,
}
VOLUME = "a" * 64


class Engine:
    """One node. It calls ``before`` with the path of each list, so that a test can change something in between."""

    def __init__(self, swarm=None):
        self.calls, self.removed, self.before, self.refusal = 0, [], lambda path: None, None
        self.info = {"Name": "w1", "DockerRootDir": "/data", "Swarm": swarm or {"LocalNodeState": "inactive"}}
        self.containers = [{"Id": "c1", "Names": ["/old"], "State": "exited", "ImageID": "sha256:used", "Created": 1}]
        self.networks = [{"Id": "n1", "Name": "net", "Scope": "local"}]
        self.df = {
            "Images": [
                {"Id": "sha256:used", "RepoTags": ["used:1"]},
                {"Id": "sha256:app", "RepoTags": ["app:1", "app:2"]},
            ],
            "Volumes": [{"Name": VOLUME, "Driver": "local"}],
            "BuildCache": [{"Size": 10}],
        }

    def get(self, path, query=None, timeout=None):
        self.before(path)
        if path.startswith("/networks/"):
            return next(n for n in self.networks if path.endswith(n["Id"]))
        return {"/info": self.info, "/system/df": self.df}[path]

    def list(self, path, query=None, timeout=None):
        self.before(path)
        return {"/containers/json": self.containers, "/networks": self.networks}[path]

    def delete(self, path, query=None):
        if self.refusal:
            raise self.refusal
        self.removed.append(path)
        self.containers = [c for c in self.containers if path != f"/containers/{c['Id']}"]
        return True

    def post(self, path, query=None, timeout=None):
        assert path == "/build/prune", "no other prune call of the Engine"
        self.removed.append(path)
        return {"SpaceReclaimed": 10}


ALL = ["/containers/c1", "/networks/n1", f"/volumes/{VOLUME}", "/images/used:1", "/images/app:1", "/images/app:2"]


def prune(engine, check=False, percent=50, **options):
    return node._Pruning(engine, {**DEFAULTS, **options}, check, lambda path: percent).run()


def test_everything_goes_from_an_engine_without_a_swarm():
    engine = Engine()
    done = prune(engine)
    assert engine.removed == [*ALL, "/build/prune"]
    assert done["changed"] and not done["left"]


def test_check_mode_tells_just_that_and_touches_nothing():
    engine, real = Engine(), prune(Engine())
    told = prune(engine, check=True)
    assert engine.removed == [] and told["removed"] == real["removed"] and told["bytes"] == real["bytes"]
    assert told["diff"] == real["diff"] and len(told["diff"]["before"].splitlines()) == len(told["removed"])


@pytest.mark.parametrize("part", ["containers", "networks", "volumes", "build_cache"])
def test_each_kind_can_be_left_out(part):
    done = prune(Engine(), **{part: False})
    gone = {item["kind"] for item in done["removed"]}
    assert part.rstrip("s") not in gone and len(gone) == 4


def test_a_worker_that_was_told_nothing_keeps_its_images():
    worker = {"LocalNodeState": "active", "NodeID": "w", "ControlAvailable": False}
    engine = Engine(worker)
    done = prune(engine)
    assert not [path for path in engine.removed if path.startswith("/images")]
    assert "`needed` of a manager" in done["notices"][0] and done["needed"] is None


def test_a_worker_keeps_what_the_swarm_needs_there():
    worker = {"LocalNodeState": "active", "NodeID": "w", "ControlAvailable": False}
    needed = {"cluster_id": "c", "nodes": ["m", "w"], "images": {"app:2": ["w"], "used:1": ["m"]}}
    engine = Engine(worker)
    prune(engine, needed=needed)
    assert [path for path in engine.removed if path.startswith("/images")] == ["/images/used:1"]
    assert needed_on(needed, "w") == ["app:2"]
    with pytest.raises(StackwrightError, match="not a node of the Swarm") as caught:
        prune(Engine({**worker, "NodeID": "other"}), needed=needed)
    assert caught.value.error_code == "wrong_swarm"


def test_a_disk_that_is_not_full_enough_is_left_alone():
    engine = Engine()
    done = prune(engine, disk_threshold=80, percent=79)
    assert engine.removed == [] and done["due"] is False and done["changed"] is False
    assert prune(Engine(), disk_threshold=80, percent=80)["due"]
    with pytest.raises(StackwrightError) as caught:
        prune(Engine(), disk_threshold=80, percent=None)
    assert caught.value.error_code == "no_disk"


def test_what_is_used_by_now_stays():
    engine = Engine()

    def taken(path):
        if path == "/system/df":  # after the choice, before the removal
            new = {"Id": "c2", "State": "running", "ImageID": "sha256:app", "Mounts": [{"Name": VOLUME}]}
            engine.later = new
        elif path == "/containers/json" and getattr(engine, "later", None):
            engine.seen = getattr(engine, "seen", 0) + 1
            if engine.seen == 2 and engine.later not in engine.containers:
                engine.containers.append(engine.later)

    engine.before = taken
    done = prune(engine)
    assert f"/volumes/{VOLUME}" not in engine.removed
    assert not [path for path in engine.removed if "app" in path]
    assert {left["kind"] for left in done["left"]} >= {"volume"}


def test_a_network_of_the_swarm_is_none_of_the_nodes():
    engine = Engine()
    listed = [dict(network) for network in engine.networks]
    engine.list = lambda path, *a, **how: {"/containers/json": engine.containers, "/networks": listed}[path]
    engine.networks[0].update(Scope="swarm")
    done = prune(engine)
    assert {"kind": "network", "name": "net", "node": "w1", "reason": "it belongs to the Swarm"} in done["left"]


@pytest.mark.parametrize("status", [403, 409, 500])
def test_what_the_engine_refuses_is_told(status):
    engine = Engine()
    engine.refusal = EngineError("DELETE /x on y: it is in use", "conflict", status=status)
    done = prune(engine)
    assert len(done["left"]) == 4 and all(left["reason"] == "it is in use" for left in done["left"])
    assert [item["kind"] for item in done["removed"]] == ["build_cache"]


def test_what_is_gone_by_now_counts_as_removed():
    engine = Engine()
    engine.delete = lambda path, query=None: False
    assert prune(engine)["left"] == []


def test_how_full_a_disk_is(tmp_path):
    assert 0 <= node._percent(str(tmp_path)) <= 100
    assert node._percent(str(tmp_path / "nothing")) is None and node._percent("") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"disk_threshold": 101},
        {"disk_threshold": -1},
        {"older_than": -1},
        {"needed": {}},
        {"needed": {"nodes": [], "images": []}},
        {"needed": {"nodes": [], "images": {"a": "b"}}},
    ],
)
def test_wrong_options_touch_nothing(wrong):
    engine = Engine()
    with pytest.raises(StackwrightError) as caught:
        node.prune_node(engine, {**DEFAULTS, **wrong}, False)
    assert caught.value.error_code == "invalid_options" and engine.removed == []
