"""What differs between two revisions: told in the words of a plan, and without what a snapshot hides."""

import json

from ansible_collections.stackwright.swarm.plugins.module_utils.history.compare import changes_between

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
