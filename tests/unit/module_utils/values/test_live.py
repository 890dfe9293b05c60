"""The values of running services in place of the file's references."""

import base64

from ansible_collections.stackwright.swarm.plugins.module_utils.values.recover import live_values


def service(key, env, args=(), stack="shop"):
    spec = {
        "Name": f"shop_{key}",
        "Labels": {"com.docker.stack.namespace": stack},
        "TaskTemplate": {"ContainerSpec": {"Image": "i", "Env": env, "Args": list(args)}},
    }
    return {"ID": key, "Spec": spec}


def wanted(key, env, args=()):
    return {"key": key, "name": f"shop_{key}", "spec": service(key, env, args)["Spec"]}


def desired(*services, **kinds):
    return {"stack": {"name": "shop"}, "services": list(services), "configs": [], "secrets": [], **kinds}


def observed(*services, **kinds):
    return {"services": list(services), "networks": [], "configs": [], "secrets": [], **kinds}


def look(want, have, *names):
    return {name: found.value for name, found in live_values(want, have, set(names)).items()}


def test_a_variable_that_runs():
    want = desired(wanted("db", ["A=\0db/A\0", "B=\0db/B\0", "C=plain"]))
    found = live_values(want, observed(service("db", ["A=x=y", "C=plain"])), {"db/A", "db/B"})
    assert set(found) == {"db/A"}
    assert found["db/A"].value == "x=y"
    assert found["db/A"].places == ("service db (A)",)


def test_an_empty_variable_is_none():
    assert look(desired(wanted("db", ["A=\0db/A\0"])), observed(service("db", ["A="])), "db/A") == {}


def test_only_what_was_asked_for():
    want = desired(wanted("db", ["A=\0db/A\0", "B=\0db/B\0"]))
    assert look(want, observed(service("db", ["A=1", "B=2"])), "db/B") == {"db/B": "2"}


def test_a_service_of_another_stack_is_nothing():
    want = desired(wanted("db", ["A=\0db/A\0"]))
    assert look(want, observed(service("db", ["A=1"], stack="other")), "db/A") == {}


def test_parts_of_a_text_with_what_is_known_from_others():
    want = desired(wanted("db", ["P=\0db/P\0", "URL=pg://\0db/U\0:\0db/P\0@db"], ["--user", "\0db/V\0"]))
    have = observed(service("db", ["P=a:b", "URL=pg://me:a:b@db"], ["--user", "you"]))
    assert look(want, have, "db/P", "db/U", "db/V") == {"db/P": "a:b", "db/U": "me", "db/V": "you"}


def test_a_text_that_can_be_divided_in_two_ways_tells_nothing():
    want = desired(wanted("db", ["URL=\0db/U\0:\0db/P\0"]))
    assert look(want, observed(service("db", ["URL=a:b:c"])), "db/P", "db/U") == {"db/P": None, "db/U": None}


def test_two_services_that_differ_tell_nothing():
    want = desired(wanted("a", ["A=\0stack/A\0"]), wanted("b", ["A=\0stack/A\0"]))
    have = observed(service("a", ["A=1"]), service("b", ["A=2"]))
    assert look(want, have, "stack/A") == {"stack/A": None}


def test_braces_that_were_escaped_for_swarm():
    want = desired(wanted("db", ["A=\0db/A\0"]))
    assert look(want, observed(service("db", ['A={{"{{"}}.x}}'])), "db/A") == {"db/A": "{{.x}}"}


def test_content_of_a_config_is_read_and_that_of_a_secret_is_not():
    data = base64.b64encode(b"key=\0configs/c\0\n").decode()
    entry = {"key": "c", "name": "shop_c", "template": True, "data": data}
    live = {"ID": "1", "Spec": {"Name": "shop_c", "Labels": {"com.docker.stack.namespace": "shop"}}}
    config = {**live, "Spec": {**live["Spec"], "Data": base64.b64encode(b"key=abc\n").decode()}}
    assert look(desired(configs=[entry]), observed(configs=[config]), "configs/c") == {"configs/c": "abc"}
    assert look(desired(secrets=[entry]), observed(secrets=[live]), "configs/c") == {"configs/c": None}
