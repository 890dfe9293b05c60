"""A failing health check is told with what it wrote, also where it ran on another node that is a host of the play."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

import warm
from playbook import Player
from testbed import for_tests
from testbed.commands import wait_for

COMPOSE = """\
services:
  web:
    image: {image}
    command: [sh, -c, "trap 'exit 0' TERM; sleep 1d & wait"]
    environment: {{DB_PASSWORD: planted-7f3a}}
    healthcheck:
      test: ["CMD-SHELL", "echo page 404; echo $$DB_PASSWORD; printf 'token=planted-9b1c \\\\033[31m'; exit 1"]
      interval: 500ms
      retries: 1
    deploy: {{placement: {{constraints: [node.hostname == w1]}}, restart_policy: {{delay: 100ms}}}}
"""
SAID = ["page 404", "********", "token=********"]
#: A node is slow where the machine is busy: then its check is left out, which is not a failure of this test.
TRIES = 3


@pytest.fixture(scope="module")
def pair():
    with for_tests.bed_for("pair", keep=True, managers=1, workers=1) as made:
        yield made


@pytest.fixture
def scope(pair, request):
    with for_tests.scope_for(pair, request) as scope:
        yield scope


@pytest.fixture
def site(pair, scope, tmp_path):
    return Site(pair, scope.name, tmp_path)


class Site:
    def __init__(self, bed, stack, folder):
        self.bed, self.stack, self.folder = bed, stack, folder
        self.player = Player(folder, {}, {"compose.yml": COMPOSE.format(image=bed.images["busybox"])})

    def host(self, node, python=None):
        """A host whose modules run on a node, as on a machine of its own."""
        interpreter = self.folder / f"python-{node}"
        command = python or f'exec {shlex.join(self.bed.node(node).inside([str(warm.interpreter())]))} "$@"'
        interpreter.write_text(f"#!/bin/sh\n{command}\n")
        interpreter.chmod(0o700)
        return {"ansible_connection": "local", "ansible_python_interpreter": str(interpreter)}

    def deploy(self, hosts, verbosity=0, **task):
        """The play, and what the task says of the one service; m1 does the work."""
        self.player.write("inventory.yml", yaml.safe_dump({"nodes": {"hosts": hosts}}, sort_keys=False))
        rollout = {"stable_for": 0.2, "timeout": 120, "max_restarts": 0}
        options = {"name": self.stack, "src": "compose.yml", "rollout": rollout}
        play = {"hosts": "nodes", "gather_facts": False}
        play["tasks"] = [{"stackwright.swarm.compose_stack": options, "run_once": True, **task}]
        path = self.player.write("play.yml", yaml.safe_dump([play]))
        run = self.player.playbook(path, verbosity=verbosity)
        assert run.code == 2 and "Traceback" not in run.output, run.output
        if task.get("no_log"):  # the callback has no more of it
            return run, None
        (found,) = run.of(host="m1")
        assert found["error_code"] == "health_gate_failed", run.output
        (failure,) = found["failures"]
        assert failure["node"] == "w1" and "did not become healthy before it was stopped" in failure["text"], failure
        return run, failure

    def told(self, hosts, **how):
        for _try in range(TRIES):
            run, failure = self.deploy(hosts, **how)
            if failure["health_check"]:
                break
        return run, failure


#: An ssh that reaches this machine, whatever host is asked for.
SSH = """#!/bin/sh
echo "$@" >>"$0.asked"
for last; do :; done
exec sh -c "$last"
"""


@pytest.mark.parametrize("name", ["w1", "shop-server"])
def test_it_is_asked_for_on_the_node(site, name):
    """Whatever the inventory calls it, over a connection of its own; secrets are hidden, also with -vvv."""
    hosts = {"m1": {**site.host("m1"), "ansible_port": 99}, name: site.host("w1")}
    ssh = site.folder / "ssh"
    if name == "shop-server":
        ssh.write_text(SSH)
        ssh.chmod(0o700)
        address = {"ansible_host": "{{ inventory_hostname }}.example.test", "ansible_user": "deploy"}
        hosts[name].update(address, ansible_connection="ssh", ansible_ssh_executable=str(ssh))
    run, failure = site.told(hosts, verbosity=3)
    if name == "shop-server":
        asked = Path(f"{ssh}.asked").read_text()
        assert 'User="deploy"' in asked and " shop-server.example.test " in asked and "Port=99" not in asked, asked
    assert failure["health_check"] == SAID, run.output
    assert "    health check: page 404" in failure["text"].splitlines()
    shown = run.output + json.dumps(run.lines)
    assert "planted" not in shown and "\x1b[31m" not in shown
    assert not list(Path.home().glob(".ansible/tmp/stackwright-*/*/answer.json"))


def test_nobody_is_asked_where_the_node_is_no_host_of_the_play(site):
    assert site.deploy({"m1": site.host("m1")})[1]["health_check"] == []


def test_nothing_is_asked_for_what_nobody_is_to_see(site):
    hosts = {"m1": site.host("m1"), "w1": site.host("w1", f"touch {site.folder}/asked; exit 1")}
    run, _none = site.deploy(hosts, no_log=True)
    assert "health_gate_failed" in run.output and "page 404" not in run.output
    assert not (site.folder / "asked").exists()


def test_a_host_that_hangs_is_not_waited_for(site):
    hanging = site.folder / "hanging"
    hosts = {"m1": site.host("m1"), "w1": site.host("w1", f"echo $$ >{hanging}; exec sleep 1d")}
    _run, failure = site.deploy(hosts)
    assert failure["health_check"] == []
    process = Path("/proc", hanging.read_text().strip())
    wait_for("the process on that host to be ended", lambda: not process.exists(), 30)
