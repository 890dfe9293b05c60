"""Secrets, configs and networks that belong to no stack, against the model of a Swarm."""

import base64
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_swarm import FakeSwarm

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.networks import change_network
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.objects import change_config, change_secret

USUAL = {
    "name": "site",
    "state": "present",
    "data": "one",
    "data_is_b64": False,
    "labels": None,
    "template_driver": None,
    "hashed_name": True,
    "keep_versions": 2,
}
CHANGE = {"secret": change_secret, "config": change_config}


@pytest.fixture
def swarm():
    return FakeSwarm()


@pytest.fixture(params=["secret", "config"])
def kind(request):
    return request.param


def bring(swarm, kind, check=False, **options):
    return CHANGE[kind](swarm, {**USUAL, **options}, check)


def names(swarm, kind):
    return [name for name in swarm.names(f"{kind}s") if name.startswith("site")]


def service(swarm, kind, name, stack="shop", called="shop_web"):
    """Adds a service that uses the object; returns its id."""
    plural, word = f"{kind}s", kind.capitalize()
    found = next(obj for obj in swarm.objects[plural].values() if obj["Spec"]["Name"] == name)
    reference = {f"{word}ID": found["ID"], f"{word}Name": name}
    template = {"ContainerSpec": {"Image": "x", f"{word}s": [reference]}}
    labels = {"com.docker.stack.namespace": stack} if stack else {}
    return swarm.add("services", Name=called, Labels=labels, Mode={"Replicated": {}}, TaskTemplate=template)


def test_the_twelve_steps(swarm, kind):
    assert bring(swarm, kind, check=True)["changed"] and names(swarm, kind) == []  # 1
    first = bring(swarm, kind)  # 2
    assert first["changed"] and names(swarm, kind) == [first["object_name"]]
    assert first["object_name"].startswith("site_") and len(first["object_name"]) == 13
    again = bring(swarm, kind)  # 3
    assert not again["changed"] and again["object_name"] == first["object_name"]
    assert again["object_id"] == first["object_id"]
    assert not bring(swarm, kind, check=True)["changed"]  # 4
    shown = bring(swarm, kind, check=True, data="two")  # 5
    assert shown["changed"] and names(swarm, kind) == [first["object_name"]]
    second = bring(swarm, kind, data="two")  # 6
    assert second["changed"] and second["object_name"] == shown["object_name"] != first["object_name"]
    assert not bring(swarm, kind, data="two")["changed"]  # 7
    assert not bring(swarm, kind, data="two", check=True)["changed"]  # 8
    gone = {"state": "absent", "data": None}
    assert bring(swarm, kind, check=True, **gone)["changed"] and len(names(swarm, kind)) == 2  # 9
    assert bring(swarm, kind, **gone)["changed"] and names(swarm, kind) == []  # 10
    assert not bring(swarm, kind, **gone)["changed"] and not bring(swarm, kind, check=True, **gone)["changed"]  # 11, 12


def test_nothing_of_the_content_is_told(swarm, kind):
    told = [bring(swarm, kind, data="planted text", check=check) for check in (True, False)]
    told.append(bring(swarm, kind, data="planted other"))
    encoded = base64.b64encode(b"planted text").decode()
    assert "planted" not in json.dumps(told) and encoded not in json.dumps(told)


def test_the_hash_of_a_secret_depends_on_the_swarm(swarm):
    assert bring(swarm, "secret")["object_name"] != bring(FakeSwarm(), "secret")["object_name"]
    assert bring(swarm, "config")["object_name"] == bring(FakeSwarm(), "config")["object_name"]


def test_who_still_uses_an_old_version(swarm, kind):
    old = bring(swarm, kind)["object_name"]
    service(swarm, kind, old)
    new = bring(swarm, kind, data="two")
    assert new["outdated"] == [{"service": "shop_web", "stack": "shop", "version": old}]
    assert new["notices"] == [f"shop_web (stack shop) still uses {old}: deploy it with {new['object_name']}"]
    assert [(v["name"], v["current"], v["stacks"]) for v in new["versions"]] == [
        (new["object_name"], True, []),
        (old, False, ["shop"]),
    ]


def test_only_old_versions_that_nothing_uses_are_removed(swarm, kind):
    used = bring(swarm, kind, data="0")["object_name"]
    service(swarm, kind, used)
    made = [bring(swarm, kind, data=str(number))["object_name"] for number in range(1, 5)]
    assert names(swarm, kind) == sorted([used, *made[-2:]])
    bring(swarm, kind, data="4", keep_versions=1)
    assert names(swarm, kind) == sorted([used, made[-1]])


