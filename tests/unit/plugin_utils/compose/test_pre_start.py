"""``pre_start``: the jobs that the compiler creates from its steps."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Parts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

WEB = {
    "image": "app:1",
    "entrypoint": ["/start"],
    "command": ["serve"],
    "user": "7",
    "working_dir": "/srv",
    "environment": {"A": "1", "B": "2"},
    "networks": {"front": {"aliases": ["shop"]}},
    "ports": ["80:80"],
    "hostname": "web",
    "labels": {"a": "b"},
    "configs": ["page"],
    "secrets": ["key"],
    "volumes": ["data:/data", "/own", {"type": "tmpfs", "target": "/tmp"}, "/host:/host"],
    "cap_drop": ["ALL"],
    "healthcheck": {"test": "curl x"},
    "restart": "always",
    "deploy": {
        "replicas": 3,
        "labels": {"traefik.enable": "true"},
        "update_config": {"delay": "1s"},
        "placement": {"constraints": ["node.role == worker"], "max_replicas_per_node": 1},
    },
    "pre_start": [
        {"command": "migrate --all"},
        {"image": "busybox", "command": ["chown"], "user": "0", "working_dir": "/w", "environment": ["B=3", "C"]},
        {"image": "tool:2"},
    ],
}


def compiled(web=WEB, files=(), text=None, name="shop", **request):
    tree = {
        "services": {"web": web, "db": {"image": "db:1"}},
        "networks": {"front": {}},
        "volumes": {"data": {}},
        "configs": {"page": {"content": "x"}},
        "secrets": {"key": {"content": "y"}},
    }
    sources = [Source("/p/compose.yml", text or tree)]
    return compile_stack(CompileRequest(sources, name=name, **request), MemoryFiles(dict(files)))


def by_key(desired):
    return {service["key"]: service for service in desired["services"]}


def container(service):
    return service["spec"]["TaskTemplate"]["ContainerSpec"]


def test_a_step_has_what_it_needs_of_its_service_and_nothing_that_is_for_a_server():
    services = by_key(compiled(variables={"C": "4"}))
    first, second, third = (services[f"web_pre_start_{number}"] for number in (1, 2, 3))
    for step in (first, second, third):
        spec, inside = step["spec"], container(step)
        assert step["step_of"] == "web"
        assert spec["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
        assert spec["TaskTemplate"]["RestartPolicy"] == {"Condition": "none"}
        assert spec["EndpointSpec"] == {} and "UpdateConfig" not in spec
        assert inside["Healthcheck"] == {"Test": ["NONE"]}
        assert not {"Command", "Hostname", "CapabilityDrop"} & set(inside)
        assert [(m["Type"], m["Target"]) for m in inside["Mounts"]] == [("volume", "/data"), ("bind", "/host")]
        assert spec["TaskTemplate"]["Networks"] == [{"Target": "shop_front", "Aliases": [step["key"]]}]
        assert spec["TaskTemplate"]["Placement"] == {"Constraints": ["node.role == worker"]}
        assert "traefik.enable" not in spec["Labels"] and "a" not in inside["Labels"]
        assert inside["Configs"] == container(services["web"])["Configs"]
        assert inside["Secrets"] == container(services["web"])["Secrets"]
    assert container(first)["Args"] == ["migrate", "--all"]
    assert (container(first)["User"], container(first)["Dir"], container(first)["Image"]) == ("7", "/srv", "app:1")
    assert container(first)["Env"] == ["A=1", "B=2"]
    assert (container(second)["User"], container(second)["Dir"]) == ("0", "/w")
    assert container(second)["Env"] == ["A=1", "B=3", "C=4"]
    # A step with another image has its own user and command.
    assert "User" not in container(third) and "Args" not in container(third) and container(third)["Dir"] == "/srv"


def test_they_follow_each_other_and_what_the_service_waits_for():
    desired = compiled({"image": "app", "depends_on": {"db": {"condition": "service_healthy", "restart": True}},
                        "pre_start": [{"command": "a"}, {"command": "b"}]})  # fmt: skip
    services = by_key(desired)
    assert desired["waves"] == [["db"], ["web_pre_start_1"], ["web_pre_start_2"], ["web"]]
    assert services["web_pre_start_1"]["depends_on"] == {
        "db": {"condition": "service_healthy", "restart": False, "required": True}
    }
    assert services["web"]["depends_on"]["db"]["restart"] is True
    assert not [notice for notice in desired["notices"] if "pre_start" in notice["key"]]


@pytest.mark.parametrize(
    ("deploy", "mode"),
    [
        ({}, {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}),
        ({"replicas": 3}, {"ReplicatedJob": {"MaxConcurrent": 3, "TotalCompletions": 3}}),
        ({"mode": "global"}, {"GlobalJob": {}}),
    ],
)
def test_per_replica_goes_as_far_as_swarm_can(deploy, mode):
    step = {"command": "a", "per_replica": True}
    desired = compiled({"image": "app", "deploy": deploy, "pre_start": [step]})
    assert by_key(desired)["web_pre_start_1"]["spec"]["Mode"] == mode
    assert [n["code"] for n in desired["notices"]] == ["approximated"]
    with pytest.raises(ComposeError, match="per_replica"):
        compiled({"image": "app", "deploy": deploy, "pre_start": [step]}, strict=True)
    once = by_key(compiled({"image": "app", "deploy": deploy, "pre_start": [{"command": "a"}]}))
    assert once["web_pre_start_1"]["spec"]["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}


def digests(web):
    services = by_key(compiled(web))
    return (
        services["web_pre_start_1"]["spec"]["Labels"]["stackwright.pre-start"],
        container(services["web"])["Labels"]["stackwright.pre-start"],
    )


def test_what_tells_one_definition_from_another():
    web = {"image": "app", "pre_start": [{"command": "a"}]}
    base = digests(web)
    assert digests({**web, "deploy": {"replicas": 5}})[1] == base[1]
    assert digests({**web, "scale": 4}) == digests({**web, "x-remark": "y"}) == base
    assert digests({**web, "command": "b"})[0] != base[0] and digests({**web, "command": "b"})[1] == base[1]
    other = digests({**web, "pre_start": [{"command": "b"}]})
    assert other[0] != base[0] and other[1] != base[1]
    without = by_key(compiled({"image": "app", "pre_start": []}))
    assert set(without) == {"db", "web"} and "stackwright.pre-start" not in container(without["web"])["Labels"]


def test_a_problem_stands_where_it_was_written_and_once():
    with pytest.raises(ComposeError) as caught:
        compiled({"image": "app", "networks": ["nowhere"], "pre_start": [{"command": "a"}, {"command": "b"}]})
    assert [problem.key for problem in caught.value.problems] == ["services.web.networks.nowhere"]
    desired = compiled({"image": "app", "platform": "linux/arm", "pre_start": [{"command": "a"}]})
    assert [notice["key"] for notice in desired["notices"]] == ["services.web.platform"]


def test_a_long_name_is_shortened_as_far_as_it_can_be():
    key = "w" * 55
    tree = {"services": {key: {"image": "app", "pre_start": [{"command": "a"}, {"command": "b"}]}}}
    names = sorted(s["name"] for s in compiled(text=tree)["services"])
    assert len(names) == 3 and all(len(name) <= 63 for name in names)
    assert [name for name in names if name.endswith(("_pre_start_1", "_pre_start_2"))] == names[:2]
    with pytest.raises(ComposeError, match=r"web.pre_start\[0\]: the name of the step's job has"):
        compiled({"image": "app", "pre_start": [{"command": "a"}]}, name="s" * 58)


def test_a_part_of_the_stack_has_its_steps():
    web = {"image": "app", "depends_on": ["db"], "pre_start": [{"command": "a"}]}
    assert sorted(by_key(compiled(web, parts=Parts.of({"services": ["web"]})))) == ["db", "web", "web_pre_start_1"]
    assert sorted(by_key(compiled(web, parts=Parts.of({"services": ["db"]})))) == ["db"]
    with pytest.raises(ComposeError, match="there is no service 'web_pre_start_1'"):
        compiled(web, parts=Parts.of({"restart": ["web_pre_start_1"]}))
    left = by_key(compiled(web, parts=Parts.of({"leave": {"all": ["image"]}})))
    assert "leave" in left["web"] and "leave" not in left["web_pre_start_1"]


def test_generated_values_and_secret_overrides_reach_a_step():
    text = """
