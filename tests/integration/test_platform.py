"""Shared networks and the keys that docker's CLI loses, proven with traffic and inside of containers."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

#: A database that says whose it is, and a client beside it.
STACK = """\
services:
  db:
    image: {image}
    command: ["sh", "-c", "mkdir /www; echo $$OWNER > /www/index.html; exec httpd -f -p 8000 -h /www"]
    environment: {{OWNER: "${{OWNER}}"}}
    stop_grace_period: 1s
    deploy: {{endpoint_mode: dnsrr}}
  client:
    image: {image}
    command: [sleep, 1d]
    stop_grace_period: 1s
    depends_on: [db]
    deploy: {{endpoint_mode: dnsrr}}
"""

#: A client that has no database of its own.
LONE = """\
services:
  client:
    image: {image}
    command: [sleep, 1d]
    stop_grace_period: 1s
    deploy: {{endpoint_mode: dnsrr}}
"""

LOST = """\
services:
  kept:
    image: {image}
    command: ["sh", "-c", "echo kept > /tmp/index.html; exec httpd -f -p 8000 -h /tmp"]
    container_name: the-kept
    stop_grace_period: 1s
    security_opt: ["no-new-privileges:true"]
    tmpfs: ["/tmp:size=1m", "/cache:mode=0700"]
    shm_size: 8m
    group_add: ["4242"]
    dns_opt: ["ndots:3"]
    mem_limit: 32m
    pids_limit: 50
    scale: 1
    configs: [page]
    secrets: [token]
    deploy: {{endpoint_mode: dnsrr}}
  asks:
    image: {image}
    command: [sleep, 1d]
    environment: {{KEPT_URL: "http://the-kept:8000/"}}
    links: ["kept:linked"]
    stop_grace_period: 1s
    depends_on: {{kept: {{condition: service_started}}}}
    deploy: {{endpoint_mode: dnsrr}}
  onhost:
    image: {image}
    command: [sleep, 1d]
    network_mode: host
    stop_grace_period: 1s
configs:
  page: {{content: "page of ${{OWNER}}"}}
secrets:
  token: {{environment: TOKEN}}
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    image = bed.images["busybox"]
    files = {name: text.format(image=image) for name, text in (("stack", STACK), ("lone", LONE), ("lost", LOST))}
    return Player(tmp_path, {"m1": bed.node("m1").docker_host}, {f"{name}.yml": text for name, text in files.items()})


@pytest.fixture
def inside(bed, swarm):
    """Runs a command in the one container of a service, on whichever node that is."""

    def run(service, *command):
        for node in bed.nodes.values():
            label = f"label=com.docker.swarm.service.name={service}"
            ids = node.cli(["docker", "ps", "--quiet", "--filter", label]).stdout.split()
            if ids:
                return node.cli(["docker", "exec", ids[0], *command]).stdout.strip()
        raise AssertionError(f"{service} has no container")

    return run


def deploy(player, name, src, **options):
    played = player.play(
        {"compose_stack": {"name": name, "src": src, "rollout": {"timeout": 90}, **options}},
    )
    assert played.code == 0, played.output
    return played.last


def test_two_stacks_with_a_db_on_one_shared_network_each_reach_their_own(player, swarm, bed, inside):
    public = f"{swarm.name}-public"
    bed.node("m1").cli(["docker", "network", "create", "--driver", "overlay", public])
    names = {owner: f"{swarm.name}-{owner}" for owner in ("one", "two", "lone")}
    shared = {"shared_networks": [public]}
    hashes = {}
    for owner in ("one", "two"):
        done = deploy(player, names[owner], "stack.yml", variables={"OWNER": owner}, **shared)
        hashes[owner] = done["stack_hash"]
    deploy(player, names["lone"], "lone.yml", **shared)

    for owner, other in (("one", "two"), ("two", "one")):
        client = f"{names[owner]}_client"
        for _look in range(5):
            assert inside(client, "wget", "-qO-", "http://db:8000/") == owner
        assert inside(client, "wget", "-qO-", f"http://{hashes[other]}-db:8000/") == other
    lone = f"{names['lone']}_client"
    for owner in ("one", "two"):
        assert inside(lone, "wget", "-qO-", f"http://{hashes[owner]}_db:8000/") == owner
    assert inside(lone, "sh", "-c", "wget -qO- http://db:8000/ 2>&1 || echo none").endswith("none")

    again = player.play(
        {
            "compose_stack": {
                "name": names["one"],
                "src": "stack.yml",
                "variables": {"OWNER": "one"},
                **shared,
            }
        }
    )
    assert not again.last["changed"]


def test_what_docker_would_lose_is_there(player, swarm, bed, inside):
    result = deploy(player, swarm.name, "lost.yml", variables={"OWNER": "me", "TOKEN": "planted-value"})
    kept = f"{swarm.name}_kept"
    mounts = inside(kept, "cat", "/proc/mounts")
    assert [line for line in mounts.splitlines() if " /tmp tmpfs " in line and "size=1024k" in line]
    assert [line for line in mounts.splitlines() if " /dev/shm tmpfs " in line and "size=8192k" in line]
    assert inside(kept, "stat", "-c", "%a", "/cache") == "700"
    assert "4242" in inside(kept, "id", "-G").split()
    assert "ndots:3" in inside(kept, "cat", "/etc/resolv.conf")
    assert inside(kept, "cat", "/page") == "page of me"
    assert inside(kept, "cat", "/run/secrets/token") == "planted-value"
    newest = [int(part) for part in bed.node("m1").api("GET", "/version")["ApiVersion"].split(".")]
    protected = "1" if newest >= [1, 44] else "0"
    status = inside(kept, "cat", "/proc/1/status").splitlines()
    assert [line.split()[1] for line in status if line.startswith("NoNewPrivs")] == [protected]
    asks = f"{swarm.name}_asks"
    for name in ("kept", "the-kept", "linked"):
        assert inside(asks, "wget", "-qO-", f"http://{name}:8000/") == "kept"
    assert "planted-value" not in str(result)
    variables = {"OWNER": "me", "TOKEN": "planted-value"}
    played = player.play({"compose_stack": {"name": swarm.name, "src": "lost.yml", "variables": variables}})
    assert played.code == 0, played.output
    assert not played.last["changed"], played.last["plan"]
    assert "container_name" in " ".join(notice["key"] for notice in result["notices"])