def test_a_version_of_the_spec_before_is_kept_too(swarm, kind):
    old = bring(swarm, kind)["object_name"]
    made = service(swarm, kind, old)
    made["PreviousSpec"], made["Spec"] = (
        made["Spec"],
        {**made["Spec"], "TaskTemplate": {"ContainerSpec": {"Image": "x"}}},
    )
    assert bring(swarm, kind, data="two", keep_versions=1)["changed"]
    assert old in names(swarm, kind)
    done = bring(swarm, kind, state="absent", data=None)
    assert names(swarm, kind) == [] and "roll that update back" in done["notices"][0]


def test_one_that_is_used_is_not_removed(swarm, kind):
    old = bring(swarm, kind)["object_name"]
    service(swarm, kind, old)
    bring(swarm, kind, data="two")
    with pytest.raises(EngineError) as caught:
        bring(swarm, kind, state="absent", data=None)
    assert caught.value.error_code == "in_use" and "shop_web (stack shop) uses it" in str(caught.value)
    assert len(names(swarm, kind)) == 2, "nothing was removed"


def test_without_a_hash_in_the_name(swarm, kind):
    fixed = {"hashed_name": False}
    assert bring(swarm, kind, **fixed)["object_name"] == "site"
    assert not bring(swarm, kind, **fixed)["changed"]
    assert bring(swarm, kind, data="two", **fixed)["changed"] and names(swarm, kind) == ["site"]
    assert not bring(swarm, kind, data="two", **fixed)["changed"]
    service(swarm, kind, "site")
    with pytest.raises(EngineError) as caught:
        bring(swarm, kind, data="three", **fixed)
    assert caught.value.error_code == "conflict" and "hashed_name: true" in str(caught.value)
    assert not bring(swarm, kind, data="two", **fixed)["changed"]


def test_labels(swarm, kind):
    bring(swarm, kind, labels={"team": "web", "tier": 1, "live": True})
    assert not bring(swarm, kind, labels={"team": "web", "tier": "1", "live": "true"})["changed"]
    assert not bring(swarm, kind)["changed"], "without the option, labels are not compared"
    assert bring(swarm, kind, labels={"team": "db"}, check=True)["changed"]
    assert bring(swarm, kind, labels={"team": "db"})["changed"]
    assert not bring(swarm, kind, labels={"team": "db"})["changed"]
    assert not bring(swarm, kind)["changed"], "the hash is still known"


def test_a_config_that_somebody_else_made_is_adopted_if_it_is_equal(swarm):
    swarm.add("configs", Name="site", Labels={}, Data=base64.b64encode(b"one").decode())
    assert not bring(swarm, "config", hashed_name=False)["changed"]
    assert bring(swarm, "config", hashed_name=False, data="two")["changed"]


def test_what_belongs_to_a_stack_is_left_alone(swarm, kind):
    swarm.add(f"{kind}s", Name="site", Labels={"com.docker.stack.namespace": "shop"}, Data="eA==")
    for options in ({"hashed_name": False}, {"state": "absent", "data": None}):
        with pytest.raises(EngineError) as caught:
            bring(swarm, kind, **options)
        assert caught.value.error_code == "conflict" and "stack shop" in str(caught.value)


def test_another_manager_was_faster(swarm, kind):
    """Another run creates it between our comparison and our call: nothing is left to do."""
    other = FakeSwarm()
    other.objects, other.numbers = swarm.objects, swarm.numbers

    def meanwhile(method, path):
        if method == "POST" and path == f"/{kind}s/create":
            swarm.before = lambda method, path: None
            bring(other, kind)

    if kind == "secret":
        bring(swarm, kind, name="other")  # so that there is a key
    swarm.before = meanwhile
    bring(swarm, kind)
    assert len(names(swarm, kind)) == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"name": "-x"}, "invalid_name"),
        ({"name": "a b"}, "invalid_name"),
        ({"name": "x" * 65}, "invalid_name"),
        ({"name": ""}, "invalid_name"),
        ({"name": "stackwright.key"}, "invalid_name"),
        ({"data": None}, "invalid_options"),
        ({"data": ""}, "invalid_options"),
        ({"data": "x" * 1_024_001}, "invalid_options"),
        ({"data": "planted!", "data_is_b64": True}, "invalid_options"),
    ],
)
def test_bad_input(swarm, kind, options, code):
    with pytest.raises(StackwrightError) as caught:
        bring(swarm, kind, **options)
    assert caught.value.error_code == code and swarm.writes == [] and "planted" not in str(caught.value)


