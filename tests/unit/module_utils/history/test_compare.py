"""The differences between two revisions: operations as in a plan, without hidden values."""

import json

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.history.compare import changes_between, in_sequence
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation

SECRET = "correct-horse-battery"


def service(name, key, *env, image="app:1"):
    return {"name": name, "key": key, "spec": {"TaskTemplate": {"ContainerSpec": {"Image": image, "Env": list(env)}}}}


def snapshot(*services, configs=(), networks=()):
    return {"services": list(services), "configs": list(configs), "secrets": [], "networks": list(networks)}


def sealed(digest):
    return {"variable": "DB_PASSWORD", "value": {"$kept": digest, "name": "DB_PASSWORD"}}


def lines(before, after):
    return [str(operation) for operation in changes_between(before, after)]


def test_nothing_differs():
    one = snapshot(service("shop_web", "web", "LEVEL=info", sealed("a1")))
    assert lines(one, json.loads(json.dumps(one))) == []


def test_services_come_go_and_change():
    before = snapshot(service("shop_web", "web", "LEVEL=info"), service("shop_old", "old"))
    after = snapshot(service("shop_web", "web", "LEVEL=debug", image="app:2"), service("shop_new", "new"))
    assert lines(before, after) == [
        "create service shop_new",
        "remove service shop_old",
        "update service shop_web: environment LEVEL info → debug, image app:1 → app:2",
    ]


def test_a_hidden_value_differs_without_being_shown():
    before = snapshot(service("shop_web", "web", sealed("a1"), f"NOTE=\0web/{SECRET}\0"))
    after = snapshot(service("shop_web", "web", sealed("b2"), "NOTE=\0web/OTHER\0x"))
    (line,) = lines(before, after)
    assert line.startswith("update service shop_web: environment DB_PASSWORD ******** → ********")
    assert "NOTE <generated> → <generated>x" in line
    whole = json.dumps([operation.as_dict() for operation in changes_between(before, after)])
    assert not any(part in whole for part in (SECRET, "a1", "b2", "\\u0000", "\\u0001"))


def test_other_objects():
    config = {"name": "shop_page", "key": "page", "external": False, "content": "c1", "spec": {}}
    net = {"name": "shop_net", "key": "net", "external": False, "spec": {"Driver": "overlay"}}
    before = snapshot(configs=[config], networks=[net])
    after = snapshot(configs=[{**config, "content": "c2"}], networks=[{**net, "spec": {"Internal": True}}])
    assert lines(before, after) == [
        "update network shop_net: another specification",
        "update config shop_page: another content",
    ]
    assert lines(before, snapshot()) == ["remove network shop_net", "remove config shop_page"]


def change(path, before, after):
    return Operation("update", "service", "shop_web", "web", changes=(Change(path, before, after),))


def simple(action):
    return Operation(action, "service", "shop_web", "web")


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        (change("Labels.a", "1", "2"), change("Labels.a", "2", "3"), ["update service shop_web: labels a 1 → 3"]),
        (change("Labels.a", "1", "2"), change("Labels.a", "2", "1"), []),
        (
            change("Labels.b", "1", "2"),
            change("Labels.a", None, "1"),
            ["update service shop_web: labels a absent → 1, labels b 1 → 2"],
        ),
        (change("Labels.a", HIDDEN, HIDDEN), change("Labels.a", HIDDEN, HIDDEN), None),
        (simple("create"), change("Labels.a", "1", "2"), ["create service shop_web"]),
        (simple("create"), simple("remove"), []),
        (change("Labels.a", "1", "2"), simple("remove"), ["remove service shop_web"]),
        (simple("remove"), simple("create"), ["update service shop_web: another specification"]),
    ],
    ids=["twice", "and back", "two fields", "hidden", "created", "came and went", "removed", "replaced"],
)
def test_one_after_the_other(first, then, told):
    found = [str(operation) for operation in in_sequence([first], [then])]
    if told is None:
        told = [f"update service shop_web: labels a {HIDDEN} → {HIDDEN}"]
    assert found == told
