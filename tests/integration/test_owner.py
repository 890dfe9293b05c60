"""Two stacks of one name in the Swarm, on a real engine: each module that changes or removes tells them apart."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

COMPOSE = """\
services:
  web:
    image: {image}
    command: [sleep, 1d]
    stop_grace_period: 1s
    environment: {{PASSWORD: "{{{{ generate_secure_password }}}}", A: "${{A}}"}}
    volumes: [data:/data]
    configs: [page]
    deploy: {{labels: {{stackwright.http.port: 80, stackwright.http.routes.0.domain: {name}.example.com}}}}
volumes: {{data: {{}}}}
configs: {{page: {{content: "hello ${{A}}"}}}}
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    text = COMPOSE.format(image=bed.images["busybox"], name=swarm.name)
    return Player(tmp_path, {"m1": bed.docker_host}, {"compose.yml": text})


def deployment(a):
    return {"src": "compose.yml", "variables": {"A": a}, "rollout": {"timeout": 60, "stable_for": 0.5}}


def everything(swarm):
    """All that the Swarm and the node have, but for what is of no stack."""
    seen = {}
    for kind in ("services", "networks", "configs", "secrets"):
        for obj in swarm.bed.node("m1").api("GET", f"/{kind}"):
            seen[kind, obj.get("ID") or obj["Id"]] = ((obj.get("Version") or {}).get("Index"), obj.get("Spec"))
    volumes = swarm.bed.node("m1").api("GET", "/volumes")["Volumes"] or []
    return seen, sorted(volume["Name"] for volume in volumes)


def of_swarm(name, tracked):
    """The stack that deploys, and one that has the same name in the Swarm."""
    project, _dash, rest = name.partition("-")
    assert rest, name
    triple = {"project": project, "environment": rest, "name": "shop"}
    plain = {"name": f"{name}-shop"}
    return (triple, plain) if tracked else (plain, triple)


@pytest.mark.parametrize("tracked", [True, False], ids=["a project's", "a plain one"])
def test_every_module_leaves_another_stack_of_the_same_name_alone(player, swarm, tmp_path, tracked):
    mine, other = of_swarm(swarm.name, tracked)
    store = {"store": "swarm"}
    for a in "12":
        run = player.play({"compose_stack": {**mine, **deployment(a), "values": store}})
        assert run.code == 0, run.output
    before = everything(swarm)
    asked = [
        {"compose_stack": {**other, **deployment("3"), "values": store}},
        {"compose_stack": {**other, "state": "stopped"}},
        {"compose_stack": {**other, "state": "absent"}},
        {"stack_rollback": {**other, "values": store}},
        {"stack_drift": {**other, "heal": True}},
        {"stack_service": {**other, "service": "web", "state": "scaled", "replicas": 2}},
        {"stack_service": {**other, "service": "web", "state": "restarted"}},
        {"stack_cleanup": {**other, "volumes": True, "values": True, "break_lock": True}},
        {"stack_cleanup": {**other, "dangling": True}},
        {"stack_values": {**other, "state": "present", "values": {"A": "x"}, "store": "swarm"}},
        {"stack_values": {**other, "state": "absent", "names": "all", "store": "swarm"}},
        {
            "stack_values": {
                **other,
                "state": "present",
                "values": {"A": "x"},
                "path": str(tmp_path / "facts"),
                "store": "host_facts",
            }
        },
    ]
    tasks = [{**task, "ignore_errors": True} for task in asked]
    for check in (True, False):
        run = player.play(*tasks, check=check)
        codes = [line["result"].get("error_code", "") for line in run.lines]
        assert codes == ["conflict"] * len(asked), run.output
        assert everything(swarm) == before
    text = run.lines[0]["result"]["msg"]
    assert f"project {swarm.name.partition('-')[0]}" in text, text
    assert "without a project" in text, text
    assert not (tmp_path / "facts").exists()

    shown = player.play({"stack_info": dict(mine)})
    assert shown.last["stacks"][0]["owner"]["project"] == mine.get("project", "")
    again = player.play({"compose_stack": {**mine, **deployment("2"), "values": store}})
    assert again.code == 0, again.output
    assert not again.last["changed"]
    gone = player.play({"stack_cleanup": {**mine, "volumes": True, "values": True}})
    assert gone.code == 0, gone.output
    free = player.play({"compose_stack": {**other, **deployment("3"), "values": store}})
    assert free.code == 0, free.output


