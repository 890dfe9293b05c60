"""Previews of pull requests beside production: made, updated, swept at once. Production is untouched, nothing is left.

With STACKWRIGHT_LONG=1 there are 20 of them.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from caddy import VERSIONS, Caddy, running, wait_for
from playbook import ROOT, Player
from testbed import for_tests

from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.previews import preview_name

LONG = os.environ.get("STACKWRIGHT_LONG") == "1"
PREVIEWS = 20 if LONG else 2
COMPOSE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
    stop_grace_period: 1s
    environment: {{RELEASE: "${{RELEASE:-1}}", PASSWORD: "{{{{ generate_password }}}}"}}
    volumes: [data:/data]
    configs: [page]
    secrets: [token]
    ports: ["{port}:8000"]
    deploy:
      placement: {{constraints: [node.role == worker]}}
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: {domain}
        stackwright.http.routes.0.tls: "off"
configs: {{page: {{content: "release ${{RELEASE:-1}}"}}}}
secrets: {{token: {{content: "{{{{ generate_hex(bytes=16) }}}}"}}}}
volumes: {{data: }}
"""
DATA = """\
services:
  db:
    image: {postgres}
    environment:
      POSTGRES_USER: app
      POSTGRES_DB: shop
      POSTGRES_PASSWORD: "{{{{ generate_password }}}}"
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {{test: [CMD-SHELL, pg_isready -h 127.0.0.1], interval: 1s, retries: 60}}
    deploy: {{placement: {{constraints: [node.role == manager]}}}}
  files:
    image: {image}
    command: ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
    stop_grace_period: 1s
    volumes: ["files:/files"]
    deploy: {{placement: {{constraints: [node.role == worker]}}}}
volumes: {{data: , files: {{labels: {{is: files}}}}}}
"""


@pytest.fixture(scope="module")
def bed():
    with for_tests.bed_for("environments", keep=True, workers=1) as made:
        yield made


