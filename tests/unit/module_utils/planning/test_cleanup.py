"""The objects that a clean-up removes, and those that it keeps."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.cleanup import (
    dangling,
    images_of,
    is_chosen,
    removal,
    similar,
    volume_users,
    volumes_at,
)

NAMESPACE = "com.docker.stack.namespace"
ALL = {"service", "network", "config", "secret"}


def service(name, stack="shop", image="web:1", mounts=(), before=None, **template):
    spec = {
        "Name": name,
        "Labels": {NAMESPACE: stack},
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {"ContainerSpec": {"Image": image, "Mounts": list(mounts)}, **template},
    }
    return {"ID": f"id-{name}", "Spec": spec, **({"PreviousSpec": before} if before else {})}


def mount(name, stack="shop"):
    labels = {"VolumeOptions": {"Labels": {NAMESPACE: stack}}} if stack else {}
    return {"Type": "volume", "Source": name, "Target": "/d", **labels}


def test_names_that_are_templates_are_those_of_the_tasks():
    def task(identity, slot, node):
        mounts = [mount("db_{{.Task.Slot}}"), mount("{{.Service.Name}}_{{.Node.Hostname}}")]
        spec = {"ContainerSpec": {"Mounts": mounts}}
        states = {"Status": {"State": "running"}, "ServiceID": "db", "NodeID": node}
        return {"ID": identity, "Slot": slot, "Spec": spec, **states}

    tasks = [task("a", 1, "n1"), task("b", 2, "n2"), task("c", 3, "n2")]
    found = volumes_at("shop", tasks, [{**service("shop_db"), "ID": "db"}], {"n1": "m1", "n2": "w1"}.get, None)
    assert found == {"n1": ["db_1", "shop_db_m1"], "n2": ["db_2", "db_3", "shop_db_w1"]}
    gone = volumes_at("shop", tasks[:1], [], str, None)
    assert gone == {"n1": ["db_1", "{{.Service.Name}}_n1"]}, "of a service that nobody knows any more"
    assert volumes_at("shop", tasks, [], str, ["db_3", "other"]) == {"n2": ["db_3"]}


def test_a_volume_that_was_recreated_is_chosen_by_its_name_in_the_file():
    made = mount("shop_db_1a2b3c4d")
    made["VolumeOptions"]["Labels"]["stackwright.base"] = "shop_db"
    task = {"ID": "a", "NodeID": "n", "Status": {"State": "running"}, "Spec": {"ContainerSpec": {"Mounts": [made]}}}
    for chosen, names in ((["db"], ["shop_db_1a2b3c4d"]), (["shop_db"], ["shop_db_1a2b3c4d"]), (["d"], [])):
        assert volumes_at("shop", [task], [], str, chosen).get("n", []) == names


@pytest.mark.parametrize(
    ("name", "chosen", "wanted"),
    [
        ("db_2", ["db_{{.Task.Slot}}"], True),
        ("db_old", ["db_{{.Task.Slot}}"], False),
        ("shop_db_2", ["db_{{.Task.Slot}}"], True),
        ("db_w1", ["db_{{.Node.Hostname}}"], True),
        ("db_w2", ["db_{{.Node.Hostname}}"], False),
        ("pool/db", ["pool/db"], True),
        ("db_2", ["db_1"], False),
    ],
)
def test_chosen_by_a_name_that_is_a_template(name, chosen, wanted):
    assert is_chosen("shop", name, chosen, "w1") is wanted


def network(name, stack="shop"):
    return {"Id": f"id-{name}", "Name": name, "Labels": {NAMESPACE: stack} if stack else {}}


def config(name, stack="shop"):
    return {"ID": f"id-{name}", "Spec": {"Name": name, "Labels": {NAMESPACE: stack}}}


def observed(services=(), networks=(), configs=(), secrets=()):
    mine = [s for s in services if s["Spec"]["Labels"][NAMESPACE] == "shop"]
    return {
        "services": mine,
        "all_services": list(services),
        "networks": list(networks),
        "configs": list(configs),
        "secrets": list(secrets),
    }


def lines(operations):
    return [f"{operation.kind} {operation.name}" for operation in operations]


def test_services_first_and_only_this_stack():
    seen = observed(
        [service("shop_web"), service("shopx_web", "shopx")],
        [network("shop_net"), network("shopx_net", "shopx"), network("shop_mine", "")],
        [config("shop_page")],
    )
    operations, residue = removal("shop", seen, ALL, 1)
    assert lines(operations) == ["service shop_web", "config shop_page", "network shop_net"]
    assert residue == []


def test_what_another_stack_uses_is_residue():
    other = service("other_web", "other", Networks=[{"Target": "id-shop_net"}])
    operations, residue = removal("shop", observed([service("shop_web"), other], [network("shop_net")]), ALL, 1)
    assert lines(operations) == ["service shop_web"]
    assert residue == [
        {"kind": "network", "name": "shop_net", "node": "", "reason": "in use by service other_web"},
    ]


def test_services_that_stay_keep_their_networks():
    web = service("shop_web", Networks=[{"Target": "id-shop_net"}])
    operations, residue = removal("shop", observed([web], [network("shop_net")]), ALL - {"service"}, 1)
    assert operations == [] and residue[0]["reason"] == "in use by service shop_web"


def test_dangling_is_what_no_spec_no_rollback_target_and_no_revision_has():
    reference = {"ConfigID": "id-shop_before", "ConfigName": "shop_before"}
    before = {"TaskTemplate": {"ContainerSpec": {"Configs": [reference]}}}
    web = service("shop_web", before=before, Networks=[{"Target": "id-shop_net"}])
    seen = observed(
        [web],
        [network("shop_net"), network("shop_old"), network("shop_then")],
        [config("shop_before"), config("shop_old"), config("shop_kept"), config("other", "other")],
    )
    needed = {"network": {"shop_then"}, "config": {"shop_kept"}, "secret": set()}
    assert lines(dangling("shop", seen, ALL, needed)) == ["config shop_old", "network shop_old"]


def test_volumes_where_tasks_have_been():
    def task(node, state, *mounts):
        return {"NodeID": node, "Status": {"State": state}, "Spec": {"ContainerSpec": {"Mounts": list(mounts)}}}

    tasks = [
        task("n1", "running", mount("shop_data"), mount("ext", "")),
        task("n1", "shutdown", mount("shop_old")),
        task("n2", "assigned", mount("shop_data")),
        task("n3", "failed", mount("shared", "other")),
        {"NodeID": "n4", "Status": {"State": "running"}, "Spec": {"NetworkAttachmentSpec": {}}},
    ]
    assert volumes_at("shop", tasks, [], str, None) == {"n1": ["shop_data", "shop_old"]}


def test_users_of_volumes_in_other_stacks():
    services = [
        service("shop_web", mounts=[mount("shop_data")]),
        service("other_web", "other", mounts=[mount("shop_data", "")]),
    ]
    assert volume_users(services) == {"shop_data": ["other_web", "shop_web"]}


def test_images_that_only_this_stack_has():
    services = [service("shop_web", image="web:2"), service("shop_db", image="db:1"), service("o", "o", image="db:1")]
    tasks = [{"Spec": {"ContainerSpec": {"Image": "web:1"}}}]
    assert images_of("shop", services, tasks) == ["web:1", "web:2"]


@pytest.mark.parametrize(
    ("name", "chosen", "expected"),
    [
        ("shop_data", None, True),
        ("shop_data", [], False),
        ("shop_data", ["data"], True),
        ("shop_data", ["shop_data"], True),
        ("shop_data2", ["data"], False),
        ("shopx_data", ["data"], False),
    ],
)
def test_volumes_by_name(name, chosen, expected):
    assert is_chosen("shop", name, chosen, "w1") is expected


def test_names_that_differ_in_case_only():
    assert similar("Shop", observed([], [network("n"), network("m", "shopx")])) == ["shop"]
