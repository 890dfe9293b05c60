"""``pre_start`` on a real engine: each step leaves a line in a volume of the service when it runs."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from core import Core
from test_transaction import Died, latest, running, specs

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

#: {place}: the volume is on one node.
FILE = """
services:
  db:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
  web:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
    depends_on: [db]
    environment: {{WHO: web, VERSION: "{version}"}}
    volumes: [data:/data]
    configs: [{{source: page, target: /page}}]
    deploy:
      replicas: {replicas}
      update_config: {{parallelism: 0, monitor: 10ms}}
      placement: {{constraints: [{place}]}}
    healthcheck: {{test: "true", interval: 1s}}
    pre_start:
      - command: [sh, -c, 'echo first $$WHO $$VERSION $$(cat /page) >>/data/ran']
      - command: sh -c 'sleep 1; echo second $$WHO $$VERSION >>/data/ran; nslookup db >/dev/null || exit 9; {end}'
        environment: {{WHO: step}}
        user: "0"
  other:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    environment: {{VERSION: "{version}"}}
    stop_grace_period: 1s
volumes: {{data: null}}
configs: {{page: {{content: text}}}}
"""


class Shop:
    def __init__(self, core, bed, swarm):
        self.core, self.bed, self.swarm = core, bed, swarm

    def deploy(self, version=1, replicas=1, end="true", place="node.hostname == m1", **options):
        image = self.bed.images["busybox"]
        text = FILE.format(image=image, version=version, replicas=replicas, end=end, place=place)
        return self.core.deploy(text, **options)

    def ran(self):
        """What the steps have written so far."""
        mount = f"{self.core.stack}_data:/data"
        image = self.bed.images["busybox"]
        told = self.bed.node("m1").cli(["docker", "run", "--rm", "-v", mount, image, "sh", "-c", "cat /data/ran; true"])
        return told.stdout.split("\n")[:-1]

    def drift(self, **options):
        given = {"rules": [], "images": False, "heal": False, "fail_on_drift": False, "prune": False, **options}
        return stack_drift(self.core.client, self.core.clock, self.core.stack, given)

    def services(self):
        return sorted(name[len(self.core.stack) + 1 :] for name in specs(self.swarm))


@pytest.fixture
def shop(bed, swarm, tmp_path):
    core = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield Shop(core, bed, swarm)
    core.client.close()


def version(number):
    return [f"first web {number} text", f"second step {number}"]


def test_they_run_before_the_service_in_order_once(shop):
    done = shop.deploy()
    assert shop.ran() == version(1)
    assert shop.services() == ["db", "other", "web"]
    told = {service["name"]: service["status"] for service in latest(shop.core).services}
    assert [told[f"{shop.core.stack}_web_pre_start_{number}"] for number in (1, 2)] == ["complete"] * 2
    assert done["status"] == "healthy" and shop.drift()["drift_lines"] == []
    # Neither a run without changes nor another number of replicas runs them.
    assert not shop.deploy()["changed"]
    assert shop.deploy(replicas=2)["changed"] and shop.ran() == version(1)
    # A new version does, and the way back does not.
    shop.deploy(2)
    assert shop.ran() == version(1) + version(2)
    given = {"to": None, "resolve_image": "never", "timeout": 60, "stable_for": 0.5}
    roll_back(shop.core.client, shop.core.clock, shop.core.stack, given)
    assert "VERSION=1" in specs(shop.swarm)[f"{shop.core.stack}_web"]["TaskTemplate"]["ContainerSpec"]["Env"]
    assert shop.ran() == version(1) + version(2) and shop.services() == ["db", "other", "web"]
    assert not shop.drift()["drifted"]


def test_a_failed_migration_replaces_no_task(shop):
    shop.deploy()
    before = running(shop.swarm)
    with pytest.raises(DeployError) as caught:
        shop.deploy(2, end="echo no such column >&2; exit 4")
    error = str(caught.value)
    assert "exit code 4" in error and "no such column" in error and "step 2 of pre_start of web" in error
    assert running(shop.swarm) == before
    assert shop.services() == ["db", "other", "web"]
    assert latest(shop.core).status == "FAILED" and not shop.deploy()["changed"]
    # A file that is mended runs both again, for the first was of a file that is gone.
    shop.deploy(3)
    assert shop.ran()[-2:] == version(3)


def test_a_first_deployment_whose_step_fails_leaves_nothing(shop):
    with pytest.raises(DeployError, match="exit code 5"):
        shop.deploy(end="exit 5")
    assert shop.services() == []


@pytest.mark.parametrize("at", [2, 3, 5])
def test_killed_and_run_again_each_step_runs_once(shop, at):
    """The run dies with one of its writes; by then some steps have run, and they do not run again."""
    shop.deploy()
    count = []

    def kill(method, path):
        if method != "GET" and "/configs" not in path:
            count.append(path)
        if len(count) >= at:
            raise Died

    shop.core.transport.before = kill
    with contextlib.suppress(Died):
        shop.deploy(2)
    shop.core.transport.before = lambda method, path: None
    shop.deploy(2, is_gone=lambda holder: True)
    assert shop.ran() == version(1) + version(2)
    assert shop.services() == ["db", "other", "web"] and not shop.drift()["drifted"]


def test_in_mode_global_each_node_runs_it(shop):
    image = shop.bed.images["busybox"]
    text = f"""
