"""What a user sees while a deploy waits, and what becomes of the deploy when somebody dies."""

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

COMPOSE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "{command}"]
    stop_grace_period: 1s
    environment: {{DB_PASSWORD: planted-7f3a, RUN: "${{RUN:-1}}"}}
    healthcheck: {{test: "test -e /ok", interval: 1s, retries: 60}}
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {{condition: none}}
"""
SLOW = "sleep 9; touch /ok; sleep 1d"
FAILS = "sleep 9; echo no database; exit 3"
QUICK = "touch /ok; sleep 1d"


class Site:
    """A controller, and a manager whose user has a home of their own."""

    def __init__(self, bed, stack, folder):
        self.home, self.stack, self.image = folder / "home", stack, bed.images["busybox"]
        self.home.mkdir()
        self.player = Player(folder, {"manager1": bed.node("m1").docker_host})
        self.node = bed.node("m1")

    def task(self, command, **options):
        self.player.write("compose.yml", COMPOSE.format(image=self.image, command=command))
        return {"compose_stack": {"name": self.stack, "src": "compose.yml", **options}}

    @property
    def environment(self):
        return {"HOME": str(self.home), "TMPDIR": str(self.home)}

    def begin(self, command, environment=None, **options):
        return self.player.begin(self.task(command, **options), environment={**self.environment, **(environment or {})})

    def play(self, command, **options):
        return self.player.play(self.task(command, **options), environment=self.environment)

    def jobs(self):
        return list(self.home.glob(".ansible/tmp/stackwright-*/*"))

    def worker(self):
        """The pid of the process that does the work."""
        marker = f"HOME={self.home}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and marker in (folder / "environ").read_bytes():
                    handles = [os.readlink(handle) for handle in (folder / "fd").iterdir()]
                    found += [int(folder.name)] * any(handle.endswith("/alive") for handle in handles)
            except (OSError, ProcessLookupError):
                continue
        return found[0] if found else None

    def replicas(self):
        return self.node.cli(["docker", "stack", "services", self.stack, "--format", "{{.Replicas}}"]).stdout.split()


def poll(ask, seconds=30):
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, "in vain"
        time.sleep(0.1)
    return found


@pytest.fixture
def site(bed, swarm, tmp_path):
    return Site(bed, swarm.name, tmp_path)


def told(run):
    return [(at, line) for at, line in run.seen if line.startswith("[manager1] ")]


def test_lines_come_while_the_task_runs(site):
    run = site.begin(SLOW)
    assert run.end() == 0, run.output
    end = next(at for at, line in run.seen if line.startswith("changed:"))
    lines = told(run)
    assert lines, run.output
    assert lines[0][0] < end - 3, run.output
    assert any(f"{site.stack}_web" in line for _at, line in lines)
    moments = [0.0, *(at for at, _line in lines), end]
    assert max(b - a for a, b in zip(moments[1:], moments[2:])) < 11, "silent for too long"
    poll(lambda: not site.jobs())
    poll(lambda: site.worker() is None)