x-env:
  PASSWORD: "{{ generate_password | 32 }}"
services:
  web:
    image: app
    environment: {OWN: "{{ generate_password | 16 }}"}
    pre_start:
      - command: [psql, "-p", "${PASSWORD}"]
        environment: ["PW=${PASSWORD}"]
"""
    step = container(by_key(compiled(text=text))["web_pre_start_1"])
    assert step["Args"] == ["psql", "-p", "\0stack/PASSWORD\0"]
    assert "PW=\0stack/PASSWORD\0" in step["Env"] and any(entry.startswith("OWN=\0") for entry in step["Env"])
    overrides = {"services": {"web": {"OWN": {"value": "x", "sensitive": True}}}}
    again = container(by_key(compiled(text=text, env_overrides=overrides))["web_pre_start_1"])
    assert any(entry.startswith("OWN=\0") for entry in again["Env"])
    with pytest.raises(ComposeError, match="an expression is not allowed here"):
        compiled(text=text.replace('"PW=${PASSWORD}"', '"PW={{ generate_password | 8 }}"'))


def test_files_and_extends_are_merged_as_any_list():
    base = "services: {web: {image: app, env_file: [a.env], pre_start: [{command: one}]}}"
    more = "services: {web: {pre_start: [{command: two}]}}"
    sources = [Source("/p/a.yml", base), Source("/p/b.yml", more)]
    desired = compile_stack(CompileRequest(sources, name="shop"), MemoryFiles({"/p/a.env": b"FROM=file\n"}))
    steps = [container(s)["Args"] for s in desired["services"] if s.get("step_of")]
    assert steps == [["one"], ["two"]]
    assert "FROM=file" in container(by_key(desired)["web_pre_start_1"])["Env"]
    cut = "services: {web: {pre_start: !override [{command: two}]}}"
    sources = [Source("/p/a.yml", base), Source("/p/b.yml", cut)]
    desired = compile_stack(CompileRequest(sources, name="shop"), MemoryFiles({"/p/a.env": b""}))
    assert [container(s)["Args"] for s in desired["services"] if s.get("step_of")] == [["two"]]


def test_policies_hold_for_steps_as_for_any_service():
    platform = {"tracking_labels": True, "environment": {"Z": "9"}, "logging": {"driver": "json-file"}}
    platform |= {"update_config": "safe", "restart_policy": {"condition": "any"}}
    step = by_key(compiled({"image": "app", "pre_start": [{"command": "a"}]}, platform=platform))["web_pre_start_1"]
    assert step["spec"]["Labels"]["stackwright-service"] == "web_pre_start_1" and container(step)["Env"] == ["Z=9"]
    assert step["spec"]["TaskTemplate"]["LogDriver"]["Name"] == "json-file" and "UpdateConfig" not in step["spec"]
    assert step["spec"]["TaskTemplate"]["RestartPolicy"] == {"Condition": "none"}


def test_what_many_steps_share_counts_for_each_of_them():
    web = f"{{image: app, environment: {{A: {'x' * 20000}}}, pre_start: [{'{},' * 9999}]}}"
    text = f"services: {{web: {web}}}"
    with pytest.raises(ComposeError) as caught:
        compiled(text=text)
    assert [problem.code for problem in caught.value.problems] == ["too_large"]