services:
  web:
    image: {image}
    command: sh -c 'test "$$(cat /data/ran)" = once && sleep 1d'
    stop_grace_period: 1s
    volumes: [data:/data]
    deploy: {{mode: global}}
    pre_start: [{{command: sh -c 'echo once >>/data/ran', per_replica: true}}]
volumes: {{data: null}}
"""
    done = shop.core.deploy(text)
    assert done["status"] == "healthy"
    assert shop.ran() == ["once"] and shop.services() == ["web"]


@pytest.mark.skipif(int(os.environ.get("STACKWRIGHT_TEST_NODES", "1")) < 2, reason="needs several nodes")
def test_a_step_runs_where_the_volume_of_the_service_is(shop):
    with pytest.raises(PlanError) as caught:
        shop.deploy(place="")
    assert caught.value.error_code == "pre_start_volume" and shop.services() == []
    shop.deploy()
    assert shop.ran() == version(1)
    # From then on it is where the task is.
    shop.deploy(2, place="")
    assert shop.ran() == version(1) + version(2)


def test_with_a_network_that_is_made_anew_the_step_runs_on_the_new_one(shop):
    """The service has to let go of the network first; a step that fails brings it back on the old one."""
    core, bed, swarm = shop.core, shop.bed, shop.swarm
    name = f"{swarm.name}-back"
    keeps_on = "trap exit TERM; sleep 1d & wait"

    def text(version, end="true", **network):
        step = f"echo {version} $(ip -o -4 address show dev eth0 | tr -s ' ' | cut -d' ' -f4) >>/data/ran; {end}"
        web = {
            "image": bed.images["busybox"],
            "command": ["sh", "-c", keeps_on],
            "stop_grace_period": "1s",
            "networks": ["back"],
            "volumes": ["data:/data"],
            "environment": {"VERSION": str(version)},
            "deploy": {"placement": {"constraints": ["node.hostname == m1"]}},
            "pre_start": [{"command": ["sh", "-c", step.replace("$", "$$")]}],
        }
        return yaml.safe_dump(
            {"services": {"web": web}, "networks": {"back": {"name": name, **network}}, "volumes": {"data": None}}
        )

    subnet = [{"ipam": {"config": [{"subnet": f"10.{number}.0.0/24"}]}} for number in (241, 242)]
    core.deploy(text(1, **subnet[0]), stable_for=0.3)
    before = specs(swarm)
    with pytest.raises(DeployError) as failed:
        core.deploy(text(2, "exit 4", **subnet[1]), recreate=True, stable_for=0.3)
    assert failed.value.details["outcome"]["rollback"] == "done", failed.value.message
    assert "exit code 4" in failed.value.message
    assert specs(swarm)[f"{swarm.name}_web"]["Mode"] == before[f"{swarm.name}_web"]["Mode"]
    announced = core.deploy(text(3, **subnet[1]), recreate=True, check=True)
    done = core.deploy(text(3, **subnet[1]), recreate=True, stable_for=0.3)
    assert done["plan"] == announced["plan"]
    assert shop.services() == ["web"]
    assert [line.rpartition(".")[0] for line in shop.ran()] == ["1 10.241.0", "2 10.242.0", "3 10.242.0"]
    assert not core.deploy(text(3, **subnet[1]), recreate=True)["changed"]