def test_binary_content(swarm, kind):
    raw = bytes(range(256))
    made = bring(swarm, kind, data=base64.b64encode(raw).decode(), data_is_b64=True)
    stored = next(o for o in swarm.objects[f"{kind}s"].values() if o["Spec"]["Name"] == made["object_name"])
    assert base64.b64decode(stored["Spec"]["Data"]) == raw


# -- networks

NETWORK = {
    "name": "backbone",
    "state": "present",
    "driver": "overlay",
    "driver_options": None,
    "attachable": False,
    "internal": False,
    "encrypted": False,
    "ipv6": False,
    "ipam": [],
    "labels": None,
    "recreate": False,
}


def network(swarm, check=False, **options):
    return change_network(swarm, {**NETWORK, **options}, check)


def test_the_twelve_steps_of_a_network(swarm):
    assert network(swarm, check=True)["changed"] and swarm.names("networks") == []  # 1
    first = network(swarm)  # 2
    assert first["changed"] and swarm.names("networks") == ["backbone"] and first["network_id"]
    assert not network(swarm)["changed"] and not network(swarm, check=True)["changed"]  # 3, 4
    new = {"attachable": True, "recreate": True}
    shown = network(swarm, check=True, **new)  # 5
    assert shown["changed"] and len(shown["plan_lines"]) == 2 and "Attachable" in shown["plan_lines"][0]
    second = network(swarm, **new)  # 6
    assert second["changed"] and second["network_id"] not in ("", first["network_id"])
    assert not network(swarm, **new)["changed"] and not network(swarm, check=True, **new)["changed"]  # 7, 8
    assert network(swarm, check=True, state="absent")["changed"] and swarm.names("networks")  # 9
    assert network(swarm, state="absent")["changed"] and swarm.names("networks") == []  # 10
    assert not network(swarm, state="absent")["changed"]  # 11
    assert not network(swarm, check=True, state="absent")["changed"]  # 12


def attach(swarm, stack="shop"):
    (found,) = swarm.objects["networks"].values()
    template = {"ContainerSpec": {"Image": "x"}, "Networks": [{"Target": found["Id"]}]}
    labels = {"com.docker.stack.namespace": stack}
    swarm.add("services", Name="shop_web", Labels=labels, Mode={"Replicated": {}}, TaskTemplate=template)


def test_a_network_that_is_used_is_neither_replaced_nor_removed(swarm):
    network(swarm)
    attach(swarm)
    assert network(swarm)["used_by"] == ["shop_web (stack shop)"]
    for options, code in (
        ({"attachable": True, "recreate": True}, "network_differs"),
        ({"state": "absent"}, "in_use"),
    ):
        with pytest.raises(EngineError) as caught:
            network(swarm, **options)
        assert caught.value.error_code == code and "shop_web (stack shop)" in str(caught.value)
    assert swarm.names("networks") == ["backbone"]


def test_a_network_that_differs_is_not_replaced_unless_asked(swarm):
    network(swarm)
    with pytest.raises(EngineError) as caught:
        network(swarm, internal=True)
    assert caught.value.error_code == "network_differs" and "recreate: true" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"encrypted": True},
        {"internal": True},
        {"ipam": [{"subnet": "10.99.0.0/24", "gateway": "10.99.0.1", "ip_range": None}]},
        {"driver_options": {"com.docker.network.driver.mtu": 1400}},
    ],
)
def test_each_property_is_compared(swarm, options):
    network(swarm)
    assert network(swarm, check=True, recreate=True, **options)["changed"]
    assert network(swarm, recreate=True, **options)["changed"]
    assert not network(swarm, recreate=True, **options)["changed"]


def test_labels_of_a_network_can_only_be_told_of(swarm):
    network(swarm, labels={"team": "web"})
    assert not network(swarm)["changed"] and network(swarm)["notices"] == []
    told = network(swarm, labels={"team": "db"})
    assert not told["changed"] and "keeps its labels" in told["notices"][0]


def test_networks_of_others(swarm):
    swarm.add("networks", Name="backbone", Driver="overlay", Labels={"com.docker.stack.namespace": "shop"})
    for state in ("present", "absent"):
        with pytest.raises(EngineError) as caught:
            network(swarm, state=state)
        assert caught.value.error_code == "conflict" and "stack shop" in str(caught.value)
