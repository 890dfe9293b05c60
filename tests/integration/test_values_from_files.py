"""Expressions from a file to the containers: made once, the same for all who use them, and shown nowhere."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

PLANTED = "pl4nted {{.Node.Hostname}} 'q' $x"
COMPOSE = """\
x-env:
  PASSWORD: {{ generate_secure_password }}
  URL: postgres://${USER}:${PASSWORD}@db/shop
  USER: {{ generate_user }}
services:
  web:
    image: IMAGE
    command: [sh, -c, "sleep 1d; true", "${PASSWORD}"]
    stop_grace_period: 1s
    environment:
      - URL=${URL}
      - OWN={{ generate_random_chars(12) }}:{{ generate_hex(8) }}
    secrets: [key, shared]
    configs: [page]
    deploy: {endpoint_mode: dnsrr}
  db:
    image: IMAGE
    command: [sleep, 1d]
    stop_grace_period: 1s
    environment:
      DB_USER: ${USER}
      DB_PASSWORD: ${PASSWORD}
      OWN: {{ generate_random_chars(12) }}
      TOKEN: {{ generate_jwt(PASSWORD, role=anon) }}
    deploy: {endpoint_mode: dnsrr}
secrets:
  key: {content: {{ generate_base64(32) }}}
  shared: {environment: PASSWORD}
configs:
  page: {content: "user=${USER} id={{ generate_uuid }} {{.Service.Name}}"}
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    text = COMPOSE.replace("IMAGE", bed.images["busybox"])
    return Player(tmp_path, {"m1": bed.node("m1").docker_host}, {"compose.yml": text})


@pytest.fixture
def inside(bed, swarm):
    """What a shell in a service's container prints."""

    def ask(service, script):
        node = bed.node("m1")
        name = f"{swarm.name}_{service}"
        ids = node.cli(["docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={name}"])
        return node.cli(["docker", "exec", ids.stdout.strip(), "sh", "-c", script]).stdout

    return ask


def environment(inside, service):
    text = inside(service, "cat /proc/1/environ").rstrip("\0")
    return dict(entry.split("=", 1) for entry in text.split("\0"))


def test_values_are_made_once_shared_and_never_shown(player, inside, swarm, bed):
    outputs = []

    def deploy(**how):
        options = {
            "name": swarm.name,
            "src": "compose.yml",
            "values": {"store": "swarm"},
            "env_overrides": {"services": {"db": {"GIVEN": {"value": "{{ planted }}", "sensitive": True}}}},
        }
        # Text that Jinja is to leave alone stands in a variable that is marked as unsafe.
        player.write("host_vars/m1.yml", f'planted: !unsafe "{PLANTED}"\n')
        run = player.play({"compose_stack": options}, verbosity=4, diff=True, **how)
        outputs.append(run.output)
        assert run.code == 0, run.output
        return run.last

    assert deploy(check=True)["changed"]
    assert deploy()["changed"]
    web, db = environment(inside, "web"), environment(inside, "db")
    assert re.fullmatch("[0-9a-f]{64}", db["DB_PASSWORD"])
    assert re.fullmatch("[a-z]+_[a-z]+_[0-9]{4}", db["DB_USER"])
    assert web["URL"] == f"postgres://{db['DB_USER']}:{db['DB_PASSWORD']}@db/shop"
    assert re.fullmatch("[A-Za-z0-9]{12}:[0-9a-f]{16}", web["OWN"])
    assert web["OWN"].split(":")[0] != db["OWN"]
    assert db["GIVEN"] == PLANTED
    assert db["TOKEN"].count(".") == 2
    key = inside("web", "cat /run/secrets/key")
    assert re.fullmatch("[A-Za-z0-9+/]{43}=", key)
    assert db["DB_PASSWORD"] in inside("web", "cat /proc/1/cmdline").split("\0")
    assert inside("web", "cat /run/secrets/shared") == db["DB_PASSWORD"]
    page = inside("web", "cat /page")
    assert re.fullmatch(rf"user={db['DB_USER']} id=[0-9a-f-]{{36}} \{{\{{.Service.Name\}}\}}", page)

    assert not deploy()["changed"]
    assert not deploy(check=True)["changed"]
    assert (environment(inside, "web")["URL"], environment(inside, "db")) == (web["URL"], db)

    text = (player.folder / "compose.yml").read_text()
    player.write("compose.yml", text.replace("sleep, 1d]", "sleep, 2d]").replace("OWN: {{", "NEW: {{"))
    assert deploy()["changed"]
    later = environment(inside, "db")
    assert (later["DB_PASSWORD"], later["TOKEN"]) == (db["DB_PASSWORD"], db["TOKEN"])
    assert later["NEW"] != db["OWN"]

    values = [db["DB_PASSWORD"], db["DB_USER"], db["OWN"], db["TOKEN"], later["NEW"], key, PLANTED, "pl4nted"]
    values += [*web["OWN"].split(":"), page.split("id=")[1].split()[0]]
    for output in outputs:
        assert [value for value in values if value in output] == []
