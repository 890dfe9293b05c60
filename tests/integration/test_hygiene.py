"""What must not be read in the output of ansible-playbook -vvv: values of variables, passwords, content of secrets."""

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

COMPOSE = """\
services:
  web:
    image: {image}
    command: ["httpd", "-f", "-p", "8000"]
    stop_grace_period: 1s
    environment:
      DB_PASSWORD: ${{DB_PASSWORD}}
      DB_HOST: ${{DB_HOST}}
      CACHE: redis://app:${{DB_PASSWORD}}@cache/0
      GREETING: ${{GREETING}}
    labels:
      com.example.token: ${{DB_PASSWORD}}
    secrets: [key]
    configs: [page]
    deploy: {{endpoint_mode: dnsrr, update_config: {{parallelism: 0, monitor: 10ms}}}}
secrets:
  key: {{environment: SIGNING}}
configs:
  page: {{content: "page of ${{DB_PASSWORD}}"}}
"""
ONE = {"DB_PASSWORD": "hunter2-one", "DB_HOST": "db-one", "GREETING": "hello-one", "SIGNING": "sign-one"}
TWO = {"DB_PASSWORD": "hunter2-two", "DB_HOST": "db-two", "GREETING": "hello-two", "SIGNING": "sign-two"}
REGISTRY = {"registry": "registry.example.com", "username": "deploy", "password": "registry-word"}
NEVER = ("hunter2", "sign-one", "sign-two", "registry-word")


@pytest.fixture
def player(bed, swarm, tmp_path):
    compose = COMPOSE.format(image=bed.images["busybox"])
    return Player(tmp_path, {"m1": bed.node("m1").docker_host}, {"compose.yml": compose})


def deploy(player, swarm, variables, registry=REGISTRY, **how):
    options = {
        "name": swarm.name,
        "src": "compose.yml",
        "variables": "{{ given }}",
        "registry_auth": "{{ logins }}",
        "rollout": {"timeout": 60},
    }
    # Not on the command line, where they would be the caller's own leak.
    player.write("group_vars/all.yml", yaml.safe_dump({"given": variables, "logins": [registry]}))
    return player.play({"compose_stack": options}, verbosity=3, **how)


def test_nothing_secret_is_shown(player, swarm):
    made = deploy(player, swarm, ONE, diff=True)
    assert made.code == 0, made.output
    announced = deploy(player, swarm, TWO, check=True, diff=True)
    changed = deploy(player, swarm, TWO, diff=True)
    assert changed.code == 0, changed.output
    again = deploy(player, swarm, TWO, diff=True)
    assert again.last["changed"] is False
    for run in (made, announced, changed, again):
        assert [word for word in NEVER if word in run.output] == []
    # What changes is still seen, and what is not a secret is shown with its values.
    (operation,) = (op for op in changed.last["plan"] if op["kind"] == "service")
    changes = {c["path"].rpartition(".")[2]: (c["before"], c["after"]) for c in operation["changes"]}
    assert changes["DB_PASSWORD"] == ("********", "********")
    assert changes["CACHE"] == ("redis://app:********@cache/0", "redis://app:********@cache/0")
    assert changes["GREETING"] == ("hello-one", "hello-two")
    assert changes["DB_HOST"] == ("db-one", "db-two")
    assert "hello-one" in changed.output


def test_nor_in_a_failure(player, bed, swarm):
    """A command that ends at once, a spec that the engine refuses, and a file with a mistake."""
    good = COMPOSE.format(image=bed.images["busybox"])
    broken = {
        "health_gate_failed": good.replace('"httpd", "-f", "-p", "8000"', '"no-such-program"'),
        "invalid_compose": good.replace("stop_grace_period: 1s", "stop_grace_period: [1]"),
    }
    for code, text in broken.items():
        player.write("compose.yml", text)
        run = deploy(player, swarm, ONE, diff=True)
        assert run.code == 2
        assert run.last["error_code"] == code, run.last["msg"]
        assert [word for word in NEVER if word in run.output] == []


def test_nor_where_the_engine_is_away(player, swarm, tmp_path):
    away = Player(tmp_path, {"m1": "unix:///nowhere.sock"})
    run = deploy(away, swarm, ONE)
    assert run.last["error_code"] == "daemon_unreachable"
    assert [word for word in NEVER if word in run.output] == []


def test_nor_where_options_are_wrong(player, swarm):
    run = deploy(player, swarm, ONE, {**REGISTRY, "registy": "typo"})
    assert run.code == 2
    assert run.last["error_code"] == "invalid_options"
    named = "Unsupported parameters for stackwright.swarm.compose_stack: registry_auth.registy."
    assert run.last["msg"].startswith(named)
    assert [word for word in NEVER if word in run.output] == []
    run = deploy(player, swarm, {**ONE, "DB_PASSWORD": ["hunter2"]})
    assert run.last["error_code"] == "invalid_compose"
    assert [word for word in NEVER if word in run.output] == []