@pytest.mark.parametrize("kept", ["vault", "encrypted"])
def test_values_of_another_stack_of_the_same_name_are_not_used(player, swarm, tmp_path, kept):
    mine, other = of_swarm(swarm.name, True)
    player.write("password", "of the vault\n")
    environment = {"ANSIBLE_VAULT_PASSWORD_FILE": str(tmp_path / "password")}
    place = {"store": "vault", "path": "values.yml"} if kept == "vault" else {"store": "swarm", "encrypted": "vault"}

    def play(*tasks, **how):
        return player.play(*tasks, environment=environment, **how)

    def looked(stack, name):
        words = {**stack, **{key: place[key] for key in ("store", "path") if key in place}}
        words.update({"docker_host": player.hosts["m1"]} if kept == "encrypted" else {})
        more = ", ".join(f"{key}={value!r}" for key, value in words.items())
        copy = {"content": f"{{{{ lookup('stackwright.swarm.stack_value', {name!r}, {more}) }}}}", "mode": "0600"}
        return play({"ansible.builtin.copy": {**copy, "dest": str(tmp_path / "looked")}, "no_log": True})

    # Nothing but the values says yet whose the name is.
    first = play({"stack_values": {**mine, **place, "values": {"web/PASSWORD": "of mine"}}})
    assert first.code == 0, first.output
    tasks = [
        {"stack_values": {**other, **place, "state": "listed"}},
        {"stack_values": {**other, **place, "values": {"web/PASSWORD": "of the other"}}},
        {"stack_values": {**other, **place, "state": "absent", "names": "all"}},
        {
            "stack_values": {
                **other,
                **place,
                "state": "moved",
                "to": {"store": "host_facts", "path": str(tmp_path / "f")},
            }
        },
        {"compose_stack": {**other, **deployment("1"), "values": place}},
    ]
    for check in (True, False):
        run = play(*[{**task, "ignore_errors": True} for task in tasks], check=check)
        assert [line["result"].get("error_code", "") for line in run.lines] == ["conflict"] * len(tasks), run.output
        assert "of mine" not in run.output
    refused = looked(other, "web/PASSWORD")
    assert refused.code == 2 and not (tmp_path / "looked").exists(), refused.output
    assert looked(mine, "web/PASSWORD").code == 0
    assert (tmp_path / "looked").read_text() == "of mine"

    made = play({"compose_stack": {**mine, **deployment("1"), "values": place}})
    assert made.code == 0, made.output
    service = swarm.bed.node("m1").api("GET", f"/services/{made.last['stack']}_web")
    assert "PASSWORD=of mine" in service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
    for files in ({"src": "compose.yml", "variables": {"A": "1"}}, {}):
        found = play({"stack_preflight": {**other, **files, "resolve_image": "never"}})
        assert found.last["error_code"] == "conflict", found.output
        free = play({"stack_preflight": {**mine, **files, "resolve_image": "never", "fail_on": "never"}})
        assert "conflict" not in [item["code"] for item in free.last["findings"]], free.output
    gone = play({"stack_cleanup": {**mine, "volumes": True, "values": True}})
    assert gone.code == 0, gone.output


def test_routes_of_another_stack_are_not_taken(player, swarm):
    mine, other = of_swarm(swarm.name, True)
    run = player.play({"compose_stack": {**mine, **deployment("1"), "values": {"store": "swarm"}}})
    assert run.code == 0, run.output
    task = {"services_of": run.last["stack"], "stack": f"{{{{ '{other['name']}' | stackwright.swarm.stack_id }}}}"}
    run = player.play({"caddy_route": {**task, "admin": "unix:///nowhere.sock"}})
    assert run.last["error_code"] == "conflict", run.output
