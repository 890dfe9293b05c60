"""A Swarm of three nodes with eight stacks and a proxy is lost, and comes back on three nodes with other names.

The drill of docs/guides/bundle.md, with its time. One stack is a PostgreSQL, whose rows come back from its snapshot.
"""

from __future__ import annotations

import http.client
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from monitoring import tool
from playbook import BIN, ROOT
from test_volumes import ASK, DATABASE
from testbed import for_tests, inventory
from testbed.commands import wait_for

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="takes minutes (STACKWRIGHT_LONG=1 runs it)"
)
PASSWORD, PORT = "the-vault-password", 18103
STACKS = [f"s{number}" for number in range(1, 8)]  # and db
OLD, NEW = ["m1", "m2", "m3"], ["m4", "m5", "m6"]
FILE = """\
x-env:
  PASSWORD: "{{{{ generate_password(24) }}}}"
services:
  web:
    image: {image}
    command: sh -c 'echo {name} > /www/index.html && exec httpd -f -p 8000 -h /www'
    stop_grace_period: 1s
    environment: {{KEY: "${{PASSWORD}}"}}
    volumes: ["data:/data"]
    secrets: [token]
    deploy:
      endpoint_mode: dnsrr
      update_config: {{monitor: 10ms}}
      placement: {{constraints: [{constraint}]}}
      labels:
        stackwright.http.port: "8000"
        stackwright.http.routes.0.domain: {name}.example.com
        stackwright.http.routes.0.tls: "off"
volumes: {{data: }}
secrets:
  token: {{content: "{{{{ generate_hex(16) }}}}"}}
"""


