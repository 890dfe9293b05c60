"""The role swarm_platform: a proxy inside the Swarm, with routes that survive it, and two stacks behind it."""

import http.client
import json
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from caddy import wait_for
from playbook import ROOT, Player
from testbed import for_tests

PORT = 18088
ROLE = "stackwright.swarm.swarm_platform"
PAGE = """\
services:
  web:
    image: {image}
    command: sh -c "echo {stack} > /www/index.html && exec httpd -f -p 8000 -h /www"
    stop_grace_period: 1s
    deploy:
      endpoint_mode: dnsrr
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: {stack}.example.com
        stackwright.http.routes.0.tls: off
"""


def get(bed, host):
    connection = http.client.HTTPConnection(bed.node("m1").address, PORT, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read().decode().strip()
    except OSError:
        return 0, ""
    finally:
        connection.close()


@pytest.mark.parametrize("image", ["caddy", "caddy-2.11"])
def test_two_stacks_behind_a_proxy_that_survives_its_task(bed, swarm, tmp_path, image):
    player = Player(tmp_path, {"m1": bed.docker_host})
    socket = tmp_path / "admin" / "admin.sock"
    options = {
        "swarm_platform_stack": f"{swarm.name}-p",
        "swarm_platform_network": f"{swarm.name}-net",
        "swarm_platform_image": bed.images[image],
        "swarm_platform_folder": str(socket.parent),
        "swarm_platform_http_port": PORT,
        "swarm_platform_https_port": 0,
    }
    role = {"ansible.builtin.include_role": {"name": "stackwright.swarm.swarm_platform"}, "vars": options}
    tasks = [role]
    for stack in ("one", "two"):
        name = f"{swarm.name}-{stack}"
        definition = yaml.safe_load(PAGE.format(image=bed.images["busybox"], stack=stack))
        options = {"name": name, "definition": definition, "shared_networks": [f"{swarm.name}-net"]}
        tasks.append({"compose_stack": options, "register": stack})
        route = {"admin": [f"unix://{socket}"], "stack": f"{{{{ {stack}.stack_id }}}}"}
        tasks.append({"caddy_route": {**route, "routes": f"{{{{ {stack}.routes }}}}"}})
    run = player.play(*tasks)
    assert run.code == 0, run.output
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    for stack in ("one", "two"):
        assert wait_for(lambda name=stack: get(bed, f"{name}.example.com") == (200, name), stack)
    assert get(bed, "three.example.com")[0] == 404
    again = player.play(*tasks)
    assert again.code == 0, again.output
    assert not any(result.get("changed") for result in again.of()), json.dumps(again.of())
    # Its container is killed: the next one has the routes at once.
    node = bed.node("m1")
    containers = ["docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={swarm.name}-p_caddy"]
    killed = node.cli(containers).stdout.split()
    node.cli(["docker", "kill", *killed])
    wait_for(lambda: set(node.cli(containers).stdout.split()) - set(killed), "new container", 180)
    wait_for(lambda: get(bed, "two.example.com") == (200, "two"), "routes after a restart", 180)


@pytest.fixture
def bare():
    """An engine that is in no Swarm."""
    with for_tests.bed_for("bare", swarm=False) as made:
        yield made


def test_bootstrap_of_an_engine_without_a_swarm(bare, tmp_path):
    player = Player(tmp_path, {"m1": bare.docker_host})
    options = {
        "swarm_platform_image": bare.images["caddy-2.11"],
        "swarm_platform_folder": str(tmp_path / "admin"),
        "swarm_platform_advertise_addr": bare.node("m1").address,
        "swarm_platform_http_port": PORT,
        "swarm_platform_https_port": 0,
    }
    how = {"variables": options, "environment": {"DOCKER_HOST": bare.docker_host}}
    playbook = ROOT / "playbooks" / "bootstrap.yml"
    would = player.playbook(playbook, check=True, **how)
    assert would.code == 0, would.output
    assert [result["changed"] for result in would.of(task=f"{ROLE} : Create a Swarm")] == [True]
    assert not (tmp_path / "admin").exists()
    done = player.playbook(playbook, **how)
    assert done.code == 0, done.output
    (made,) = done.of(task=f"{ROLE} : Create a Swarm")
    assert made["address"] == bare.node("m1").address
    assert made["cluster_id"]
    assert get(bare, "anything.example.com")[0] == 404
    again = player.playbook(playbook, **how)
    assert again.code == 0, again.output
    assert not any(result.get("changed") for result in again.of()), json.dumps(again.of())
    # A state that a crash has torn does not keep the proxy down.
    node = bare.node("m1")
    containers = ["docker", "ps", "-q", "--filter", "label=com.docker.swarm.service.name=proxy_caddy"]
    killed = node.cli(containers).stdout.split()
    node.cli(["docker", "exec", *killed, "sh", "-c", "echo '{torn' > /config/caddy/autosave.json"])
    node.cli(["docker", "kill", *killed])
    wait_for(lambda: set(node.cli(containers).stdout.split()) - set(killed), "new container", 180)
    wait_for(lambda: get(bare, "anything.example.com")[0] == 404, "an answer after a torn state", 180)
