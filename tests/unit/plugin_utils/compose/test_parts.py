"""Options for a part of a stack, and the desired state that the compiler creates from them."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Parts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

FILE = {"services": {"web": {"image": "a:1"}, "db": {"image": "b:1"}, "job": {"image": "c:1"}}}


def compiled(file=FILE, files=(), **parts):
    request = CompileRequest([Source("/p/compose.yml", file)], name="shop", parts=Parts.of(parts))
    return compile_stack(request, MemoryFiles(dict(files)))


def by_key(desired):
    return {service["key"]: service for service in desired["services"]}


def test_what_is_left_stands_at_each_service():
    services = by_key(compiled(leave={"all": ["image"], "services": {"web": ["replicas", "image"], "db": "replicas"}}))
    assert services["web"]["leave"] == ["image", "replicas"] and services["db"]["leave"] == ["image", "replicas"]
    assert services["job"]["leave"] == ["image"]
    assert "leave" not in by_key(compiled())["web"]


def test_a_service_that_is_not_there_is_a_problem():
    with pytest.raises(ComposeError, match=r"leave.services: there is no service 'wep' \(did you mean web\?\)"):
        compiled(leave={"services": {"wep": ["replicas"]}})


CHAIN = {
    "services": {
        "web": {"image": "a:1", "depends_on": ["api"], "networks": ["front"], "configs": ["site"]},
        "api": {"image": "b:1", "depends_on": {"db": {"condition": "service_started", "required": False}}},
        "db": {"image": "c:1", "secrets": ["key"]},
        "other": {"image": "d:1", "configs": ["more"], "networks": ["back"]},
    },
    "networks": {"front": {}, "back": {}},
    "configs": {"site": {"content": "x"}, "more": {"content": "y"}},
    "secrets": {"key": {"file": "key.txt"}},
}


@pytest.mark.parametrize(
    ("chosen", "services", "objects"),
    [
        (["web"], ["api", "db", "web"], ["default", "front", "site", "key"]),
        (["api"], ["api", "db"], ["default", "key"]),
        (["db", "db"], ["db"], ["default", "key"]),
        (["other", "db"], ["db", "other"], ["back", "default", "more", "key"]),
    ],
)
def test_chosen_services_come_with_what_they_depend_on_and_use(chosen, services, objects):
    desired = compiled(CHAIN, {"/p/key.txt": b"k"}, services=chosen)
    assert sorted(by_key(desired)) == services and desired["part"]
    assert [entry["key"] for kind in ("networks", "configs", "secrets") for entry in desired[kind]] == objects
    assert sorted(key for wave in desired["waves"] for key in wave) == services


def test_all_services_are_no_part():
    assert not compiled(CHAIN, {"/p/key.txt": b"k"}, services=["web", "other"])["part"]
    assert "part" not in compiled(CHAIN, {"/p/key.txt": b"k"}, services=[])
    with pytest.raises(ComposeError, match="services: there is no service 'dbb'"):
        compiled(CHAIN, {"/p/key.txt": b"k"}, services=["dbb"])


BINDS = {
    "services": {
        "web": {"image": "a:1", "volumes": ["./conf:/etc/conf", "/srv/site:/site"], "tmpfs": ["/x"]},
        "api": {"image": "a:1", "volumes": ["./conf/api.ini:/api.ini"]},
        "db": {"image": "b:1"},
    }
}
FILES = {"/p/conf/nginx.conf": b"one", "/p/conf/api.ini": b"one", "/srv/site/x": b"x", "/other/f": b"f"}
LABEL = "stackwright.restart-on"


def digests(given, files=FILES):
    services = by_key(compiled(BINDS, files, restart_on=given))
    for service in services.values():
        if "as_docker" in service:  # in docker's spec as well, or the label would never be deployed
            made = service["as_docker"]["spec"]["TaskTemplate"]["ContainerSpec"]["Labels"]
            assert made.get(LABEL) == service["spec"]["TaskTemplate"]["ContainerSpec"]["Labels"].get(LABEL)
    labels = {key: s["spec"]["TaskTemplate"]["ContainerSpec"]["Labels"].get(LABEL) for key, s in services.items()}
    return {key: label for key, label in labels.items() if label}


def test_services_that_mount_a_file_follow_its_content():
    before = digests(["/p/conf/nginx.conf", "/p/conf/api.ini", "/srv/site/x"])
    assert sorted(before) == ["api", "web"]
    after = digests(["/p/conf/nginx.conf", "/p/conf/api.ini", "/srv/site/x"], {**FILES, "/p/conf/nginx.conf": b"two"})
    assert after["api"] == before["api"] and after["web"] != before["web"]
    assert digests({"db": ["/other/f"], "api": "/p/conf/api.ini"}).keys() == {"db", "api"}
    assert digests(None) == digests([]) == digests({}) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["/other/f"], "no service mounts /other/f"),
        (["/p/confx"], "no service mounts /p/confx"),
        (["/p/conf/none"], "/p/conf/none does not exist"),
        (["/p/conf"], "is a directory"),
        ({"wep": ["/other/f"]}, "there is no service 'wep'"),
    ],
)
def test_files_that_can_not_be_followed_are_problems(given, said):
    with pytest.raises(ComposeError, match=said):
        digests(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["debugg"], ["profiles: no service has the profile 'debugg' (did you mean debug?)"]),
        (["x"], ["profiles: no service has the profile 'x' (the profiles are debug, tools)"]),
        (["debug", "tools", "*"], []),
        ([], []),
    ],
)
def test_a_profile_that_no_service_has_is_told(given, said):
    file = {"services": {"web": {"image": "a"}, "d": {"image": "a", "profiles": ["debug", "tools"]}}}
    request = CompileRequest([Source("/p/compose.yml", file)], name="shop", profiles=given)
    notices = compile_stack(request, MemoryFiles({}))["notices"]
    assert [f"{n['key']}: {n['message']} ({n['hint']})" for n in notices if n["code"] == "unknown_profile"] == said


VOLUMES = {
    "services": {"db": {"image": "a:1", "volumes": ["data:/a", "slots:/b", "plain:/c", "away:/d"]}},
    "volumes": {
        "data": {"driver_opts": {"type": "tmpfs"}},
        "slots": {"name": "db_{{.Task.Slot}}"},
        "plain": None,
        "away": {"external": True},
    },
}


def test_volumes_to_recreate_are_named_as_in_the_file_or_in_full():
    asked = ["data", "db_{{.Task.Slot}}", "shop_plain", "shop_data"]
    assert compiled(VOLUMES, recreate_volumes=asked)["recreate_volumes"] == [
        "db_{{.Task.Slot}}",
        "shop_data",
        "shop_plain",
    ]
    assert "recreate_volumes" not in compiled(VOLUMES, recreate_volumes=[])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dta", r"there is no volume 'dta' \(did you mean data\?\)"),
        ("blog_data", "there is no volume 'blog_data'"),
        ("away", "the volume 'away' is external"),
    ],
)
def test_volumes_that_can_not_be_recreated(name, words):
    with pytest.raises(ComposeError, match=f"recreate_volumes: {words}"):
        compiled(VOLUMES, recreate_volumes=[name])