class Project:
    def __init__(self, bed, scope, proxy, folder):
        self.bed, self.name, self.proxy, self.folder = bed, scope.name, proxy, folder
        self.domain = f"{scope.name}.example.com"
        self.player = Player(folder, {host: bed.node(host).docker_host for host in ("m1", "w1")})
        inventory = yaml.safe_load((folder / "inventory.yml").read_text())
        managers = inventory["swarm_managers"]
        inventory["swarm_nodes"] = {"hosts": {"w1": managers["hosts"].pop("w1")}, "vars": managers["vars"]}
        self.player.write("inventory.yml", yaml.safe_dump(inventory))
        (folder / "tasks").symlink_to(ROOT / "playbooks" / "tasks")
        text = COMPOSE.format(image=bed.images["busybox"], domain=self.domain, port=18000)
        self.player.write("stacks/shop/compose.yml", text)

    def run(self, name, check=False, **given):
        path, variables = self.written(name, **given)
        played = self.player.playbook(path, check=check, variables=variables)
        print(played.output)
        return played

    def written(self, name, **given):
        plays = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text())
        for play in plays:
            play["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
        quick = {"stack_rollout": {"stable_for": 0.2, "timeout": 180}} if name == "environment" else {}
        variables = {
            **quick,
            "stack_admin": [self.proxy.url],
            "stack_on_unlisted_proxy": "ignore",
            "stack_preflight": False,
            "stack_values": {"store": "swarm"},
            "environment_project": self.name,
            "environment_stacks": ["stacks"],
            "environment_data_path": str(self.folder / "copies"),
            **given,
        }
        return self.player.write(f"{name}.yml", yaml.safe_dump(plays, sort_keys=False)), variables

    def inside(self, environment, service, *command):
        """What a command in the container of a service says."""
        name = f"{self.name}-{environment}-shop_{service}"
        for node in self.bed.nodes.values():
            running = node.cli(["docker", "ps", "-q", "-f", f"label=com.docker.swarm.service.name={name}"]).stdout
            if running:
                return node.cli(["docker", "exec", running.split()[0], *command]).stdout
        raise AssertionError(f"{name} does not run")

    def rows(self, environment, sql="SELECT count(*), max(n) FROM kept"):
        self.inside(environment, "db", "sh", "-c", "until pg_isready -h 127.0.0.1; do :; done")
        ask = 'PGPASSWORD=$POSTGRES_PASSWORD exec psql -h 127.0.0.1 -U app -Atc "$1" shop'
        return self.inside(environment, "db", "sh", "-c", ask, "sh", sql).strip()

    def copies(self):
        folder = self.folder / "copies"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def password(self, environment):
        """The generated value that the service of an environment has."""
        (service,) = [
            one
            for one in self.bed.node("m1").api("GET", "/services")
            if one["Spec"]["Name"] == f"{self.name}-{environment}-shop_web"
        ]
        return next(text for text in service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] if "PASSWORD" in text)

    def preview(self, ref, check=False, release=1, **given):
        given |= {"environment_preview": {"ref": ref, "ttl": "1h"}, "stack_variables": {"RELEASE": release}}
        return self.run("environment", check=check, **given)

    def sweep(self, check=False, hours=2, **given):
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
        given |= {"sweep_project": self.name, "sweep_at": f"{later:%Y-%m-%dT%H:%M:%SZ}"}
        return self.run("environment_sweep", check=check, **given)

    def everything(self):
        """What the Swarm, its nodes and the proxy have of the project, each with its specification and version."""
        found = {}
        for path in ("services", "networks", "configs", "secrets"):
            for thing in self.bed.node("m1").api("GET", f"/{path}"):
                spec = thing.get("Spec", thing)
                if self.name in json.dumps([spec["Name"], spec.get("Labels")]):
                    found[f"{path} {spec['Name']}"] = json.dumps([spec, thing.get("Version")], sort_keys=True)
        for node in self.bed.nodes.values():
            for volume in node.api("GET", "/volumes")["Volumes"] or []:
                if volume["Name"].startswith(self.name):
                    found[f"{node.name} volume {volume['Name']}"] = json.dumps(volume, sort_keys=True)
            for network in node.api("GET", "/networks"):
                if network["Name"].startswith(self.name):
                    found[f"{node.name} network {network['Name']}"] = network["Id"]
            for container in node.api("GET", "/containers/json?all=1"):
                if container["Names"][0].lstrip("/").startswith(self.name):
                    found[f"{node.name} container {container['Names'][0]}"] = container["Id"]
        for domain in self.domains():
            found[f"route {domain}"] = ""
        return found

    def domains(self):
        text = json.dumps(self.proxy.routes())
        return sorted({part for part in text.split('"') if part.endswith(self.domain)})


@pytest.fixture
def project(bed, tmp_path, request):
    with for_tests.scope_for(bed, request, longest=18) as scope, running(Caddy(VERSIONS[-1], tmp_path / "c")) as proxy:
        yield Project(bed, scope, proxy, tmp_path)


