"""stack_export: what runs becomes files, and a deployment of the files changes nothing."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

FILE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
    environment: {{TOKEN: "a $$word", TEXT: "{text}"}}
    configs:
      - source: page
        target: /page
    secrets: [key]
    networks: [front, back]
    volumes: ["data:/data"]
    ports: ["80"]
    stop_grace_period: 1s
    healthcheck: {{test: "true", interval: 90s}}
    deploy:
      replicas: 2
      labels: {{stackwright.http.port: "80", stackwright.http.routes.0.domain: "{name}.example.com"}}
      resources: {{limits: {{cpus: "0.5", memory: 64M}}}}
      update_config: {{parallelism: 2, monitor: 10ms}}
networks:
  front:
  back: {{internal: true, driver_opts: {{encrypted: ""}}}}
volumes:
  data: {{labels: {{kept: "yes"}}}}
configs:
  page: {{file: ./page.txt}}
secrets:
  key: {{file: ./key.txt}}
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    """A stack that docker's CLI has deployed."""
    player = Player(tmp_path, {"m1": bed.node("m1").docker_host}, {"page.txt": "a page\n", "key.txt": "planted-3c1"})
    player.bed, player.name = bed, swarm.name
    deploy(player, "first")
    return player


def docker(player, *arguments):
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "DOCKER_HOST": player.bed.node("m1").docker_host}
    # The CLI reads a service and then writes it; between, Swarm may have changed it by itself.
    for _attempt in range(5):
        done = subprocess.run(["docker", *arguments], env=environment, capture_output=True, text=True, check=False)
        if "update out of sequence" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def deploy(player, text):
    written = FILE.format(image=player.bed.images["busybox"], name=player.name, text=text)
    path = player.write("given.yml", written)
    docker(player, "stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", str(path), player.name)


def export(player, **options):
    return {"stack_export": {"name": player.name, "dest": str(player.folder / "out"), **options}}


