import copy
import json
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise

EXPECTED = Path(__file__).resolve().parents[5] / "shared" / "corpus-expected"
API = (1, 41)


def pairs():
    """Returns (name, spec from Docker's CLI, spec read from a 20.10 Engine) of each file that both accepted."""
    for path in sorted(EXPECTED.rglob("*.json")):
        case = json.loads(path.read_text().replace('"@id:', '"'))
        if isinstance(case, dict) and (case.get("real") or {}).get("accepted"):
            yield str(path.relative_to(EXPECTED)), case["mock"], case["real"]


@pytest.mark.skipif(not EXPECTED.exists(), reason="the corpus' expected specifications are not on this machine")
def test_what_was_sent_equals_what_is_read_back_on_the_whole_corpus():
    different, count = [], 0
    for name, sent, read in pairs():
        count += 1
        for key in sorted(set(sent["services"]) | set(read["services"])):
            ours, theirs = sent["services"].get(key, {}), read["services"].get(key, {})
            if normalise.service(ours, api=API) != normalise.service(theirs, api=API):
                different.append(f"{name}: service {key}")
        for key in sorted(set(sent["networks"]) | set(read["networks"])):
            want, have = normalise.network_pair(sent["networks"].get(key, {}), read["networks"].get(key, {}))
            if want != have:
                different.append(f"{name}: network {key}")
    assert different == []
    assert count > 200


def spec(**container):
    return {
        "Name": "shop_web",
        "Labels": {},
        "TaskTemplate": {"ContainerSpec": {"Image": "nginx:latest", **container}, "ForceUpdate": 0},
        "Mode": {"Replicated": {}},
        "EndpointSpec": {},
    }


EQUAL = {
    "order of variables": (spec(Env=["B=2", "A=1"]), spec(Env=["A=1", "B=2"])),
    "a bare variable and none": (spec(Env=["A"]), spec()),
    "empty lists and maps": (spec(Args=[], DNSConfig={}, Healthcheck={}), spec()),
    "default isolation": (spec(Isolation="default"), spec()),
    "default propagation": (
        spec(Mounts=[{"Type": "bind", "Source": "/a", "Target": "/b", "BindOptions": {"Propagation": "rprivate"}}]),
        spec(Mounts=[{"Type": "bind", "Source": "/a", "Target": "/b", "BindOptions": {}}]),
    ),
    "forced updates": ({**spec(), "TaskTemplate": {**spec()["TaskTemplate"], "ForceUpdate": 7}}, spec()),
    "one replica": ({**spec(), "Mode": {"Replicated": {"Replicas": 1}}}, spec()),
    "port defaults": (
        {**spec(), "EndpointSpec": {"Ports": [{"TargetPort": 80}]}},
        {**spec(), "EndpointSpec": {"Mode": "vip", "Ports": [{"TargetPort": 80, "Protocol": "tcp"}]}},
    ),
    "ids of files": (
        spec(Configs=[{"ConfigName": "c", "ConfigID": "1", "File": {"Name": "/c"}}]),
        spec(Configs=[{"ConfigName": "c", "File": {"Name": "/c"}}]),
    ),
}
DIFFERENT = {
    "an empty variable and none": (spec(Env=["A="]), spec()),
    "no replicas": ({**spec(), "Mode": {"Replicated": {"Replicas": 0}}}, spec()),
    "init false and unset": (spec(Init=False), spec()),
    "an empty label": ({**spec(), "Labels": {"a": ""}}, spec()),
    "order of arguments": (spec(Args=["a", "b"]), spec(Args=["b", "a"])),
    "file mode 0": (
        spec(Configs=[{"ConfigName": "c", "File": {"Name": "/c", "Mode": 0}}]),
        spec(Configs=[{"ConfigName": "c", "File": {"Name": "/c", "Mode": 292}}]),
    ),
    "the mode": ({**spec(), "Mode": {"Global": {}}}, spec()),
    "a grace period of 0": (spec(StopGracePeriod=0), spec()),
}


@pytest.mark.parametrize("name", EQUAL)
def test_means_the_same(name):
    one, other = EQUAL[name]
    assert normalise.service(one) == normalise.service(other)


@pytest.mark.parametrize("name", DIFFERENT)
def test_means_something_else(name):
    one, other = DIFFERENT[name]
    assert normalise.service(one) != normalise.service(other)


def test_the_input_stays_as_it_was():
    one = spec(Env=["A"], Mounts=[{"Target": "/b", "BindOptions": {"Propagation": "rprivate"}}])
    kept = copy.deepcopy(one)
    normalise.service(one, {"id": "name"}, API)
    assert one == kept


def test_fields_that_an_engine_drops_count_only_where_it_knows_them():
    checked = spec(Healthcheck={"Test": ["CMD", "true"], "StartInterval": 5})
    plain = spec(Healthcheck={"Test": ["CMD", "true"]})
    assert normalise.service(checked, api=(1, 43)) == normalise.service(plain, api=(1, 43))
    assert normalise.service(checked, api=(1, 44)) != normalise.service(plain, api=(1, 44))


@pytest.mark.parametrize("key", normalise.NEVER_KEPT)
def test_options_of_binds_that_swarm_never_keeps_are_no_difference(key):
    mount = {"Type": "bind", "Source": "/a", "Target": "/b"}
    asked = spec(Mounts=[{**mount, "BindOptions": {key: True}}])
    assert normalise.service(asked, api=(1, 51)) == normalise.service(spec(Mounts=[mount]), api=(1, 51))


def test_network_ids_become_names():
    by_id = {**spec(), "TaskTemplate": {**spec()["TaskTemplate"], "Networks": [{"Target": "abc"}]}}
    by_name = {**spec(), "TaskTemplate": {**spec()["TaskTemplate"], "Networks": [{"Target": "shop_default"}]}}
    assert normalise.service(by_id, {"abc": "shop_default"}) == normalise.service(by_name)


def test_addresses_left_to_the_engine_are_no_difference():
    asked = {"Name": "n", "Driver": "overlay"}
    found = {"IPAM": {"Driver": "default", "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]}}
    found = {**found, "Driver": "overlay", "Options": {normalise.VXLAN_IDS: "4097"}}
    assert len(set(map(json.dumps, normalise.network_pair(asked, found)))) == 1
    asked["IPAM"] = {"Config": [{"Subnet": "10.9.0.0/24"}]}
    want, have = normalise.network_pair(asked, found)
    assert want["IPAM"]["Config"] == [{"Subnet": "10.9.0.0/24"}]
    assert have["IPAM"]["Config"] == [{"Subnet": "10.0.1.0/24"}]
