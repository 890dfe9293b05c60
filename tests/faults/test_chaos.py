"""Nodes that die, are cut off or start again in the middle of a deployment.

The deployment ends well or is rolled back, or the next run completes it; no lock stays.
On one node only the engine's restart; the others want three managers (STACKWRIGHT_TEST_NODES=3 or more).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import stage as staging
from cases import AT_ONCE, Cases
from stacks import slow_writer
from stage import Stage, finish, start
from testbed import BedError
from testbed.commands import wait_for

THREE = "three managers are needed: STACKWRIGHT_TEST_NODES=3"


@pytest.fixture
def managers(bed):
    found = [name for name, node in bed.nodes.items() if node.role == "manager"]
    if len(found) < 3:
        pytest.skip(THREE)
    return found


@pytest.fixture
def whole(bed):
    """Whatever a test does to the bed is mended at its end."""
    yield
    mend(bed)


@pytest.fixture
def story(bed, swarm, whole, tmp_path, record_property):
    """A stack of which two generations have run."""
    cases = Cases(Stage(bed.node("m1"), swarm.name, tmp_path / "stack", slow_writer(bed.images["busybox"])), None)
    yield cases
    for ended, count in cases.ends.items():
        record_property(f"faults: {ended}", count)


def mend(bed):
    for name, node in bed.nodes.items():
        node.heal()
        if not node.is_up:
            bed.start(name)
    bed.wait_ready(seconds=120)


def leader_of(bed, through):
    nodes = bed.node(through).api("GET", "/nodes")
    return next(n["Description"]["Hostname"] for n in nodes if (n.get("ManagerStatus") or {}).get("Leader"))


class Middle:
    """A run of the next generation through a manager, which has come to its first service and waits for it."""

    def __init__(self, bed, cases, through, **options):
        self.bed, self.cases = bed, cases
        cases.generation += 1
        cases.stage.node = bed.node(through)
        self.before = cases.stage.state()
        job = cases.stage.job(cases.generation, bed.node(through).docker_host)
        job["options"] = {"timeout": 60, **options}
        self.run = start(job)
        wait_for("the deployment to be in its middle", self._is_there, 60)

    def _is_there(self):
        services = self.cases.stage._list("services")
        return any(f"MARK=generation-{self.cases.generation}" in str(service["Spec"]) for service in services)

    def db_node(self):
        """The node on which the service that is waited for runs."""

        def placed():
            tasks = self.cases.stage._list("tasks")
            nodes = [t.get("NodeID") for t in tasks if t["DesiredState"] == "running" and _mark(t) == self._mark()]
            return [node for node in nodes if node]

        wanted = wait_for("the task to be placed", placed, 30)[0]
        nodes = self.cases.stage.node.api("GET", "/nodes")
        return next(n["Description"]["Hostname"] for n in nodes if n["ID"] == wanted)

    def _mark(self):
        return f"MARK=generation-{self.cases.generation}"

    def ends(self, through=None, what=""):
        """The run's end, and after it, where need be, the next run through another manager."""
        cases = self.cases
        ended = finish(*self.run, seconds=240)
        mend(self.bed)
        if through:
            cases.stage.node = self.bed.node(through)
        if ended.error is not None:
            assert ended.error["code"] not in ("", "error"), ended.error
            assert staging.SECRET not in ended.told
        settled = wait_for("the swarm to be read", lambda: cases.stage.state() is not None, 60)
        assert settled
        way = AT_ONCE if ended.result is not None else cases.judge(ended, self.before, what)
        cases.next_run(f"{what}: {(ended.error or {}).get('text')}")
        cases.is_clean(what)
        cases.ends[way] += 1
        return ended


def _mark(task):
    marks = [entry for entry in task["Spec"]["ContainerSpec"].get("Env") or [] if entry.startswith("MARK=")]
    return marks[0] if marks else ""


def test_the_leader_is_killed(bed, managers, story):
    leader = leader_of(bed, managers[0])
    other = next(name for name in managers if name != leader)
    middle = Middle(bed, story, other)
    bed.kill(leader)
    middle.ends(what="leader killed")


def test_the_manager_through_which_it_goes_is_killed_and_another_goes_on(bed, managers, story):
    leader = leader_of(bed, managers[0])
    through, other = (name for name in managers if name != leader)
    # As if the run had been on that manager: others can't know that its process has ended.
    middle = Middle(bed, story, through)
    bed.kill(through)
    ended = finish(*middle.run, seconds=240)
    assert ended.error is not None, ended.told
    # It could not even put the stack back: whichever is found first, the cause or that, both say what it is.
    assert ended.error["code"] in ("daemon_unreachable", "rollback_failed", "lock_lost"), ended.told
    assert "No Engine answers" in ended.error["text"], ended.told
    story.stage.node = bed.node(other)
    story.next_run("through another manager while the first is down")
    story.ends["completed through another manager"] += 1
    mend(bed)
    story.is_clean("after the manager has come back")


def test_the_node_on_which_a_task_starts_is_lost(bed, managers, story):
    leader = leader_of(bed, managers[0])
    middle = Middle(bed, story, leader)
    lost = middle.db_node()
    if lost == leader:
        bed.node(lost).partition()
    else:
        bed.kill(lost)
    middle.ends(what=f"{lost} lost")


def test_the_manager_through_which_it_goes_is_cut_off_for_a_while(bed, managers, story):
    leader = leader_of(bed, managers[0])
    through = next(name for name in managers if name != leader)
    middle = Middle(bed, story, through)
    bed.node(through).partition()
    wait_for("the manager to notice", lambda: not _has_leader(bed.node(through)), 60)
    bed.node(through).heal()
    middle.ends(what="cut off for a while")


def test_the_manager_through_which_it_goes_stays_cut_off(bed, managers, story):
    leader = leader_of(bed, managers[0])
    through, other = (name for name in managers if name != leader)
    middle = Middle(bed, story, through)
    bed.node(through).partition()
    middle.ends(through=other, what="cut off for good")


def _has_leader(node):
    try:
        node.api("GET", "/services", timeout=5)
        return True
    except (BedError, OSError):
        return False


def test_the_engine_starts_again(bed, story):
    middle = Middle(bed, story, "m1")
    bed.kill("m1")
    bed.start("m1")
    middle.ends(what="engine restarted")
