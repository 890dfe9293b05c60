"""Part of a stack on a real engine: what others own, some services only, restarts and what depends on them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST, Core

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Parts

FILE = """
services:
  db: &service
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
    environment: {{V: "{db}"}}
    volumes: ["./conf:/conf:ro"]
  api:
    <<: *service
    environment: {{V: "{api}"}}
    depends_on: {{db: {{condition: service_started, restart: true}}}}
    volumes: []
  web:
    <<: *service
    environment: {{V: "1"}}
    volumes: []
"""


@pytest.fixture
def core(bed, swarm, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.conf").write_text("one")
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def text(bed):
    return lambda db=1, api=1: FILE.format(image=bed.images["busybox"], db=db, api=api) + ON_HOST


def deploy(core, text, parts=None, **options):
    return core.bring(core.compile(text, parts=Parts.of(parts or {})), **options)


def drift(core):
    given = {"rules": [], "images": False, "heal": False, "fail_on_drift": False, "prune": False, "values": {}}
    return stack_drift(core.client, SystemClock, core.stack, given)["drift_lines"]


def keys(done):
    return [op["key"] for op in done["plan"] if op["kind"] == "service"]


def test_what_others_own_stays(core, swarm, bed, text):
    parts = {"leave": {"services": {"web": ["replicas"]}}}
    deploy(core, text(), parts)
    bed.node("m1").cli(["docker", "service", "scale", f"{swarm.name}_web=3"])
    assert not deploy(core, text(), parts, on_drift="fail")["changed"] and drift(core) == []
    done = deploy(core, text(2), parts, on_drift="fail")
    assert keys(done) == ["db", "api"] and drift(core) == []
    web = next(s for s in swarm.objects("services") if s["Spec"]["Name"].endswith("_web"))
    assert web["Spec"]["Mode"]["Replicated"]["Replicas"] == 3


def test_restarts_reach_what_depends_on_them(core, swarm, text):
    deploy(core, text())
    before = {task["ID"] for task in swarm.tasks()}
    done = deploy(core, text(2))
    assert keys(done) == ["db", "api"] and done["status"] == "healthy"
    assert any(line.endswith("(restarts 1 task; api depends on it)") for line in done["plan_lines"])
    assert len({task["ID"] for task in swarm.tasks()} - before) == 2
    assert not deploy(core, text(2))["changed"]
    assert keys(deploy(core, text(2), restart=["web"])) == ["web"] and drift(core) == []


def test_some_services_only(core, text):
    deploy(core, text())
    done = deploy(core, text(2, 2), {"services": ["db"]})
    assert [op["key"] for op in done["plan"] if "asked" not in op["reason"]][0] == "db"
    assert "api" not in keys(done) and len(done["services"]) == 1 and drift(core) == []
    assert "api" in keys(deploy(core, text(2, 2), check=True))


def test_a_file_that_is_mounted(core, text):
    parts = {"restart_on": [str(core.folder / "conf" / "a.conf")]}
    deploy(core, text(), parts)
    assert not deploy(core, text(), parts)["changed"]
    (core.folder / "conf" / "a.conf").write_text("two")
    assert "db" in keys(deploy(core, text(), parts))
    assert not deploy(core, text(), parts)["changed"]
