"""A volume keeps the driver options of its creation; with `recreate_volumes` an empty one replaces it."""

import copy
import re
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    EngineError,
    PlanError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, remove_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import Rule
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import preflight
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import LABELS, desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm
from test_after_a_run_that_died import gone
from test_killed_at_each_moment import Run, killed

NFS = {"Name": "local", "Options": {"type": "nfs", "o": "addr=10.0.0.1,password=planted", "device": ":/x"}}
OTHER = {"Name": "local", "Options": {**NFS["Options"], "device": ":/y"}}
CHANGED = "the driver options device, o, type changed"


def deploy(swarm, state, **options):
    done = deploy_stack(swarm, Clock(), copy.deepcopy(state), {"resolve_image": "never", **options})
    assert "planted" not in repr(done)
    return done


def mount(driver, source="shop_data", labels=LABELS):
    options = {"Labels": dict(labels), **({"DriverConfig": driver} if driver else {})}
    return {"Type": "volume", "Source": source, "Target": "/data", "VolumeOptions": options}


def files(driver=None, source="shop_data", recreate=True, keys=("db",), part=False):
    """Services without tasks that all mount one volume."""
    state = desired([service(key, replicas=0, Mounts=[mount(driver, source)]) for key in keys])
    return {**state, **({"recreate_volumes": [source]} if recreate else {}), **({"part": True} if part else {})}


def mounts(swarm, stack="shop"):
    """The volumes that services mount, by service."""
    found = {}
    for obj in swarm.objects["services"].values():
        if obj["Spec"]["Labels"]["com.docker.stack.namespace"] == stack:
            (made,) = obj["Spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"]
            found[obj["Spec"]["Name"]] = made
    return found


def source(swarm):
    (name,) = {made["Source"] for made in mounts(swarm).values()}
    return name


@pytest.fixture
def swarm():
    made = FakeSwarm()
    deploy(made, files(recreate=False))
    return made


@pytest.mark.parametrize("keys", [("db",), ("db", "web")])
def test_an_empty_one_takes_its_place_in_one_run(keys):
    swarm = FakeSwarm()
    deploy(swarm, files(keys=keys))
    announced = deploy(swarm, files(NFS, keys=keys), check=True)
    assert source(swarm) == "shop_data"
    done = deploy(swarm, files(NFS, keys=keys))
    assert (done["plan"], done["plan_lines"]) == (announced["plan"], announced["plan_lines"])
    create, *updates = done["plan"]
    assert (create["action"], create["kind"], create["key"]) == ("create", "volume", "shop_data")
    assert re.fullmatch("shop_data_[0-9a-f]{8}", create["name"])
    assert create["reason"] == f"replaces shop_data, which is kept with its data; starts empty: {CHANGED}"
    assert [(op["action"], op["name"]) for op in updates] == [("update", f"shop_{key}") for key in keys]
    assert f"volumes /data.Source shop_data → {create['name']}" in done["plan_lines"][1]
    assert "stackwright.base" not in "".join(done["plan_lines"])
    assert source(swarm) == create["name"]
    for made in mounts(swarm).values():
        assert made["VolumeOptions"]["Labels"] == {**LABELS, "stackwright.base": "shop_data"}
        assert made["VolumeOptions"]["DriverConfig"] == NFS
    for again in (True, False):
        assert not deploy(swarm, files(NFS, recreate=again, keys=keys))["changed"]


def test_without_the_option_a_notice_says_what_it_would_do(swarm):
    (notice,) = deploy(swarm, files(NFS, recreate=False))["notices"]
    assert "recreate_volumes: [shop_data]" in notice
    assert source(swarm) == "shop_data"


def test_where_nothing_has_changed_nothing_is_recreated(swarm):
    done = deploy(swarm, files())
    assert not done["changed"] and source(swarm) == "shop_data"
    assert done["notices"] == [
        "recreate_volumes: shop_data is kept: its options match the file, as far as they can be read"
    ]
    assert deploy(FakeSwarm(), files(NFS))["notices"] == [], "a new one is made as the file says"


def test_a_change_that_was_deployed_without_the_option_is_known_by_the_history(swarm):
    deploy(swarm, files(NFS, recreate=False))
    deploy(swarm, {**files(NFS, recreate=False), "services": [service("db", "app:2", 0, Mounts=[mount(NFS)])]})
    announced = deploy(swarm, files(NFS), check=True)
    done = deploy(swarm, files(NFS))
    assert done["plan"] == announced["plan"] and source(swarm).startswith("shop_data_")
    assert not deploy(swarm, files(NFS))["changed"]


