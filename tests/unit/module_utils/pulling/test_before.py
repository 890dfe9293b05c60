"""The run of pulls on a fake Swarm: the limit of parallel pulls, all failures in one error, no job left."""

import copy
import itertools
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "deploy")]

from fake_clock import Clock
from test_jobs import node, operation

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.pulling.before import Around, pull_before, remove_left

NODES = ("n1", "n2", "n3")


class Swarm:
    """A Swarm whose jobs end after ``turns`` reads of the tasks; ``bad`` maps (image, node) or an image to an error."""

    def __init__(self, turns=2, bad=(), hang=()):
        self.jobs, self.numbers, self.turns, self.bad, self.hang = {}, itertools.count(1), turns, dict(bad), hang
        self.most, self.created, self.errors, self.nodes = 0, [], [], [node(name) for name in NODES]
        self.answers, self.headers = {}, []

    def list(self, path, query=None):
        if path == "/nodes":
            return copy.deepcopy(self.nodes)
        assert query == {"filters": {"label": ["stackwright.pull=shop"]}}
        if path == "/services":
            return [{"ID": key, "Spec": job["spec"]} for key, job in self.jobs.items()]
        for job in self.jobs.values():
            job["looks"] += 1
        return [self._task(key, job) for key, job in self.jobs.items()]

    def _task(self, key, job):
        spec = job["spec"]["TaskTemplate"]
        image, where = spec["ContainerSpec"]["Image"], spec["Placement"]["Constraints"][0].partition("==")[2]
        if job["looks"] < self.turns or image in self.hang:
            return {"ServiceID": key, "Status": {"State": "preparing"}}
        said = self.bad.get((image, where)) or self.bad.get(image)
        if said:
            return {"ServiceID": key, "Status": {"State": "rejected", "Err": said}}
        return {"ServiceID": key, "Status": {"State": "failed", "ContainerStatus": {"ContainerID": "c"}}}

    def create(self, path, body, headers=None):
        assert path == "/services/create"
        key = f"job{next(self.numbers)}"
        self.headers.append(headers)
        self.jobs[key] = {"spec": body, "looks": 0}
        self.created.append(body["TaskTemplate"]["ContainerSpec"]["Image"])
        self.most = max(self.most, len(self.jobs))
        if self.errors:
            raise self.errors.pop()
        return key

    def delete(self, path):
        del self.jobs[path.rpartition("/")[2]]
        return True

    def get(self, path, headers=None, timeout=None):
        answer = self.answers.get(path, EngineError("manifest unknown", "engine_error", status=500))
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(swarm, *images, at_once=4, timeout=60.0, lines=None):
    told = [] if lines is None else lines
    around = Around(swarm, Clock(), "shop", lambda image: f"login of {image}", told.append, lambda: None)
    pull_before(around, [operation(f"s{number}", image) for number, image in enumerate(images)], at_once, timeout)


@pytest.mark.parametrize("at_once", [1, 2, 5], ids=str)
def test_at_most_so_many_at_once_and_all_of_them(at_once):
    swarm, lines = Swarm(), []
    run(swarm, "r/a:1", "r/b:1", at_once=at_once, lines=lines)
    assert swarm.most == at_once and sorted(swarm.created) == ["r/a:1"] * 3 + ["r/b:1"] * 3 and not swarm.jobs
    assert lines == ["pulling 2 images on 3 nodes before the first change", "pulled r/a:1", "pulled r/b:1"]
    assert swarm.headers[0] == {"X-Registry-Auth": "login of r/a:1"}


def test_all_that_fails_is_in_one_error_and_an_image_that_is_missing_is_asked_of_few_nodes():
    swarm = Swarm(bad={"r/b:1": "No such image: r/b:1", ("r/c:1", "id-n2"): "no space left"})
    swarm.answers["/distribution/r/c:1/json"] = {"Descriptor": {"digest": "sha256:0"}}
    with pytest.raises(DeployError) as caught:
        run(swarm, "r/a:1", "r/b:1", "r/c:1", at_once=1)
    error = caught.value
    assert error.error_code == "image_not_found" and not swarm.jobs
    assert [(one["service"], one["image"], one["node"]) for one in error.details["failures"]] == [
        ("shop_s1", "r/b:1", "n1"),
        ("shop_s2", "r/c:1", "n2"),
    ]
    assert error.message.splitlines() == [
        "2 images of the stack shop could not be pulled, and nothing was changed:",
        "  shop_s1: r/b:1 on node n1: No such image: r/b:1",
        "  shop_s2: r/c:1 on node n2: no space left",
    ]
    assert swarm.created.count("r/b:1") == 1


def test_an_image_that_the_registry_has_is_a_matter_of_the_node():
    swarm = Swarm(bad={"r/a:1": "No such image: r/a:1"})
    swarm.answers["/distribution/r/a:1/json"] = {"Descriptor": {"digest": "sha256:0"}}
    with pytest.raises(DeployError) as caught:
        run(swarm, "r/a:1")
    assert caught.value.error_code == "image_not_pulled" and "disk space" in caught.value.hint


def test_a_pull_without_an_end_is_given_up():
    swarm = Swarm(hang=["r/b:1"])
    with pytest.raises(DeployError) as caught:
        run(swarm, "r/a:1", "r/b:1", timeout=30.0)
    assert caught.value.error_code == "timeout" and not swarm.jobs
    assert {one["image"] for one in caught.value.details["failures"]} == {"r/b:1"}


def test_a_node_that_is_lost_meanwhile_is_left_out():
    swarm, lines = Swarm(turns=3), []
    listed = swarm.list

    def lost(path, query=None):
        if path == "/tasks":
            swarm.nodes[1]["Status"]["State"] = "down"
            swarm.turns = 1_000
        if path == "/tasks" and len(swarm.jobs) == 2:
            swarm.turns = 0
        return listed(path, query)

    swarm.list = lost
    run(swarm, "r/a:1", lines=lines)
    assert "r/a:1 is not pulled on n2: the node no longer takes tasks" in lines and not swarm.jobs


def test_an_answer_that_was_lost_makes_no_second_job():
    swarm = Swarm()
    swarm.errors = [EngineError("the connection broke", "daemon_unreachable")]
    run(swarm, "r/a:1")
    assert swarm.created == ["r/a:1"] * 3 and not swarm.jobs


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(EngineError("no", "permission_denied", status=403), id="refused"),
        pytest.param(KeyboardInterrupt(), id="interrupt"),
    ],
)
def test_no_job_is_left_after_an_error(error):
    swarm = Swarm()
    made = swarm.create

    def create(path, body, headers=None):
        if len(swarm.jobs) == 2:
            raise error
        return made(path, body, headers)

    swarm.create = create
    with pytest.raises(type(error)):
        run(swarm, "r/a:1")
    assert not swarm.jobs


def test_jobs_of_a_run_that_died_are_removed_first():
    swarm, lines = Swarm(), []
    swarm.create("/services/create", {"TaskTemplate": {"ContainerSpec": {"Image": "r/old:1"}}})
    remove_left(swarm, Clock(), "shop", lines.append)
    assert not swarm.jobs and lines == ["removed 1 job of an interrupted run that pulled images"]
    remove_left(swarm, Clock(), "shop", lines.append)
    assert len(lines) == 1
