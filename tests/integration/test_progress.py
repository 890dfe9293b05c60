"""What a user sees while a deploy waits, and what becomes of the deploy when somebody dies."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST
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
        self.player.write("compose.yml", COMPOSE.format(image=self.image, command=command) + ON_HOST)
        return {"compose_stack": {"name": self.stack, "src": "compose.yml", **options}}

    @property
    def environment(self):
        return {"HOME": str(self.home), "TMPDIR": str(self.home)}

    def begin(self, command, environment=None, **options):
        return self.player.begin(self.task(command, **options), environment={**self.environment, **(environment or {})})

    def play(self, command, **options):
        return self.player.play(self.task(command, **options), environment=self.environment)

    def jobs(self):
        """The folders of processes; a run without changes leaves a file there (test_glance.py)."""
        return [path for path in self.home.glob(".ansible/tmp/stackwright-*/*") if path.is_dir()]

    def worker(self):
        """The pid of the process that does the work."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit():
                    handles = [Path(os.readlink(handle)) for handle in (folder / "fd").iterdir()]
                    mine = [handle for handle in handles if handle.name == "alive" and self.home in handle.parents]
                    found += [int(folder.name)] * bool(mine)
            except (OSError, ProcessLookupError):
                continue
        return found[0] if found else None

    def replicas(self):
        return self.node.cli(["docker", "stack", "services", self.stack, "--format", "{{.Replicas}}"]).stdout.split()


def poll(ask, seconds=180):
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
    assert not list(site.home.glob("ansible_*")), "something is left in the folder for temporary files"


@pytest.mark.parametrize(
    "environment", [{}, {"ANSIBLE_PIPELINING": "0"}, {"ANSIBLE_KEEP_REMOTE_FILES": "1"}], ids=["piped", "file", "kept"]
)
def test_a_deploy_that_fails_late_shows_lines_and_the_cause(site, environment):
    """By then the zip file of the module's code is gone; what reads the evidence is imported only now."""
    run = site.begin(FAILS, environment)
    run.until("[manager1] ")
    assert not list(site.home.glob("ansible_*payload*")), "the module's folder should be gone by now"
    assert run.end() == 2, run.output
    result = run.result()
    assert result["error_code"] == "health_gate_failed", result
    assert "no database" in result["failures"][0]["log"], result
    assert result["failures"][0]["exit_code"] == 3
    assert "progress" not in result


@pytest.mark.parametrize(
    "how", [{"check": True}, {"rollout": {"wait": False}}, {"again": True}], ids=["check", "no wait", "no change"]
)
def test_no_worker_where_nothing_is_waited_for(site, how):
    if how.pop("again", False):
        assert site.play(QUICK).code == 0
        (folder,) = site.home.glob(".ansible/tmp/stackwright-*")
        poll(lambda: not site.jobs())
        folder.rmdir()
    check = how.pop("check", False)
    played = site.player.play(site.task(QUICK, **how), environment=site.environment, check=check)
    assert played.code == 0, played.output
    assert not site.jobs()


def test_the_deploy_goes_on_when_the_controller_is_killed(site):
    run = site.begin(SLOW)
    run.until("[manager1] ")
    worker = site.worker()
    assert worker
    run.kill()
    poll(lambda: site.worker() is None)
    assert site.replicas() == ["1/1"]
    again = site.play(SLOW)
    assert (again.code, again.last["changed"]) == (0, False), again.output


def test_a_worker_that_is_killed_is_noticed_and_the_next_run_completes(site):
    run = site.begin(SLOW)
    run.until("[manager1] ")
    os.kill(site.worker(), signal.SIGKILL)
    at = time.monotonic()
    assert run.end() == 2, run.output
    assert time.monotonic() - at < 60, "not only when the task's time is over"
    result = run.result()
    assert result["error_code"] == "worker_died", result
    assert "Run the task again" in result["msg"]
    again = site.play(SLOW)
    assert again.code == 0, again.output
    assert site.replicas() == ["1/1"]


def test_nothing_secret_is_told(site):
    password = "planted-92c1-registry"
    auth = [{"registry": "registry.invalid", "username": "u", "password": password}]
    run = site.begin(FAILS.replace("no database", password), registry_auth=auth, variables={"RUN": "planted-7f3a"})
    run.until("[manager1] ")
    (job,) = site.jobs()
    assert {path.stat().st_mode & 0o777 for path in job.iterdir()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (job, job.parent)} == {0o700}
    poll(lambda: (job / "result.json").exists())
    files = {path.name: path.read_text() for path in job.iterdir()}
    assert run.end() == 2
    assert "DB_PASSWORD" not in files["lines"] or "planted-7f3a" not in files["lines"]
    for text in (*files.values(), run.output):
        assert password not in text


def test_a_task_with_no_log_shows_no_lines(site):
    run = site.player.begin({**site.task(SLOW), "no_log": True}, environment=site.environment)
    assert run.end() == 0, run.output
    assert not told(run), run.output


def test_lines_of_several_hosts_do_not_mix(bed, swarm, tmp_path):
    """Two names of one manager: a cluster of which one host does the work; a third host has another stack."""
    site = Site(bed, swarm.name, tmp_path)
    host = bed.node("m1").docker_host
    site.player = Player(tmp_path, {"manager1": host, "manager2": host})
    run = site.begin(SLOW)
    assert run.end() == 0, run.output
    speakers = {line.split("]")[0] for _at, line in run.seen if f"{swarm.name}_web" in line}
    assert len(speakers & {"[manager1", "[manager2"}) == 1, run.output
    assert run.output.count("changed: [manager") == 1
    assert run.output.count("ok: [manager") == 1
    apart = {
        "compose_stack": {**site.task(SLOW)["compose_stack"], "name": f"{swarm.name}-{{{{ inventory_hostname }}}}"}
    }
    run = site.player.begin(apart, environment=site.environment)
    assert run.end() == 0, run.output
    for name in ("manager1", "manager2"):
        lines = [line for _at, line in run.seen if f"{name}_web" in line]
        assert lines, run.output
        assert all(line.startswith(f"[{name}] ") and line.count("[manager") == 1 for line in lines), lines


def test_awx_sees_the_lines_as_events_while_the_task_runs(site):
    """ansible-runner is what AWX runs jobs with."""
    runner = pytest.importorskip("ansible_runner", reason="ansible-runner is not installed")
    events = []
    site.player.write("project/play.yml", "")
    playbook = site.player.written([site.task(SLOW)])
    environment = site.player.command(playbook, environment=site.environment)[1]
    environment = {key: value for key, value in environment.items() if "CALLBACK" not in key}
    done = runner.run(
        private_data_dir=str(site.player.folder),
        playbook=str(playbook),
        inventory=str(site.player.folder / "inventory.yml"),
        envvars=environment,
        quiet=True,
        event_handler=lambda event: events.append((event["event"], event["stdout"], time.monotonic())) or True,
    )
    assert done.rc == 0, done.stdout.read()
    moments = {kind: at for kind, _text, at in events}
    lines = [at for _kind, text, at in events if text.startswith("[manager1] ")]
    assert lines, events
    assert moments["runner_on_start"] < lines[0] <= lines[-1] < moments["runner_on_ok"]
    assert lines[0] < moments["runner_on_ok"] - 3