@pytest.mark.parametrize(
    ("there", "recreated"),
    [
        ({"Name": "shop_data", "Driver": "local", "Options": None, "Labels": LABELS}, True),
        ({"Name": "shop_data", "Driver": "local", "Options": NFS["Options"], "Labels": LABELS}, False),
        ({"Name": "shop_data", "Driver": "rexray", "Options": NFS["Options"], "Labels": LABELS}, True),
        ({"Name": "blog_data", "Driver": "local", "Options": {}, "Labels": {}}, False),
    ],
)
def test_the_real_volume_of_the_node_says_how_it_was_made(there, recreated):
    swarm = FakeSwarm()
    deploy(swarm, files(NFS, recreate=False))
    swarm.volumes = [there]
    assert deploy(swarm, files(NFS), check=True)["changed"] is recreated
    deploy(swarm, files(NFS))
    assert (source(swarm) != "shop_data") is recreated
    swarm.volumes.append({**there, "Name": source(swarm), "Driver": "local", "Options": NFS["Options"]})
    assert not deploy(swarm, files(NFS))["changed"] or not recreated


def test_to_and_fro_it_is_a_new_one_each_time(swarm):
    names = ["shop_data"]
    for driver in (NFS, None, NFS, OTHER):
        deploy(swarm, files(driver))
        names.append(source(swarm))
    assert len(set(names)) == 5


def test_what_fails_is_undone_and_the_next_try_is_not_the_one_that_was_written_to(swarm):
    tried = []

    def broken(method, path):
        if method == "POST" and path.startswith("/services/") and path.endswith("/update"):
            tried.append(swarm.coming)
        if len(tried) == 2 and method == "POST":
            tried.append("")
            raise EngineError("it is refused", "invalid_spec", status=400)

    deploy(swarm, files(keys=("db", "web")))
    announced = deploy(swarm, files(NFS, keys=("db", "web")), check=True)
    swarm.before = broken
    with pytest.raises(StackwrightError) as failed:
        deploy(swarm, files(NFS, keys=("db", "web")))
    assert failed.value.details["outcome"]["rollback"] == "done" and tried[0] == "shop_db"
    assert source(swarm) == "shop_data"
    deploy(swarm, files(NFS, keys=("db", "web")))
    assert source(swarm) not in ("shop_data", announced["plan"][0]["name"])


def test_back_to_a_revision_is_back_to_its_volume(swarm):
    deploy(swarm, files(NFS))
    first = source(swarm)
    roll_back(swarm, Clock(), "shop", {"to": 1, "values": {}})
    assert source(swarm) == "shop_data"
    deploy(swarm, files(NFS))
    assert source(swarm) not in ("shop_data", first), "what it was is not empty"