class Site:
    """Plays playbooks over some of the bed's nodes."""

    def __init__(self, bed, folder):
        self.bed, self.folder, self.output = bed, folder, ""
        (folder / "password").write_text(PASSWORD)
        inventory.write(bed, folder / "all.json", guestbook=False)
        self.own = str(inventory.own_folder(bed))
        self.usual = {
            "swarm_cluster_advertise_addr": "{{ node_address }}",
            "swarm_platform_image": bed.images["caddy"],
            "swarm_platform_folder": f"{self.own}/caddy",
            "swarm_platform_http_port": PORT,
            "swarm_platform_https_port": 0,
            "swarm_platform_network_encrypted": False,
            "stack_admin": [f"unix://{self.own}/caddy/admin.sock"],
            "stack_preflight": False,
        }

    def on(self, nodes):
        found = json.loads((self.folder / "all.json").read_text())
        for group in found["all"]["children"].values():
            group["hosts"] = {name: host for name, host in group["hosts"].items() if name in nodes}
        (self.folder / "hosts.json").write_text(json.dumps(found))
        # One proxy is enough: that all of them get the routes, other tests prove.
        self.usual["stack_proxies"] = nodes[:1]

    def with_restic(self, monkeypatch, hosts):
        """Creates a repository, and gives the controller and the nodes restic; the options of bundle.yml for it."""
        folder = Path(tool("restic", "restic")).parent
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        found = json.loads((self.folder / hosts).read_text())
        for group in found["all"]["children"].values():
            for name, host in group["hosts"].items():
                if host:
                    inside = self.bed.node(name).inside([sys.executable])
                    command = shlex.join([part.replace("PATH=", f"PATH={folder}:") for part in inside])
                    python = self.folder / f"python-{name}"
                    python.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
                    python.chmod(0o700)
                    host["ansible_python_interpreter"] = str(python)
        (self.folder / hosts).write_text(json.dumps(found))
        repository, access = str(self.folder / "repository"), {"XDG_CACHE_HOME": str(self.folder / "cache")}
        reach = {"RESTIC_REPOSITORY": repository, "RESTIC_PASSWORD": PASSWORD, **access}
        subprocess.run(["restic", "init"], env={**os.environ, **reach}, check=True, timeout=300)
        return {"restic": repository, "restic_password": PASSWORD, "restic_environment": access}

    def play(self, playbook, *options, **variables):
        path, began = ROOT / "playbooks" / f"{playbook}.yml", time.monotonic()
        (self.folder / "given.json").write_text(json.dumps({**self.usual, **variables}))
        command = [str(BIN / "ansible-playbook"), "-i", "hosts.json", str(path), "-e", "@given.json", *options]
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".cache" / "collections")
        run = subprocess.run(
            [*command, "--vault-password-file", "password"],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

        output = run.stdout + run.stderr
        self.output += output
        print(f"{path.stem} {time.monotonic() - began:.0f} s", flush=True)
        assert run.returncode == 0, output
        return output

    def services(self, name):
        """The environment and the labels of the stacks' services, by name."""
        specs = [one["Spec"] for one in self.bed.node(name).api("GET", "/services")]
        return {one["Name"]: (one["TaskTemplate"]["ContainerSpec"].get("Env"), one["Labels"]) for one in specs}

    def page(self, node, host):
        connection = http.client.HTTPConnection(self.bed.node(node).address, PORT, timeout=10)
        try:
            connection.request("GET", "/", headers={"Host": host})
            return connection.getresponse().read().decode().strip()
        except OSError:
            return ""
        finally:
            connection.close()


@pytest.fixture(scope="module")
def bed():
    """Six engines: three for the Swarm that is lost, and three for its successor."""
    with for_tests.bed_for("bundle", managers=6, swarm=False) as made:
        yield made


def psql(node, command):
    """What the PostgreSQL of the stack db answers, which runs on ``node``."""
    filters = urllib.parse.quote(json.dumps({"label": ["com.docker.swarm.service.name=db_db"]}))
    (container,) = node.api("GET", f"/containers/json?filters={filters}")
    return node.cli(["docker", "exec", container["Id"], "sh", "-c", f"{ASK} -c '{command}'"]).stdout


def answers(site, nodes, domain):
    for node in nodes:
        for name in STACKS:
            host = f"{name}.{domain}"
            wait_for(f"{host} at {node}", lambda host=host, node=node, name=name: site.page(node, host) == name, 60)


def test_a_swarm_is_lost_and_comes_back_on_other_nodes(bed, tmp_path, monkeypatch):
    site = Site(bed, tmp_path)
    restic = site.with_restic(monkeypatch, "all.json")
    site.on(OLD)
    site.play("cluster")
    bed.node("m1").api("GET", "/nodes")
    bed.node("m1").cli(["docker", "node", "update", "--label-add", "disk=ssd", "m2"])
    site.play("bootstrap")
    constraints = {"s1": "node.hostname == m1", "s2": "node.labels.disk == ssd"}
    stacks = []
    for name in STACKS:
        given = {
            "image": bed.images["busybox"],
            "name": name,
            "constraint": constraints.get(name, "node.role == manager"),
        }
        (tmp_path / f"{name}.yml").write_text(FILE.format(**given))
        stacks.append({"name": name, "src": [str(tmp_path / f"{name}.yml")], "shared_networks": ["public"]})
    text = DATABASE.format(image=bed.images["postgres"], test="pg_isready -h 127.0.0.1", retries=60)
    text = text.replace("deploy: {", "deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == m3]}, ")
    text = text.replace("PASSWORD: secret", 'PASSWORD: "${PASSWORD}"')
    (tmp_path / "db.yml").write_text(FILE[: FILE.index("services:")].format() + text)
    stacks.append({"name": "db", "src": [str(tmp_path / "db.yml")]})
    site.play("site", stack_list=stacks, stack_values={"store": "swarm"}, stack_confine="none", stack_proxies=[])
    psql(bed.node("m3"), "CREATE TABLE kept AS SELECT n, md5(n::text) FROM generate_series(1, 5000) n")
    rows = psql(bed.node("m3"), "SELECT * FROM kept ORDER BY n")
    assert len(rows.splitlines()) == 5000
    before = site.services("m1")
    volumes = {"bundle_volumes": True, "bundle_volumes_path": f"{site.own}/volumes"}
    volumes.update({f"bundle_{name}": value for name, value in restic.items()})
    told = site.play("bundle", bundle_path=str(tmp_path / "bundles"), **volumes)
    assert "the data of the volume" not in told, told
    (bundle,) = (tmp_path / "bundles").glob("*.bundle")
    for name in OLD:
        bed.kill(name)

    site.on(NEW)
    began = time.monotonic()
    site.play("cluster")
    formed = time.monotonic()
    given = {
        "bundle_restore_src": str(bundle),
        "bundle_restore_nodes": dict(zip(OLD, NEW)),
        "bundle_restore_domains": {"example.com": "example.org"},
        "bundle_restore_values": {"store": "swarm"},
        "bundle_restore_volumes_path": f"{site.own}/back",
        **{f"bundle_restore_{name}": value for name, value in restic.items()},
    }
    would = site.play("bundle_restore", "--check", **given)
    assert not site.services("m4"), would
    looked = time.monotonic()
    site.play("bundle_restore", **given, bundle_restore_only="platform")
    assert set(site.services("m4")) == {"proxy_caddy"}
    first = time.monotonic()
    site.play("bundle_restore", **given)
    done = time.monotonic()
    answers(site, NEW[:1], "example.org")
    assert psql(bed.node("m6"), "SELECT * FROM kept ORDER BY n") == rows
    told = f"Swarm {formed - began:.0f} s, platform {first - looked:.0f} s, {len(stacks)} stacks {done - first:.0f} s"
    print(f"\nrestored: {told}")

    after = site.services("m4")
    assert {name: env for name, (env, _labels) in after.items()} == {n: env for n, (env, _labels) in before.items()}
    tasks = bed.node("m4").api("GET", "/tasks")
    services = {one["ID"]: one["Spec"]["Name"] for one in bed.node("m4").api("GET", "/services")}
    nodes = {one["ID"]: one["Description"]["Hostname"] for one in bed.node("m4").api("GET", "/nodes")}
    running = [one for one in tasks if one["Status"]["State"] == "running"]
    places = {services[one["ServiceID"]]: nodes[one["NodeID"]] for one in running}
    assert (places["s1_web"], places["s2_web"]) == ("m4", "m5")
    again = site.play("bundle_restore", **given)
    assert "changed=0" in again and "changed=1" not in again, again

    assert PASSWORD not in site.output
    for env, _labels in before.values():
        secret = [line.split("=", 1)[1] for line in env or () if line.startswith(("KEY=", "PGPASSWORD="))]
        assert not any(text in site.output for text in secret)