def test_previews_come_and_go_beside_production(project):
    made = project.run("environment", environment_name="production")
    assert made.code == 0
    before = project.everything()
    assert project.domains() == [project.domain] and any("w1 volume" in name for name in before)
    refs = ["feature/login", *range(12, 11 + PREVIEWS)]
    if LONG:
        shown = project.preview(refs[0], check=True)
        assert shown.code == 0 and project.everything() == before
    same = {"environment_clone_of": "production", "environment_values": "same"}
    for ref in refs:
        done = project.preview(ref, **(same if ref == refs[0] else {}))
        assert done.code == 0 and "published ports are left out" in done.output
    assert f"http://pr-{refs[-1]}-{project.domain}/" in done.output
    assert len(project.domains()) == 1 + PREVIEWS
    full = project.everything()
    assert project.password(preview_name(refs[0])) == project.password("production") != project.password("pr-12")
    updated = project.preview(12, release=2)
    assert updated.code == 0
    after = project.everything()
    changed = {name for name in full.keys() | after.keys() if full.get(name) != after.get(name)}
    assert any("services" in name for name in changed) and all("pr-12" in n or "stackwright" in n for n in changed), (
        changed
    )
    would = project.sweep(check=True)
    assert would.code == 0 and project.everything() == after
    part = project.sweep(sweep_hosts="swarm_managers")
    assert part.code and "the node w1 was not cleaned up" in part.output
    # An Engine removes the containers of a service a little after the manager has forgotten their tasks.
    wait_for(
        lambda: not any("container" in name for name in project.everything().keys() - before.keys()), "containers to go"
    )
    left = project.everything().keys() - before.keys()
    assert len(left) == 2 * PREVIEWS and all("w1 volume" in name or "-environment-" in name for name in left), left
    assert project.sweep().code == 0
    assert project.everything() == before, "nothing is left, and production is untouched"
    if LONG:
        again = project.sweep()
        assert again.code == 0 and "changed=0" in again.output and project.everything() == before
    gone = project.run(
        "environment", environment_name="production", environment_state="absent", environment_confirm="production"
    )
    assert gone.code == 0 and project.everything() == {}


def test_data_is_copied_only_if_it_is_asked_for(project):
    images = project.bed.images
    project.player.write("stacks/shop/compose.yml", DATA.format(image=images["busybox"], postgres=images["postgres"]))
    assert project.run("environment", environment_name="production").code == 0
    project.rows("production", "CREATE TABLE kept AS SELECT n, md5(n::text) FROM generate_series(1, 1000) n")
    project.inside("production", "files", "sh", "-c", "echo one > /files/file")
    before = project.everything()
    clone = {"environment_name": "staging", "environment_clone_of": "production", "environment_values": "same"}
    data = {**clone, "environment_data": ["shop_data", "files"]}
    pause = {**data, "environment_data_quiesce": "pause"}

    for why, given in (
        ("no_volume", {**data, "environment_data": ["shop_dat"]}),
        ("not_a_manager", data),
        ("volume_elsewhere", {**pause, "environment_hosts": "swarm_managers"}),
    ):
        refused = project.run("environment", **given)
        assert refused.code and why in json.dumps(refused.lines) + refused.output, refused.output
        assert project.everything() == before, why
    told = project.run("environment", check=True, **pause)
    assert told.code == 0 and project.everything() == before
    copied = "Copy the data of the other environment"
    assert sum(bool(one.get("changed")) for one in told.of(task=copied)) == 2, told.output

    # Killed while it copies: the next run completes it.
    path, variables = project.written("environment", **pause)
    begun = project.player.begin_playbook(path, variables=variables)
    begun.until(f"TASK [{copied}]")
    begun.kill()
    made = project.run("environment", **pause)
    assert made.code == 0 and project.copies() == []
    assert project.rows("staging") == project.rows("production") == "1000|1000"
    assert project.inside("staging", "files", "cat", "/files/file") == "one\n"
    after = project.everything()
    assert {name: after[name] for name in before} == before, "the source is as it was"
    (files,) = [
        json.loads(text)
        for name, text in after.items()
        if name.endswith("volume " + project.name + "-staging-shop_files")
    ]
    assert files["Labels"]["is"] == "files" and files["Labels"]["com.docker.stack.namespace"].endswith("-staging-shop")

    project.rows("production", "INSERT INTO kept VALUES (2000)")
    for given in (pause, clone):
        again = project.run("environment", **given)
        assert again.code == 0 and not [one for one in again.lines if one["result"].get("changed")], again.output
    assert project.everything() == after and project.rows("staging") == "1000|1000"
    fresh = project.run("environment", **pause, environment_data_refresh=True)
    assert fresh.code == 0 and project.rows("staging") == "1001|2000"

    # One that runs with data of its own.
    plain = {**clone, "environment_name": "own"}
    assert project.run("environment", **plain).code == 0
    own = project.everything()
    refused = project.run("environment", **{**pause, **plain, "environment_name": "own"})
    assert refused.code and "volume_in_use" in json.dumps(refused.lines) and project.everything() == own
    for name in ("own", "staging"):
        gone = project.run("environment", environment_name=name, environment_state="absent", environment_confirm=name)
        assert gone.code == 0
    assert project.everything() == before and project.copies() == []


