"""Jobs on a schedule on a real Engine: deployments do not run them, the playbook cron does, once for each time."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core
from playbook import ROOT, Player

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info
from ansible_collections.stackwright.swarm.plugins.plugin_utils.cron.due import jobs_of

FILE = """\
services:
  web: {{image: {image}, command: sleep 1d, stop_grace_period: 1s, environment: [V={version}]}}
  backup:
    image: {image}
    command: sh -c '{command}'
    stop_grace_period: 1s
    environment: [V={version}]
    deploy:
      mode: replicated-job
      restart_policy: {{condition: none}}
      labels:
        stackwright.cron.schedule: "{schedule}"
        stackwright.cron.overlap: {overlap}
        stackwright.cron.missed: {missed}
"""


class Jobs:
    def __init__(self, bed, swarm, core):
        self.bed, self.swarm, self.core, self.name = bed, swarm, core, f"{swarm.name}_backup"

    def deploy(
        self, command="echo saved", version=1, schedule="* * * * *", overlap="forbid", missed="run_once", **options
    ):
        text = FILE.format(
            image=self.bed.images["busybox"],
            command=command,
            version=version,
            schedule=schedule,
            overlap=overlap,
            missed=missed,
        )
        return self.core.deploy(text, **options)

    def tasks(self):
        (service,) = [s for s in self.swarm.objects("services") if s["Spec"]["Name"] == self.name]
        return [t for t in self.bed.node("m1").api("GET", "/tasks") if t["ServiceID"] == service["ID"]]

    def service(self):
        (found,) = [s for s in self.swarm.objects("services") if s["Spec"]["Name"] == self.name]
        return found

    def look(self, after=timedelta(minutes=3), late=600.0):
        """What the filter says of the job some time from now."""
        found = stack_info(self.core.client, self.swarm.name)["stacks"]
        (job,) = jobs_of(found, datetime.now(timezone.utc) + after, "stackwright", late)
        return job

    def run(self, slot, **options):
        return self.core.service("backup", "run", slot=slot, **options)

    def ended(self, runs):
        """The states of the runs, once the last one has ended."""
        self.swarm.wait("the job to end", lambda: (self.look()["runs"] or [{}])[-1].get("state") != "running")
        assert len(self.look()["runs"]) == runs
        return [run["state"] for run in self.look()["runs"]]


@pytest.fixture
def jobs(bed, swarm, tmp_path):
    core = Core(swarm.docker_host, swarm.name, tmp_path)
    yield Jobs(bed, swarm, core)
    core.client.close()


def test_no_deployment_rollback_or_heal_runs_it(jobs):
    first = jobs.deploy()
    assert first["status"] == "healthy" and jobs.tasks() == []
    assert not jobs.deploy()["changed"]
    jobs.deploy(version=2)
    jobs.deploy(version=2, restart=["backup"])
    assert jobs.tasks() == []
    jobs.core.back(1)
    env = jobs.service()["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
    assert env == ["V=1"] and jobs.tasks() == [], "a rollback puts its definition back"
    jobs.bed.node("m1").cli(["docker", "service", "update", "-d", "--env-add", "V=9", jobs.name])
    assert jobs.core.drift()["drifted"]
    jobs.core.drift(heal=True)
    assert jobs.service()["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] == ["V=1"] and jobs.tasks() == []
    with pytest.raises(DeployError):
        text = FILE.format(
            image=jobs.bed.images["busybox"],
            command="exit 7",
            version=3,
            schedule="@daily",
            overlap="forbid",
            missed="skip",
        )
        jobs.core.deploy(text.replace("sleep 1d", "sh -c 'exit 3'"), max_restarts=0, stable_for=3)
    assert jobs.tasks() == [] and jobs.look()["schedule"] == "* * * * *", "an undone deployment too"
    assert jobs.look()["runs"] == []


def test_it_runs_once_for_each_time_and_a_deployment_forgets_no_run(jobs):
    jobs.deploy()
    due = jobs.look()
    assert due["due"] and due["slot"]
    done = jobs.run(due["slot"])
    assert done["changed"] and done["exit_code"] == 0 and done["lines"] == ["saved"]
    again = jobs.run(due["slot"])
    assert not again["changed"]
    assert len(jobs.tasks()) == 1
    assert not jobs.deploy()["changed"], "what a run leaves is not a difference"
    assert not jobs.core.drift()["drifted"]
    jobs.deploy(version=2)
    assert len(jobs.tasks()) == 1
    (run,) = jobs.look()["runs"]
    assert (run["slot"], run["state"], run["exit_code"]) == (due["slot"], "complete", 0)
    later = jobs.look(after=timedelta(minutes=5))
    assert later["due"] and later["slot"] > due["slot"]


def test_a_run_that_fails_harms_no_deployment_and_is_told(jobs):
    jobs.deploy(command="exit 3")
    with pytest.raises(DeployError):
        jobs.run(jobs.look()["slot"])
    assert jobs.ended(1) == ["failed"]
    assert "failed with exit code 3" in jobs.look()["problem"]
    assert not jobs.deploy(command="exit 3")["changed"]
    assert len(jobs.tasks()) == 1
    done = jobs.deploy(version=2)
    assert done["status"] == "healthy" and len(jobs.tasks()) == 1


def test_overlap(jobs):
    jobs.deploy(command="sleep 1d")
    jobs.run(jobs.look()["slot"], wait=False)
    jobs.swarm.wait("the job to run", lambda: [t for t in jobs.tasks() if t["Status"]["State"] == "running"])
    later = jobs.look(after=timedelta(minutes=9))
    assert not later["due"] and later["reason"] == "is due, but still runs"
    # A deployment that leaves the job as it is does not wait for it, nor stop it.
    assert jobs.deploy(command="sleep 1d")["status"] == "healthy"
    assert jobs.look()["runs"][-1]["state"] == "running"
    plan = jobs.deploy(command="sleep 1d", overlap="replace", check=True)["plan_lines"]
    assert any(f"update service {jobs.name}" in line and "(restarts 1 task)" in line for line in plan), plan
    jobs.deploy(command="sleep 1d", overlap="replace")
    assert jobs.ended(1) == ["stopped"]
    jobs.run(jobs.look(after=timedelta(minutes=5))["slot"], wait=False)
    jobs.swarm.wait("the job to run", lambda: [t for t in jobs.tasks() if t["Status"]["State"] == "running"])
    jobs.run(jobs.look(after=timedelta(minutes=7))["slot"], wait=False)
    assert [run["state"] for run in jobs.look()["runs"]][:2] == ["stopped", "stopped"]
    jobs.swarm.wait("one task", lambda: len([t for t in jobs.tasks() if t["Status"]["State"] == "running"]) == 1)
    assert len(jobs.look()["runs"]) == 3


def test_missed_times_are_one_run_or_none(jobs):
    jobs.deploy(missed="skip")
    assert jobs.look(after=timedelta(hours=5))["due"], "the schedule has a time each minute"
    jobs.deploy(missed="skip", schedule="@hourly")
    start = jobs.look(after=timedelta(hours=1))
    assert "missed" in start["reason"] or start["due"]
    late = jobs.look(after=timedelta(hours=1), late=0)
    assert not late["due"] and late["reason"].endswith("which is skipped")
    jobs.deploy(missed="run_once", schedule="@hourly")
    assert jobs.look(after=timedelta(hours=1), late=0)["due"]


def test_a_stopped_stack_runs_no_job(jobs):
    jobs.deploy()
    jobs.core.stop()
    assert jobs.look()["reason"] == "is due, but the stack is stopped"


def test_the_playbook_runs_what_is_due_once(jobs, swarm, tmp_path):
    jobs.deploy(schedule="@monthly")
    # Its creation is now: nothing is due until next month.
    player = Player(tmp_path, {"m1": swarm.docker_host, "also": swarm.docker_host})

    def cron(*how, **variables):
        given = {"cron_stack": swarm.name, **variables}
        environment = {"DOCKER_HOST": swarm.docker_host}
        return player.playbook(ROOT / "playbooks" / "cron.yml", *how, variables=given, environment=environment)

    quiet = cron()
    assert quiet.code == 0 and f"{jobs.name} | is not due" in quiet.output, quiet.output
    assert jobs.tasks() == []
    jobs.deploy(schedule="* * * * *", command="exit 4")
    swarm.wait("the next minute", lambda: jobs.look(after=timedelta())["due"], 120)
    ran = cron()
    assert ran.code == 0 and "is due since" in ran.output, ran.output
    assert jobs.ended(1) == ["failed"]
    tasks = len(jobs.tasks())
    jobs.deploy(schedule="@monthly", command="exit 4")
    told = cron(cron_fail="true")
    assert told.code and f"{jobs.name}: the run for" in told.output and len(jobs.tasks()) == tasks, told.output
