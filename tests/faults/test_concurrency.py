"""Many deployments at once, each in a process of its own: of one stack, and of different ones.

On three nodes twenty, through three managers in turn; on one node fewer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stacks import writer
from stage import Stage, finish, start

#: How many at once, by the number of managers.
MANY = {1: 6, 3: 20}
PATIENT = {"lock_timeout": 400, "keep_revisions": 100, "timeout": 120}


@pytest.fixture
def managers(bed):
    return [node for node in bed.nodes.values() if node.role == "manager"]


def run_all(jobs):
    """All at once; how each ended."""
    started = [start(job) for job in jobs]
    return [finish(*one, seconds=500) for one in started]


def test_of_one_stack_none_is_interleaved_and_none_is_lost(bed, swarm, managers, tmp_path, record_property):
    many = MANY[len(managers)]
    write = writer(bed.images["busybox"], awake=len(managers) > 1)
    stages = [Stage(bed.node("m1"), swarm.name, tmp_path / str(number), write) for number in range(many)]
    stage = stages[0]
    wanted = {number: f"run {number}" for number in range(1, many + 1)}
    jobs = []
    for number, (mine, message) in enumerate(zip(stages, wanted.values()), start=1):
        manager = managers[number % len(managers)]
        job = mine.job(number, manager.docker_host)
        job["options"] = {**PATIENT, "commit_message": message}
        jobs.append(job)
    ended = run_all(jobs)
    assert [one.error for one in ended if one.error] == []

    revisions = sorted(stage.revisions(), key=lambda r: r.number)
    assert sorted(r.message for r in revisions) == sorted(wanted.values()), "each has its revision"
    assert {r.status for r in revisions} <= {"HEALTHY", "CANCELLED"}, [(r.number, r.status) for r in revisions]
    done = [r for r in revisions if r.status == "HEALTHY"]
    assert all(0 < r.queued <= r.started <= r.finished for r in done), [r.shown() for r in done]
    in_order = sorted(done, key=lambda r: r.started)
    gaps = [later.started - earlier.finished for earlier, later in zip(in_order, in_order[1:])]
    assert min(gaps, default=0) >= 0, f"interleaved: {gaps}"

    last = in_order[-1]
    generation = int(last.message.split()[1])
    seen = stage.alike(generation)
    assert not stage.locks()
    assert stage.orphans() == []
    again = stage.deploy(generation, options={"keep_revisions": 100})
    assert again.result is not None and not again.result["changed"], again.told
    assert stage.alike(generation) == seen
    # What one run alone makes of it.
    other = (generation + 1) % many + 1
    for turn in (other, generation):
        alone = stages[turn - 1].deploy(turn)
        assert alone.error is None, alone.told
    assert stage.alike(generation) == seen
    record_property("faults: of one stack at once without interleaving or loss", many)


def test_of_different_stacks_all_get_through(bed, swarm, managers, tmp_path, record_property):
    many = MANY[len(managers)]
    write = writer(bed.images["busybox"], awake=False)
    stages = [Stage(bed.node("m1"), f"{swarm.name}-{number}", tmp_path / str(number), write) for number in range(many)]
    for generation in (1, 2):
        jobs = [s.job(generation, managers[number % len(managers)].docker_host) for number, s in enumerate(stages)]
        for job in jobs:
            job["options"] = dict(PATIENT)
        assert [one.error for one in run_all(jobs) if one.error] == []
        for stage in stages:
            assert not stage.locks() and stage.orphans() == [] and stage.asleep_or_running() == []
            assert [r.status for r in stage.revisions()] == ["HEALTHY"] * generation
            again = stage.deploy(generation)
            assert again.result is not None and not again.result["changed"], again.told
    record_property("faults: different stacks at once", many)
