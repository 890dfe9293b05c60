"""Taking over a stack that carries the labels of the former default prefix, on a real engine."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core

FILE = """\
services:
  db:
    image: {image}
    command: [sleep, 1d]
    stop_grace_period: 1s
    environment: {{A: "{a}"}}
    volumes: [data:/data]
    configs: [page]
    secrets: [key]
    deploy: {{replicas: {replicas}, labels: {{zane.http.port: 80, zane.http.routes.0.domain: prefix.example.com}}}}
  other:
    image: {image}
    command: [sleep, 1d]
    stop_grace_period: 1s
volumes: {{data: {{}}}}
configs: {{page: {{content: hello}}}}
secrets: {{key: {{environment: KEY}}}}
"""


@pytest.fixture
def core(bed, swarm, tmp_path):
    stack = {"name": "shop", "project": swarm.name, "environment": "dev", "variables": {"KEY": "x"}}
    return Core(bed.docker_host, f"{swarm.name}-dev-shop", tmp_path, **stack)


def tasks(swarm):
    return sorted(task["ID"] for task in swarm.tasks() if task["Status"]["State"] == "running")


def prefixes(labels):
    return {name.partition("-")[0] for name in labels if name.startswith(("zane-", "stackwright-"))}


def labels(swarm, key):
    (spec,) = [s["Spec"] for s in swarm.objects("services") if s["Spec"]["Name"].endswith(f"_{key}")]
    mounts = spec["TaskTemplate"]["ContainerSpec"].get("Mounts") or []
    return prefixes(spec["Labels"]), [prefixes(mount["VolumeOptions"]["Labels"]) for mount in mounts]


def test_an_old_stack_is_taken_over_without_a_restart(bed, swarm, core):
    def text(a="1", replicas=1):
        return FILE.format(image=bed.images["busybox"], a=a, replicas=replicas)

    core.bring(core.compile(text(), label_prefix="zane"))
    before, versions = tasks(swarm), {s["ID"]: s["Version"]["Index"] for s in swarm.objects("services")}
    assert labels(swarm, "db") == ({"zane"}, [{"zane"}])
    for check in (True, False):
        run = core.deploy(text(), check=check)
        assert (run["changed"], run["plan"], run["notices"]) == (False, [], [])
        assert core.writes == []
    assert versions == {s["ID"]: s["Version"]["Index"] for s in swarm.objects("services")}

    core.deploy(text(replicas=2))  # the service changes, its tasks do not
    assert set(before) < set(tasks(swarm))
    assert labels(swarm, "db") == ({"stackwright"}, [{"zane"}])
    assert not core.deploy(text(replicas=2))["changed"]

    core.deploy(text(a="2", replicas=2))
    assert labels(swarm, "db") == ({"stackwright"}, [{"stackwright"}])
    assert labels(swarm, "other") == ({"zane"}, [])
    assert len(set(before) & set(tasks(swarm))) == 1  # the one of the service that has not changed
    assert not core.deploy(text(a="2", replicas=2))["changed"]

    core.stop(prefix="zane")
    assert tasks(swarm) == []
    core.deploy(text(a="2", replicas="null"))  # from the file, nobody knows how many
    assert len(tasks(swarm)) == 3
