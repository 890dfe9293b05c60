"""A stack's second day as one story: releases with migrations, one that fails, a way back, an operator, a stranger, a
port, a volume and a network that change, and the clean-up. At each step the plan of check mode is what the run does.

With STACKWRIGHT_TEST_NODES=5 on three managers and two workers, and each step goes through another manager.
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core
from playbook import Player
from testbed.commands import wait_for

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import stack_status

QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
PORT = 20301  # no other test publishes it
#: As Alembic and Flyway do: a schema that is newer than the release is refused.
MIGRATE = """
have=$(cat /data/schema || echo 0)
[ "$have" -le {schema} ] || {{ echo "the schema $have is newer than {schema}"; exit 7; }}
echo {schema} > /data/schema; echo {schema} >> /data/runs
"""
BAD = "echo no column price; exit 4"
#: The first deployment in a Swarm makes it, for all.
KEY = "stackwright.key"
OPTIONS = {"stable_for": 0.3, "timeout": 300, "max_restarts": 0}


class Shop:
    """The stack, its files, and what the Swarm has of it."""

    def __init__(self, bed, swarm, folder):
        self.bed, self.swarm, self.folder, self.stack = bed, swarm, folder, swarm.name
        managers = [node for node in bed.nodes.values() if node.role == "manager"]
        self.cores = [Core(node.docker_host, swarm.name, folder) for node in managers]
        self._turn = cycle(self.cores)
        self.last = list(bed.nodes)[-1]
        self.found = []  # what drift is to find although only we have been here
        (folder / "password").write_text("planted-1f7c")

    @property
    def core(self):
        """Each time through another manager."""
        return next(self._turn)

    def file(self, release, schema, migrate=MIGRATE, port="web", volume=None, network=None):
        normal = {"image": self.bed.images["busybox"], "command": QUIET, "stop_grace_period": "1s"}
        quick = {"update_config": {"parallelism": 0, "monitor": "10ms"}}
        here = {**quick, "placement": {"constraints": [f"node.hostname == {self.last}"]}}
        data = {"volumes": ["data:/data"], "networks": ["back"]}
        services = {
            "db": {**normal, **data, "secrets": ["password"], "deploy": here},
            "edge": {**normal, "networks": ["back"], "deploy": quick},
            "migrate": {
                **normal,
                **data,
                "command": ["sh", "-c", migrate.format(schema=schema).replace("$", "$$")],
                "depends_on": {"db": {"condition": "service_started"}},
                "deploy": {"placement": here["placement"]},
            },
            "web": {
                **normal,
                "networks": ["back"],
                "environment": {"RELEASE": release},
                "configs": ["page"],
                "depends_on": {"migrate": {"condition": "service_completed_successfully"}},
                "deploy": {**quick, "replicas": 2},
            },
        }
        services[port]["ports"] = [f"{PORT}:80"]
        return yaml.safe_dump(
            {
                "services": services,
                "networks": {"back": network},
                "volumes": {"data": volume},
                "configs": {"page": {"content": f"release {release}"}},
                "secrets": {"password": {"file": "password"}},
            }
        )

    # -- what there is

    def specs(self):
        return {s["Spec"]["Name"].removeprefix(f"{self.stack}_"): s for s in self.swarm.objects("services")}

    def release(self):
        spec = self.specs()["web"]["Spec"]["TaskTemplate"]["ContainerSpec"]
        return spec["Env"][0], self.running("web")

    def running(self, key=None):
        """The ids of the tasks that run, of one service or of all by service."""
        names = {service["ID"]: key for key, service in self.specs().items()}
        found = {key: set() for key in names.values()}
        for task in self.swarm.tasks():
            if task["DesiredState"] == "running" and task["Status"]["State"] == "running":
                found[names[task["ServiceID"]]].add(task["ID"])
        return found if key is None else len(found[key])

    def runs(self):
        """The tasks of the job, whatever became of them."""
        job = self.specs().get("migrate", {}).get("ID")
        return {task["ID"] for task in self.swarm.tasks("") if task["ServiceID"] == job}

    def data(self, file):
        node = self.bed.node(self.last)
        (volume,) = (v for v in node.api("GET", "/volumes")["Volumes"] if v["Name"] == f"{self.stack}_data")
        return Path(volume["Mountpoint"], file).read_text().split()

    def objects(self):
        """All that a plan may change: kind and name → what the Swarm has of it."""
        found = {}
        key = [config for config in self.swarm.node.api("GET", "/configs") if config["Spec"]["Name"] == KEY]
        for kind in ("networks", "configs", "secrets", "services"):
            for obj in self.swarm.objects(kind) + (key if kind == "configs" else []):
                spec = obj.get("Spec") or {key: obj[key] for key in ("Internal", "Labels")}
                # Which revisions it is kept for is told as "keep".
                spec["Labels"].pop("stackwright.kept", None)
                found[kind[:-1], spec.get("Name") or obj["Name"]] = spec
        return found

    # -- what is done

    def step(self, act, fails=False):
        """``act(core, **options)``, announced and then done; the plan is the same, and it is what has happened."""
        before, tasks, jobs = self.objects(), self.running(), self.runs()
        announced = act(self.core, check=True)
        assert (self.objects(), self.running()) == (before, tasks), "check mode has changed something"
        if fails:
            with pytest.raises(DeployError) as failed:
                act(self.core)
            outcome = failed.value.details["outcome"]
            assert sorted([*outcome["done"], *outcome["not_done"]]) == sorted(announced["plan_lines"])
            # A job is not put back, since Swarm would run it.
            job = ("service", f"{self.stack}_migrate")
            assert self.objects() == {name: spec for name, spec in before.items() if name != job}
            assert self.running() == {key: ids for key, ids in tasks.items() if key != "migrate"}
            return failed.value
        done = act(self.core)
        assert (done["plan"], done["changed"]) == (announced["plan"], announced["changed"])
        self.as_announced(done["plan"], before, self.objects())
        told = {op["key"]: op["restarts"] for op in done["plan"] if op["kind"] == "service" and op["restarts"]}
        after = self.running()
        # Those of a service with fewer replicas just end: the plan has that number.
        fewer = {key: max(len(ids) - len(after.get(key, ids)), 0) for key, ids in tasks.items()}
        replaced = {key: len(ids - after.get(key, set())) - fewer[key] for key, ids in tasks.items()}
        replaced["migrate"] = len(self.runs() - jobs) if jobs else 0
        assert {key: count for key, count in replaced.items() if count} == told
        return done

    def as_announced(self, plan, before, after):
        """What came, went and changed is what the plan says."""
        happened = {
            "create": set(after) - set(before),
            "remove": set(before) - set(after),
            "update": {name for name, spec in after.items() if name in before and before[name] != spec},
        }
        for word, found in happened.items():
            assert found == {(op["kind"], op["name"]) for op in plan if op["action"] == word}, word

    def deploy(self, text, fails=False, **options):
        done = self.step(lambda core, **more: core.deploy(text, **OPTIONS, on_drift="fail", **options, **more), fails)
        if not fails:
            assert self.statuses(done) == {"db": "healthy", "edge": "healthy", "migrate": "complete", "web": "healthy"}
            assert not self.core.deploy(text, **OPTIONS, **options)["changed"]
        self.calm()
        return done

    def statuses(self, result):
        return {s["name"].removeprefix(f"{self.stack}_"): s["status"] for s in result["services"]}

    def calm(self):
        """Only our own runs have been here: that is not drift, and the stack is well. Gives what is told as ours."""
        seen = self.core.drift()
        assert [line.partition(":")[0] for line in seen["drift_lines"]] == self.found
        assert stack_status(self.core.client, SystemClock, self.stack, {})["overall"] == "HEALTHY"
        return seen["ours"]

    def history(self):
        return [status for _number, status in self.core.history()]


@pytest.fixture
def shop(bed, swarm, tmp_path):
    made = Shop(bed, swarm, tmp_path)
    yield made
    for core in made.cores:
        core.client.close()


def keys(result, *words):
    return sorted(op["key"] for op in result["plan"] if op["action"] in (words or ("create", "update", "remove")))


def test_the_second_day_of_a_shop(shop):
    # Two releases, each with its migration.
    shop.deploy(shop.file("1", 1))
    done = shop.deploy(shop.file("2", 2))
    assert [op["key"] for op in done["plan"] if op["kind"] == "service"] == ["migrate", "web"]
    assert (shop.release(), shop.data("runs"), shop.history()) == (("RELEASE=2", 2), ["1", "2"], ["HEALTHY"] * 2)

    # The third one's migration fails: nothing of the release is there, and the corrected one is in no way of it.
    failed = shop.deploy(shop.file("3", 3, BAD), fails=True)
    assert "exit code 4" in str(failed) and "no column price" in str(failed) and "Rolled back" in str(failed)
    assert (shop.release(), shop.data("schema"), shop.history()[-1]) == (("RELEASE=2", 2), ["2"], "FAILED")
    shop.deploy(shop.file("3", 3))
    assert (shop.release(), shop.data("runs"), shop.history()[-1]) == (("RELEASE=3", 2), ["1", "2", "3"], "HEALTHY")

    # Back past two migrations, which refuse a newer schema: they are not run.
    back = shop.step(lambda core, **more: core.back(1, **OPTIONS, **more))
    assert back["to"] == 1 and "migrate" not in keys(back)
    assert (shop.release(), shop.data("runs")) == (("RELEASE=1", 2), ["1", "2", "3"])
    shop.calm()

    # An operator needs more of it: that is told, and is not drift.
    shop.step(lambda core, **more: core.service("web", "scaled", replicas=3, **OPTIONS, **more))
    assert shop.release() == ("RELEASE=1", 3)
    (ours,) = shop.calm()
    assert "scaled with stack_service since revision" in ours

    # A stranger changes something. It is told, in the way of a careful deployment, and put back; the operator's stays.
    node = shop.bed.node("m1")
    before = shop.running()["web"]
    node.cli(["docker", "service", "update", "--detach", "--env-add", "RELEASE=hand", f"{shop.stack}_web"])
    wait_for(
        "the stranger's change",
        lambda: shop.release() == ("RELEASE=hand", 3) and not shop.running()["web"] & before,
        120,
    )
    seen = shop.core.drift()
    assert [drift["name"] for drift in seen["drift"]] == [f"{shop.stack}_web"] and len(seen["ours"]) == 1
    with pytest.raises(StackwrightError) as refused:
        shop.core.deploy(shop.file("3", 3), **OPTIONS, on_drift="fail")
    assert "RELEASE" in str(refused.value) and shop.release() == ("RELEASE=hand", 3)
    shop.step(lambda core, **more: core.drift(heal=True, **OPTIONS, **more))
    assert shop.release() == ("RELEASE=1", 3) and len(shop.calm()) == 1

    # The file decides again. Then a service that comes first in the alphabet takes the port of another.
    shop.deploy(shop.file("3", 3))
    assert shop.release() == ("RELEASE=3", 2)
    done = shop.deploy(shop.file("3", 3, port="edge"))
    # The one that gives belongs to a later wave: an extra step takes the port away first.
    assert keys(done) == ["edge", "web", "web"]

    # A volume that exists keeps its options: it is said, and the data is there. A manager sees its own node's volumes.
    if len(shop.bed.nodes) == 1:
        shop.found = [f"volume_differs volume {shop.stack}_data"]
    changed = {"port": "edge", "volume": {"driver_opts": {"type": "none", "o": "bind", "device": "/srv"}}}
    done = shop.deploy(shop.file("3", 3, **changed))
    assert any(f"of the volume {shop.stack}_data changed in the file" in notice for notice in done["notices"])
    assert shop.data("schema") == ["3"]

    # A network that changed is replaced, and the old one goes.
    changed["network"] = {"internal": True}
    done = shop.deploy(shop.file("3", 3, **changed), recreate=True)
    assert [network["Internal"] for network in shop.swarm.objects("networks")] == [True]
    assert set(shop.history()) == {"HEALTHY", "FAILED"} and shop.history().count("FAILED") == 1

    cleaned_up(shop)


def cleaned_up(shop):
    """All of it goes, from every node, by the real module."""
    hosts = {name: node.docker_host for name, node in shop.bed.nodes.items()}
    player = Player(shop.folder, hosts)
    task = {"stack_cleanup": {"name": shop.stack, "volumes": True}}
    announced, done, again = player.play(task, check=True), player.play(task), player.play(task)
    removed = [
        sorted((item["kind"], item["name"], item["node"]) for result in run.of() for item in result["removed"])
        for run in (announced, done, again)
    ]
    assert [run.code for run in (announced, done, again)] == [0, 0, 0], done.output + again.output
    assert removed[0] == removed[1] != [] and removed[2] == []
    assert shop.swarm.leftovers() == []
