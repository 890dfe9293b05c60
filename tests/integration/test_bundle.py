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
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from caddy import VERSIONS, Caddy, running
from monitoring import tool
from playbook import ROOT, Player
from test_volumes import FILE as VOLUME
from test_volumes import at
from testbed import inventory

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


def test_a_manager_that_is_down_does_not_stop_the_others(player):
    saved(player)
    hosts = yaml.safe_load((player.folder / "inventory.yml").read_text())
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    hosts["swarm_managers"]["hosts"] = {"gone": away, **hosts["swarm_managers"]["hosts"]}
    player.write("inventory.yml", yaml.safe_dump(hosts, sort_keys=False))
    told = run(player, "bundle", bundle_path="others")
    assert told.code and list((player.folder / "others").glob("*.bundle")), told.output
    assert "gone" in told.output and "unreachable=1" in told.output


def test_a_bundle_goes_to_other_places_and_comes_back(player, monkeypatch):
    """To a folder of another host (here the controller's own) and a restic repository; what they have is not sent."""
    monkeypatch.setenv("PATH", f"{Path(tool('restic', 'restic')).parent}:{os.environ['PATH']}")
    there, repository = player.folder / "there", str(player.folder / "repository")
    environment = {"XDG_CACHE_HOME": str(player.folder / "cache")}
    reach = {"RESTIC_REPOSITORY": repository, "RESTIC_PASSWORD": PLANTED, "PATH": os.environ["PATH"], **environment}
    restic = {"bundle_restic": repository, "bundle_restic_password": PLANTED, "bundle_restic_environment": environment}
    to = {"bundle_to_host": "localhost", "bundle_to_path": str(there), "bundle_keep": 1, **restic}
    none = run(player, "bundle", **to)
    assert none.code != 0 and "restic snapshots failed on the controller" in none.output
    assert "Is there a repository" in none.output and repository not in none.output
    subprocess.run(["restic", "init"], env=reach, stdout=subprocess.DEVNULL, check=True, timeout=120)
    copied, sent = "Copy the bundle to another host", "Run restic backup"
    (first,) = (player.folder / "bundles").glob("*.bundle")
    told = run(player, "bundle", bundle_verify=str(first), **to)
    assert (told.code, told.changed) == (0, [sent]), told.output
    again = run(player, "bundle", bundle_verify=str(first), **to)
    assert (again.code, again.changed) == (0, []), again.output
    # A newer one, and what is kept.
    told = run(player, "bundle", bundle_restic_keep="last=1", **to)
    assert {copied, sent, "Run restic forget", "Remove older bundles on the other host"} < {*told.changed}, told.output
    (bundle,) = (player.folder / "bundles").glob("*.bundle")
    manifest = bundle.with_suffix(".json")
    assert {path.name: path.read_bytes() for path in there.iterdir()} == {
        path.name: path.read_bytes() for path in (bundle, manifest)
    }
    found = subprocess.run(["restic", "snapshots", "--json"], env=reach, capture_output=True, check=True, timeout=120)
    assert [[Path(path).name for path in one["paths"]] for one in json.loads(found.stdout)] == [
        [bundle.name, manifest.name]
    ]

    back = {"bundle_restore_src": "latest", "bundle_restore_path": str(player.folder / "fetched")}
    from_restic = {key.replace("bundle_restic", "bundle_restore_restic"): value for key, value in restic.items()}
    from_host = {"bundle_restore_from_host": "localhost", "bundle_restore_from_path": str(there)}
    for given, fetch in ((from_restic, "Run restic restore"), (from_host, "Fetch the bundle from the other host")):
        for changed in ([fetch], []):
            told = run(player, "bundle_restore", True, **back, **given)
            assert (told.code, [one for one in told.changed if one == fetch]) == (0, changed), told.output
        for path in (bundle, manifest):
            fetched = player.folder / "fetched" / path.name
            assert fetched.read_bytes() == path.read_bytes()
            fetched.unlink()
    wrong = run(player, "bundle_restore", **{**back, "bundle_restore_src": first.name}, **from_host)
    assert (
        wrong.code != 0 and f"There is no such bundle. Set bundle_restore_src to one of: {bundle.stem}." in wrong.output
    )


#: Release 2 destroys what release 1 needs, so there is no way back.
ONE_WAY = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "{command}"]
    stop_grace_period: 1s
    volumes: ["data:/data"]
    # A task that ends soon may have run for long enough on a busy machine.
    healthcheck: {{test: ["CMD-SHELL", "test ! -e /data/gone"], interval: 1s, retries: 1}}
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {{condition: none}}
      update_config: {{monitor: 10ms}}
      labels: {{stackwright.http.port: "80", stackwright.http.routes.0.domain: "{name}.example.com"}}
