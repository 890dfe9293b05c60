"""Volumes of a node with other options than in the files."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import (
    differing_volumes,
    volume_difference,
    wanted_volumes,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import Seen
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.node_questions import (
    facts_for_nodes,
    is_asked,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.trim import trimmed
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.volume_checks import volume_findings

NAMESPACE = "com.docker.stack.namespace"
OURS = {NAMESPACE: "shop"}
NFS = {"type": "nfs", "o": "addr=10.0.0.1,password=planted", "device": ":/x"}


def driver(name="local", **options):
    return {"Name": name, "Options": options}


def volume(name="shop_data", by="local", options=None, labels=None):
    return {"Name": name, "Driver": by, "Options": options, "Labels": OURS if labels is None else labels}


@pytest.mark.parametrize(
    ("want", "there", "words"),
    [
        (driver(), volume(), ""),
        (driver(**NFS), volume(options=NFS), ""),
        (driver(**NFS), volume(), "the driver options device, o, type"),
        (driver(), volume(options=NFS), "the driver options device, o, type"),
        (driver(**NFS), volume(options={**NFS, "device": ":/y"}), "the driver option device"),
        (driver("rexray"), volume(), "the driver (local → rexray)"),
        (driver("vieux/sshfs"), volume(by="vieux/sshfs:latest"), ""),
        (driver(size="1"), volume(labels={}), "the driver option size"),  # by hand, of that name
        (driver("rexray", size="1"), volume(by="rexray"), "the driver option size"),
        (driver("rexray", size="1"), volume(by="rexray", labels={}), ""),  # another node has made it
        (driver(device=":/x/{{.Task.Slot}}"), volume(options={"device": ":/x/2"}), ""),
        (driver(device=":/x/{{.Task.Slot}}"), volume(options={"device": ":/y/2"}), "the driver option device"),
        (driver(o="a,password=\0db/PASSWORD\0"), volume(options={"o": "a,password=b"}), ""),
        (driver(o="a,password=\0db/PASSWORD\0"), volume(), "the driver option o"),
    ],
)
def test_what_differs(want, there, words):
    assert volume_difference(want, there) == words


def test_which_volumes_a_template_means():
    there = [
        volume("db_1", options=NFS),
        volume("db_2"),
        volume("db_3", options=NFS, labels={}),
        volume("db_old", options=NFS),
    ]
    found = list(differing_volumes({"db_{{.Task.Slot}}": driver()}, there))
    assert [name for _source, name, _words in found] == ["db_1"]


def service(key, *mounts, replicas=1):
    spec = {
        "Name": f"shop_{key}",
        "Labels": OURS,
        "Mode": {"Replicated": {"Replicas": replicas}},
        "TaskTemplate": {"ContainerSpec": {"Image": "a:1", "Mounts": list(mounts)}},
    }
    return {"key": key, "name": spec["Name"], "image": "a:1", "where": "compose.yml:2", "spec": spec}


def mount(source, options=None, labels=OURS):
    made = {"Type": "volume", "Source": source, "Target": "/a", "VolumeOptions": {}}
    if labels:
        made["VolumeOptions"]["Labels"] = labels
    if options:
        made["VolumeOptions"]["DriverConfig"] = {"Name": "local", "Options": options}
    return made


def node(name):
    return {"ID": f"id-{name}", "Description": {"Hostname": name}, "Spec": {}, "Status": {"State": "ready"}}


def asked(desired, live=()):
    nodes = [node("m1"), node("w1")]
    seen = Seen(trimmed(desired), nodes, list(live), [], {})
    return facts_for_nodes(seen, {s["name"]: nodes[1:] for s in desired["services"]})


def desired(*services):
    lists = {kind: [] for kind in ("networks", "configs", "secrets", "waves")}
    return {**lists, "stack": {"name": "shop"}, "services": list(services)}


def test_a_node_that_may_run_the_service_looks_at_its_own_volumes():
    files = desired(
        service("db", mount("shop_data", NFS), mount("shared", labels={})), service("asleep", mount("b"), replicas=0)
    )
    facts = asked(files)
    assert not is_asked(facts["id-m1"]) and is_asked(facts["id-w1"])
    assert [(item["service"], item["base"], item["name"]) for item in facts["id-w1"]["volumes"]] == [
        ("db", "shop_data", "shop_data")
    ]
    assert "planted" not in repr(facts) and "planted" not in repr(trimmed(files))
    there = [volume(), volume("shared", options=NFS), volume("other")]
    (found,) = volume_findings("w1", facts["id-w1"], wanted_volumes(files), there)
    assert (found["code"], found["level"], found["service"], found["node"]) == ("volume_differs", "warning", "db", "w1")
    assert (
        "shop_data was created with other options than in the file (the driver options device, o, type)"
        in found["message"]
    )
    assert "recreate_volumes: [shop_data]" in found["hint"] and "planted" not in repr(found)
    assert list(volume_findings("w1", facts["id-w1"], wanted_volumes(files), there[1:])) == []
    assert list(volume_findings("w1", facts["id-w1"], wanted_volumes(files), [volume(options=NFS)])) == []


def test_of_a_volume_that_was_recreated_the_new_one_counts():
    now = mount("shop_data_1a2b3c4d", NFS, {**OURS, "stackwright.base": "shop_data"})
    live = {"ID": "db", "Spec": service("db", now)["spec"]}
    files = desired(service("db", mount("shop_data", NFS)))
    facts = asked(files, [live])["id-w1"]
    there = [volume(), volume("shop_data_1a2b3c4d", options=NFS)]
    assert list(volume_findings("w1", facts, wanted_volumes(files), there)) == []
    there = [volume("shop_data_1a2b3c4d")]
    (found,) = volume_findings("w1", facts, wanted_volumes(files), there)
    assert "the volume shop_data_1a2b3c4d" in found["message"] and "[shop_data]" in found["hint"]