def seen(folder):
    return {path: (path.read_bytes(), path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}


def planned(player, *stacks, **options):
    """What a deployment of the exported folder would change."""
    task = {"stacks": [*stacks], "rollout": {"wait": False}, "resolve_image": "never", **options}
    run = player.play({"compose_stack": task}, check=True)
    assert run.code == 0, run.output
    return run.last


def test_the_export_of_what_docker_deployed_changes_nothing(player):
    run = player.play(export(player))
    assert run.code == 0, run.output
    assert run.last["not_exported"] == []
    folder = player.folder / "out" / player.name
    assert sorted(run.last["written"]) == [f"{player.name}/compose.yml", f"{player.name}/configs/page"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o600}
    assert (folder / "configs" / "page").read_text() == "a page\n"
    written = yaml.safe_load((folder / "compose.yml").read_text())
    web = written["services"]["web"]
    assert web["environment"] == {"TEXT": "first", "TOKEN": "a $$word"}
    assert web["deploy"]["labels"]["stackwright.http.routes.0.domain"] == f"{player.name}.example.com"
    assert web["deploy"]["resources"] == {"limits": {"cpus": "0.5", "memory": "64M"}}
    assert web["healthcheck"] == {"test": "true", "interval": "1m30s"}
    assert written["secrets"] == {"key": {"name": f"{player.name}_key", "external": True}}
    assert written["networks"] == {"back": {"internal": True, "driver_opts": {"encrypted": ""}}, "front": None}
    assert planned(player, str(player.folder / "out"))["changed"] is False
    assert "planted-3c1" not in run.output + (folder / "compose.yml").read_text()


def test_the_twelve_steps(player):
    """Create, repeat, modify, repeat, remove, repeat: each in check mode and for real."""
    steps = [("first", True), ("first", False), ("second", True), ("second", False), (None, True), (None, False)]
    for text, changes in steps:
        if text is None and changes:
            docker(player, "service", "update", "--detach", "--env-rm", "TEXT", f"{player.name}_web")
        elif text:
            deploy(player, text)
        before = seen(player.folder / "out")
        would = player.play(export(player, overwrite=True), check=True, diff=True)
        assert would.code == 0, would.output
        assert seen(player.folder / "out") == before
        does = player.play(export(player, overwrite=True), diff=True)
        assert does.code == 0, does.output
        assert [run.last["changed"] for run in (would, does)] == [changes, changes]
        assert would.last["written"] == does.last["written"]
        assert would.last["diff"] == does.last["diff"]
        assert (seen(player.folder / "out") != before) is changes


def test_files_of_others_are_not_replaced(player):
    player.write(f"out/{player.name}/compose.yml", "mine\n")
    run = player.play(export(player))
    assert run.last["error_code"] == "export_exists"
    assert sorted(path.name for path in seen(player.folder / "out")) == ["compose.yml"]


def test_what_no_file_can_say_is_named(player):
    docker(
        player, "service", "update", "--detach", "--env-add", "A=b", "--host-add", "a:10.1.1.1", f"{player.name}_web"
    )
    docker(player, "service", "update", "--detach", "--mount-rm", "/data", f"{player.name}_web")
    run = player.play(export(player, strict=True))
    assert run.code == 0, run.output
    written = yaml.safe_load((player.folder / "out" / player.name / "compose.yml").read_text())["services"]["web"]
    assert written["extra_hosts"] == ["a:10.1.1.1"]
    label = f"com.docker.stack.namespace={player.name}"
    busybox = player.bed.images["busybox"]
    made = ("--no-resolve-image", "--detach", "--label", label, "--name", f"other{player.name}", busybox, "sleep", "1d")
    docker(player, "service", "create", *made)
    try:
        run = player.play(export(player, strict=True, overwrite=True))
        assert run.last["error_code"] == "not_exportable"
        assert run.last["not_exported"][0] == (
            f"service other{player.name}: a service of the stack {player.name} can't have this name"
        )
    finally:
        docker(player, "service", "rm", f"other{player.name}")


def test_a_whole_swarm_with_a_playbook(player):
    loose, busybox = f"{player.name}-loose", player.bed.images["busybox"]
    docker(player, "network", "create", "--driver", "overlay", "--attachable", f"{player.name}-shared")
    made = ("--network", f"{player.name}-shared", "--env", "A=1", busybox, "sleep", "1d")
    docker(player, "service", "create", "--no-resolve-image", "--detach", "--name", loose, *made)
    out = player.folder / "out"
    try:
        task = {"stack_export": {"all": True, "dest": str(out), "playbook": True}}
        run = player.play(task)
        assert run.code == 0, run.output
        (mine,) = [stack for stack in run.last["stacks"] if stack["loose"] == loose]
        assert (mine["folder"], mine["not_exported"]) == (f"loose/{loose}", [])
        assert yaml.safe_load((out / mine["folder"] / "compose.yml").read_text())["services"]["service"] == {
            "image": busybox,
            "command": ["sleep", "1d"],
            "environment": {"A": "1"},
            "init": False,
            "networks": [f"{player.name}-shared"],
        }
        networks = yaml.safe_load((out / "group_vars" / "swarm_managers.yml").read_text())["swarm_networks"]
        assert {"name": f"{player.name}-shared", "attachable": True} in networks
        managers = yaml.safe_load((out / "inventory.yml").read_text())["all"]["children"]["swarm_managers"]["hosts"]
        assert "m1" in managers
        assert f"{player.name}_key" in (out / "README.md").read_text()
        assert player.play(task).last["changed"] is False
        host = {"DOCKER_HOST": player.hosts["m1"]}
        played = player.playbook(out / "deploy.yml", check=True, environment=host)
        assert played.code == 0, played.output
        assert {line["result"].get("changed") for line in played.lines} == {False}
    finally:
        docker(player, "service", "rm", loose)


VALUES = """\
x-env:
  PASSWORD: "{{{{ generate_password(24) }}}}"
services:
  web:
    image: {image}
    command: ["sh", "-c", "trap exit TERM; sleep 1d & wait", "--password=${{PASSWORD}}"]
    stop_grace_period: 1s
    environment:
      USER: "{{{{ generate_user }}}}"
      URL: "db://{{{{ generate_user }}}}:{{{{ generate_hex(16) }}}}@db/${{PASSWORD}}"
    secrets: [token]
secrets:
  token: {{content: "{{{{ generate_domain('example.org') }}}}"}}
"""


def test_values_that_are_kept_become_expressions(bed, swarm, tmp_path):
    text = VALUES.format(image=bed.images["busybox"])
    player = Player(tmp_path, {"m1": bed.node("m1").docker_host}, {"given.yml": text})
    player.bed, player.name = bed, swarm.name
    kept = {"values": {"store": "swarm"}, "rollout": {"wait": False}, "resolve_image": "never"}
    run = player.play({"compose_stack": {"name": player.name, "src": "given.yml", **kept}})
    assert run.code == 0, run.output
    run = player.play(export(player))
    assert run.code == 0, run.output
    assert run.last["not_exported"] == []
    written = (tmp_path / "out" / player.name / "compose.yml").read_text()
    live = docker(player, "service", "inspect", f"{player.name}_web", "--format", "{{json .Spec.TaskTemplate}}")
    secret = next(line for line in yaml.safe_load(live)["ContainerSpec"]["Env"] if line.startswith("USER="))[5:]
    assert secret not in written + run.output
    found = yaml.safe_load(written)
    assert found["x-env"] == {"PASSWORD": "{{ generate_password(length=24) }}"}
    web = found["services"]["web"]
    assert web["command"][-1] == "--password=${PASSWORD}"
    assert web["environment"] == {
        "URL": "db://{{ generate_user }}:{{ generate_hex(bytes=16) }}@db/${PASSWORD}",
        "USER": "{{ generate_user }}",
    }
    assert found["secrets"] == {"token": {"content": "{{ generate_domain(suffix='example.org') }}"}}
    assert planned(player, str(tmp_path / "out"), values={"store": "swarm"})["changed"] is False


def test_a_stack_that_had_steps(bed, swarm, tmp_path):
    """The steps are gone; that a service has had them, its label says."""
    service = {"image": bed.images["busybox"], "command": "sleep 1d", "stop_grace_period": "1s"}
    text = yaml.safe_dump({"services": {"web": {**service, "pre_start": [{"command": "true"}]}}})
    player = Player(tmp_path, {"m1": bed.node("m1").docker_host}, {"given.yml": text})
    player.bed, player.name = bed, swarm.name
    run = player.play({"compose_stack": {"name": player.name, "src": "given.yml", "resolve_image": "never"}})
    assert run.code == 0, run.output
    run = player.play(export(player))
    assert run.code == 0, run.output
    assert (run.last["not_exported"], run.last["stacks"][0]["services"]) == ([], ["web"])
    assert planned(player, str(tmp_path / "out"))["changed"] is False


def test_two_managers_write_the_files_once(player):
    both = Player(player.folder, {"m1": player.hosts["m1"], "m2": player.hosts["m1"]})
    run = both.play(export(player))
    assert run.code == 0, run.output
    assert sorted(bool(run.of(host)[-1]["changed"]) for host in ("m1", "m2")) == [False, True]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"name": []}, "invalid_options"),
        ({"all": True}, "invalid_options"),
        ({"playbook": True}, "invalid_options"),
        ({"name": ["nobody"]}, "not_found"),
    ],
    ids=["nothing", "both", "playbook of one", "no such stack"],
)
def test_refusals(player, options, code):
    run = player.play(export(player, **options))
    assert (run.code, run.last["error_code"]) == (2, code)
    assert not (player.folder / "out").exists()