def test_a_stack_that_was_removed_comes_back_with_the_volume_that_it_had_last(swarm):
    deploy(swarm, files(NFS))
    last = source(swarm)
    remove_stack(swarm, Clock(), "shop", {})
    (looked_at,) = preflight._with_last_volumes(swarm, files(NFS))["services"]
    (made,) = looked_at["spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert made["Source"] == last, "preflight looks at that one too"
    announced = deploy(swarm, files(NFS, recreate=False), check=True)
    deploy(swarm, files(NFS, recreate=False))
    assert source(swarm) == last and not [op for op in announced["plan"] if op["kind"] == "volume"]
    remove_stack(swarm, Clock(), "shop", {})
    deploy(swarm, files(OTHER))
    assert source(swarm) not in (last, "shop_data")


def test_it_is_refused_while_others_use_it(swarm):
    def refused(words, state):
        for check in (True, False):
            with pytest.raises(PlanError, match=words) as failed:
                deploy(swarm, state, check=check)
            assert failed.value.error_code == "unsafe_change" and failed.value.hint
        assert source(swarm) == "shop_data"

    swarm.containers = [
        {"Id": "c", "Names": ["/by-hand"], "Labels": {}, "Mounts": [{"Type": "volume", "Name": "shop_data"}]},
        {"Id": "d", "Names": ["/own"], "Labels": LABELS, "Mounts": [{"Type": "volume", "Name": "shop_data"}]},
    ]
    refused("volume shop_data: shop_data .* the container by-hand on the node node1 uses it", files(NFS))
    swarm.containers = []
    deploy(swarm, files(keys=("db", "web"), recreate=False))
    refused("service shop_web uses it", files(NFS, part=True))
    refused_by_prune = {**files(NFS), "recreate_volumes": ["shop_data"]}
    with pytest.raises(PlanError, match="service shop_web uses it"):
        deploy(swarm, refused_by_prune, prune=False)
    blog = {**service("blog"), "name": "blog_web"}
    blog["spec"] = {**blog["spec"], "Name": "blog_web", "Labels": {"com.docker.stack.namespace": "blog"}}
    blog["spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"] = [
        {"Type": "volume", "Source": "shop_data", "Target": "/d"}
    ]
    swarm.create("/services/create", blog["spec"])
    refused("service blog_web uses it", files(NFS, keys=("db", "web")))


def test_a_template_keeps_a_volume_for_each_replica():
    swarm = FakeSwarm()
    template = "db_{{.Task.Slot}}"
    deploy(swarm, files(source=template))
    deploy(swarm, files(NFS, source=template))
    assert re.fullmatch(r"db_\{\{\.Task\.Slot\}\}_[0-9a-f]{8}", source(swarm))
    assert not deploy(swarm, files(NFS, source=template))["changed"]


def test_external_volumes_and_those_that_nobody_mounts_are_left():
    swarm = FakeSwarm()
    state = files(NFS)
    state["services"][0]["spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"] = [
        {"Type": "volume", "Source": "shop_data", "Target": "/data"}
    ]
    assert deploy(swarm, state)["notices"] == ["recreate_volumes: no deployed service mounts shop_data"]
    assert source(swarm) == "shop_data"


def test_what_its_service_leaves_as_it_is_stays(swarm):
    state = files(NFS)
    state["services"][0]["leave"] = ["volumes"]
    for _again in range(2):
        done = deploy(swarm, state)
        assert not done["changed"] and source(swarm) == "shop_data"
        assert done["notices"] == ["recreate_volumes: shop_data is kept: its services leave their volumes unchanged"]


def test_an_approved_plan_is_one_with_the_same_volumes(swarm):
    plans = {deploy(swarm, files(NFS, recreate=again), check=True)["plan_id"] for again in (True, False)}
    assert len(plans) == 2


DRIFT = {"heal": False, "prune": False, "images": False, "fail_on_drift": False, "rules": (), "values": {}}


def real(options=None, **more):
    return {"Name": "shop_data", "Driver": "local", "Options": options, "Labels": LABELS, **more}


def test_drift_names_the_volume_of_the_managers_node_that_was_made_otherwise(swarm):
    swarm.volumes = [real(), real(Name="blog_data", Options=OTHER["Options"])]
    assert not stack_drift(swarm, Clock(), "shop", DRIFT)["drifted"]
    deploy(swarm, files(NFS, recreate=False))
    found = stack_drift(swarm, Clock(), "shop", DRIFT)
    (drift,) = found["drift"]
    assert (drift["kind"], drift["object"], drift["name"]) == ("volume_differs", "volume", "shop_data")
    assert drift["reason"] == (
        "on the node node1 it was created with other options than in revision 2: the driver options device, o, type"
    )
    assert "recreate_volumes: [shop_data]" in drift["hint"] and "planted" not in repr(found)
    for heal in (True, False):
        with pytest.raises(StackwrightError) as failed:
            stack_drift(swarm, Clock(), "shop", {**DRIFT, "heal": heal, "fail_on_drift": True})
        assert failed.value.error_code == "drift_found"
    ignored = stack_drift(swarm, Clock(), "shop", {**DRIFT, "rules": [Rule(kind="volume_differs")]})
    assert not ignored["drifted"] and len(ignored["ignored"]) == 1
    deploy(swarm, files(NFS))
    swarm.volumes.append(real(NFS["Options"], Name=source(swarm)))
    assert not stack_drift(swarm, Clock(), "shop", DRIFT)["drifted"], "only what is used counts"


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_run_that_is_killed_at_any_call_is_completed_with_one_volume(after):
    def act(swarm, **options):
        return deploy(swarm, files(NFS, keys=("db", "web")), **options)

    at = 0
    while True:
        at += 1
        swarm = FakeSwarm()
        deploy(swarm, files(keys=("db", "web")))
        if not killed(swarm, Run("recreate", act, None), at, after):
            break
        act(swarm, is_gone=gone)
        assert source(swarm).startswith("shop_data_"), at
        assert all(made["VolumeOptions"]["DriverConfig"] == NFS for made in mounts(swarm).values())
        assert not act(swarm)["changed"]
        assert not stack_drift(swarm, Clock(), "shop", DRIFT)["drifted"]
    assert at > 10