volumes: {{data: }}
"""


def test_a_failed_rollback_brings_up_the_platform(player):
    """The stack's way back is closed, its platform is gone, and the proxy has lost its routes."""
    image, platform = player.bed.images["busybox"], f"{player.name}-edge"
    node = player.bed.node("m1")

    def deploy(name, command, entry="main", **how):
        player.write(f"{name}.yml", ONE_WAY.format(image=image, command=command, name=name))
        given = {"stack_name": name, "stack_src": f"{name}.yml", "stack_rollout": {"stable_for": 0.3, "timeout": 60}}
        given.update(stack_admin=[proxy.url], stack_proxies=["m1"], stack_resolve_image="never", **how)
        role = {"name": "stackwright.swarm.stack", "tasks_from": entry}
        return player.play({"ansible.builtin.include_role": role, "vars": given}, environment=how_it_is)

    def domains():
        return sorted(route["match"][0]["host"][0] for route in proxy.routes() if "match" in route)

    how_it_is = how(player)["environment"]
    with running(Caddy(VERSIONS[-1], player.folder / "caddy")) as proxy:
        for name in (platform, player.name):
            done = deploy(name, "test ! -e /data/gone && exec sleep 1d")
            assert done.code == 0, done.output
        saved = run(player, "bundle", bundle_platform=platform)
        assert saved.code == 0, saved.output
        node.cli(["docker", "service", "rm", f"{platform}_web"])
        proxy.stop()
        proxy.start()
        assert domains() == []
        asked = {"stack_on_rollback_failed": "platform", "bundle_restore_path": str(player.folder / "bundles")}
        for entry, why in (
            ("main", "must be an extra variable"),
            ("with_platform", "set bundle_restore_src to a bundle"),
        ):
            refused = deploy(player.name, "touch /data/gone; exit 3", entry, **asked)
            assert refused.code != 0 and why in refused.output
        asked["bundle_restore_src"] = "latest"
        failed = deploy(player.name, "touch /data/gone; exit 3", "with_platform", **asked)
        role = [line for line in failed.lines if line["task"].endswith(": Deploy the stack and its routes")]
        codes = [(line["status"], line["result"].get("error_code")) for line in role]
        assert (failed.code != 0, codes) == (True, [("failed", "rollback_failed")]), failed.output
        assert "The rollback has failed, so the platform was restored from" in failed.output, failed.output
        assert f": {platform}. Its proxies have the routes of all stacks. The deployment stays failed." in failed.output
        assert f"{platform}_web" in [one["Spec"]["Name"] for one in live(player, "services")]
        assert set(domains()) == {f"{player.name}.example.com", f"{platform}.example.com"}


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


def test_no_stack_starts_without_its_volume(bed, swarm, tmp_path):
    """The snapshot of a volume on another node is damaged: an empty volume would be kept by the next run."""
    other = next((node for name, node in bed.nodes.items() if name != "m1"), None)
    if other is None:
        pytest.skip("one node: STACKWRIGHT_TEST_NODES=2")
    player = Player(tmp_path / "all", {}, {"password": PASSWORD})
    player.bed, player.name, player.hosts = bed, swarm.name, {"m1": swarm.docker_host}
    inventory.write(bed, player.folder / "inventory.yml", guestbook=False)
    local, shelf = Player(tmp_path / "one", player.hosts), tmp_path / "volumes"
    stack = {"name": swarm.name, "definition": yaml.safe_load(at(other, VOLUME.format(image=bed.images["busybox"])))}
    assert local.play({"compose_stack": stack}).code == 0
    saved = run(player, "bundle", bundle_volumes=True, bundle_volumes_path=str(shelf))
    assert saved.code == 0, saved.output
    cleaned = {"name": swarm.name, "volumes": True, "history": True, "ignore_residue": True}
    gone = local.play({"stack_cleanup": cleaned})
    assert gone.code == 0, gone.output
    of_volume = ["docker", "ps", "-aq", "-f", f"volume={swarm.name}_data"]
    swarm.wait("no container", lambda: not other.cli(of_volume).stdout)
    other.cli(["docker", "volume", "rm", f"{swarm.name}_data"])
    (archive,) = shelf.glob(f"{swarm.name}_data/*.tar")
    content = archive.read_bytes()
    given = {
        "bundle_restore_src": "latest",
        "bundle_restore_path": "bundles",
        "bundle_restore_volumes_path": str(shelf),
    }
    archive.write_bytes(content[:-1024])
    failed = run(player, "bundle_restore", **given)
    assert failed.code and f"The volumes on {other.name} were not restored" in failed.output, failed.output
    assert not live(player, "services")
    archive.write_bytes(content)
    assert run(player, "bundle_restore", **given).code == 0 and live(player, "services")
