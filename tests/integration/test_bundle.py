"""swarm_bundle, bundle.yml and bundle_restore.yml: stacks come back from a file, also under other names."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import ROOT, Player

PLANTED, PASSWORD = "planted-9b2e", "the-vault-password"
FILE = """\
x-env:
  PASSWORD: "{{{{ generate_password(24) }}}}"
services:
  web:
    image: {image}
    command: ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
    stop_grace_period: 1s
    environment: {{KEY: "${{PASSWORD}}", URL: "https://{name}.example.com/", TEXT: "a $$word"}}
    configs: [{{source: page, target: /page}}, {{source: odd, target: /odd}}]
    secrets: [key, token]
    volumes: ["data:/data"]
    deploy:
      update_config: {{monitor: 10ms}}
      placement: {{constraints: [node.hostname == m1, node.labels.disk == ssd]}}
      labels: {{stackwright.http.port: "80", stackwright.http.routes.0.domain: "{name}.example.com"}}
volumes: {{data: }}
configs:
  page: {{content: "a $$page\\n"}}
  odd: {{file: ./odd}}
secrets:
  key: {{file: ./key.txt}}
  token: {{content: "{{{{ generate_hex(16) }}}}"}}
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    player = Player(tmp_path, {"m1": bed.node("m1").docker_host}, {"key.txt": PLANTED, "password": PASSWORD})
    (tmp_path / "odd").write_bytes(b"\0\xff odd")
    player.write("compose.yml", FILE.format(image=bed.images["busybox"], name=swarm.name))
    player.bed, player.name = bed, swarm.name
    return player


def live(player, kind):
    return [one for one in player.bed.node("m1").api("GET", f"/{kind}") if player.name in json.dumps(one)]


def service(player):
    (found,) = [one["Spec"] for one in live(player, "services")]
    return found, dict(line.split("=", 1) for line in found["TaskTemplate"]["ContainerSpec"]["Env"])


def how(player, **variables):
    given = {"stack_proxies": [], "stack_preflight": False, "bundle_path": "bundles", **variables}
    environment = {"DOCKER_HOST": player.hosts["m1"], "ANSIBLE_VAULT_PASSWORD_FILE": str(player.folder / "password")}
    return {"variables": given, "environment": environment}


def run(player, name, check=False, **variables):
    played = player.playbook(ROOT / "playbooks" / f"{name}.yml", check=check, **how(player, **variables))
    played.changed = sorted({line["task"] for line in played.lines if line["result"].get("changed")})
    assert PLANTED not in played.output
    return played


def saved(player):
    """The environment of the stack's service, and the stack's bundle."""
    network = {"swarm_network": {"name": f"{player.name}-shared", "attachable": True}}
    label = {"swarm_node": {"name": "m1", "labels": {"disk": "ssd"}}}
    stack = {"name": player.name, "src": "compose.yml", "resolve_image": "never"}
    stack.update(values={"store": "swarm"}, shared_networks=[f"{player.name}-shared"])
    done = player.play(network, label, {"compose_stack": stack})
    assert done.code == 0, done.output
    environment = service(player)[1]
    (secret,) = [one["Spec"]["Name"] for one in live(player, "secrets") if "_key" in one["Spec"]["Name"]]
    values = {"bundle_values_stacks": player.name, "bundle_values_store": "swarm"}
    told = run(player, "bundle", bundle_secrets={secret: PLANTED}, **values)
    assert told.code == 0, told.output
    assert environment["KEY"] not in told.output
    assert f"Not in it: stack {player.name}: the data of the volume {player.name}_data" in told.output
    (bundle,) = (player.folder / "bundles").glob("*.bundle")
    return environment, bundle


def remove(player):
    clean = {"name": player.name, "volumes": True, "values": True, "history": True}
    network = {"name": f"{player.name}-shared", "state": "absent"}
    gone = player.play({"stack_cleanup": clean}, {"swarm_network": network})
    assert gone.code == 0, gone.output
    assert not live(player, "services") and not live(player, "secrets")


def test_stacks_come_back(player):
    environment, bundle = saved(player)
    manifest = bundle.with_suffix(".json").read_text()
    assert json.loads(manifest)["stacks"][player.name] == {"services": ["web"], "values": 2}
    assert PLANTED not in manifest and environment["KEY"] not in manifest
    damaged = player.write("bundles/damaged.bundle", bundle.read_text()[:-9])
    damaged.with_suffix(".json").write_text(manifest)
    refused = run(player, "bundle_restore", bundle_restore_src=str(damaged))
    assert refused.code != 0 and "was changed or is incomplete" in refused.output

    remove(player)
    given = {"bundle_restore_src": str(bundle), "bundle_restore_values": {"store": "swarm"}}
    given["bundle_restore_domains"] = f"{player.name}.example.com={player.name}.example.org"
    steps = ["Create the configs that belong to no stack", "Create the networks that belong to no stack"]
    steps += ["Create the secrets", "Store the kept values"]
    deploys = "stackwright.swarm.stack : Deploy the stack and its routes"
    for check, last in ((True, "Show what is restored"), (False, deploys)):
        told = run(player, "bundle_restore", check, **given)
        assert (told.code, told.changed) == (0, sorted([*steps, last])), told.output
        assert f"Not restored: stack {player.name}: the data of the volume {player.name}_data" in told.output
        assert bool(live(player, "services")) != check
    after, now = service(player)
    assert now == {**environment, "URL": f"https://{player.name}.example.org/"}
    assert after["Labels"]["stackwright.http.routes.0.domain"] == f"{player.name}.example.org"
    again = run(player, "bundle_restore", **given)
    assert (again.code, again.changed) == (0, []), again.output


@pytest.mark.skipif(os.environ.get("STACKWRIGHT_LONG") != "1", reason="takes minutes (STACKWRIGHT_LONG=1 runs it)")
def test_a_restore_that_was_killed_is_completed(player):
    environment, bundle = saved(player)
    given = {"bundle_restore_src": str(bundle), "bundle_restore_values": {"store": "swarm"}}
    command, variables, _results = player.command(ROOT / "playbooks" / "bundle_restore.yml", **how(player, **given))
    chance, longest = random.Random(19), 20.0
    for _number in range(int(os.environ.get("STACKWRIGHT_KILLS", "20"))):
        remove(player)
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        killed = subprocess.Popen(command, cwd=player.folder, env=variables, start_new_session=True, **quiet)
        after = chance.uniform(1, longest)
        with contextlib.suppress(subprocess.TimeoutExpired):
            killed.wait(after)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(killed.pid, signal.SIGKILL)
        killed.wait(60)
        began = time.monotonic()
        whole = run(player, "bundle_restore", **given)
        longest = time.monotonic() - began
        assert whole.code == 0, whole.output
        assert service(player)[1] == environment
        assert len(live(player, "secrets")) == 2
        print(f"killed after {after:.1f} s, left to do: {', '.join(whole.changed) or 'nothing'}", flush=True)
    again = run(player, "bundle_restore", **given)
    assert (again.code, again.changed) == (0, []), again.output