def test_a_clone_does_not_start_without_its_data(project):
    """The hosts of the copy need no manager among them. One that is lost ends the run before a stack is deployed."""
    assert project.run("environment", environment_name="production").code == 0
    project.inside("production", "web", "sh", "-c", "echo one > /data/file")
    before = project.everything()
    clone = {"environment_name": "staging", "environment_clone_of": "production", "environment_data": ["shop_data"]}
    old = f"{project.name}-production-shop_data"
    clone |= {"environment_hosts": "swarm_nodes", "environment_data_quiesce": "pause"}
    text = (project.folder / "inventory.yml").read_text()
    inventory = yaml.safe_load(text)
    lost = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "docker_host": "unix:///none"}
    for group in ("swarm_managers", "swarm_nodes"):
        inventory[group]["hosts"]["lost"] = lost
    # As soon as it is known what to copy.
    known = "{{ 'ssh' if hostvars['m1'].environment_plan is defined else 'local' }}"
    inventory["swarm_nodes"]["hosts"]["w1"].update(
        {**lost, "docker_host": project.bed.node("w1").docker_host, "ansible_connection": known}
    )
    project.player.write("inventory.yml", yaml.safe_dump(inventory))
    failed = project.run("environment", **clone)
    assert failed.code and failed.lines[-1]["host"] == "w1", failed.output
    left = project.everything().keys() - before.keys()
    assert not [name for name in left if not name.startswith("configs ")], left
    project.player.write("inventory.yml", text)
    # One of this name from before, on another node, is not the data.
    project.bed.node("m1").cli(["docker", "volume", "create", old])
    assert project.run("environment", **{**clone, "environment_hosts": "swarm_managers:swarm_nodes"}).code == 0
    project.bed.node("m1").cli(["docker", "volume", "rm", old])
    assert project.inside("staging", "web", "cat", "/data/file") == "one\n"
    absent = {"environment_name": "staging", "environment_state": "absent", "environment_confirm": "staging"}
    assert project.run("environment", **absent).code == 0
    assert project.everything() == before


def test_a_clone_without_files_is_made_of_what_runs(project):
    text = (project.folder / "stacks/shop/compose.yml").read_text()
    static = text.replace("secrets: [token]", "secrets: [token, key]") + "  key: {content: fixed}\n"
    static = static.replace("volumes: {data: }\n  key: {content: fixed}\n", "volumes: {data: }\n")
    static = static.replace("secrets: {token:", "secrets: {key: {content: fixed}, token:")
    project.player.write("stacks/shop/compose.yml", static)
    assert project.run("environment", environment_name="production").code == 0
    before = project.everything()
    clone = {"environment_name": "staging", "environment_clone_of": "production", "environment_stacks": ""}
    refused = project.run("environment", **clone)
    assert (
        refused.code and f"{project.name}-production-shop_key" in refused.output and "not_exportable" in refused.output
    )
    assert project.everything() == before
    share = {"environment_share": [f"{project.name}-production-shop_key"]}
    told = project.run("environment", check=True, **clone, **share)
    assert told.code == 0 and project.everything() == before
    made = project.run("environment", **clone, **share)
    assert made.code == 0 and project.domains() == sorted([f"staging-{project.domain}", project.domain])
    after = project.everything()
    assert {name: after[name] for name in before} == before
    assert project.password("staging") != project.password("production")
    again = project.run("environment", **clone, **share)
    assert again.code == 0 and not [one for one in again.lines if one["result"].get("changed")], again.output
    absent = {"environment_name": "staging", "environment_state": "absent", "environment_confirm": "staging"}
    assert project.run("environment", **absent).code == 0
    assert project.everything() == before
