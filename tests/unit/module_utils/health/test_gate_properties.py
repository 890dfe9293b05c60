"""What must never happen, whatever the Swarm does: the gate judges random walks of a small model of it."""

import sys
from pathlib import Path
from typing import List, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from test_gate import service, task

from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import (
    FAILED,
    PASSED,
    TIMED_OUT,
    WAITING,
    Before,
    Gate,
    Limits,
    Verdict,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lines import QUIET, Lines

ON_THE_WAY = ("new", "assigned", "preparing", "starting")
GIVEN = {"web": {"replicas": 2}}
LIMITS = Limits(timeout=30, stable_for=2, max_restarts=2)

#: What happens in a step: seconds that pass, and what becomes of each of the two slots.
steps = st.lists(
    st.tuples(st.sampled_from([0.2, 1.0, 3.0]), st.tuples(*[st.sampled_from(["stay", "on", "fail"])] * 2)),
    min_size=1,
    max_size=25,
)


class Slot:
    """One slot of a service: tasks as the Swarm lists them, the newest last."""

    def __init__(self, number):
        self.number, self.tasks, self.failures = number, [], 0
        self.begin()

    def begin(self):
        self.tasks.append([f"{self.number}-{len(self.tasks)}", "new"])

    @property
    def state(self):
        return self.tasks[-1][1]

    def act(self, what):
        if what == "on" and self.state in ON_THE_WAY:
            self.tasks[-1][1] = (*ON_THE_WAY, "running")[ON_THE_WAY.index(self.state) + 1]
        elif what == "fail":
            self.tasks[-1][1] = "failed/shutdown"
            self.failures += 1
            self.begin()

    def listed(self):
        return [f"web.{self.number} {name} {state}" for name, state in self.tasks[-4:]]  # the Swarm forgets


class Look(NamedTuple):
    """One snapshot for the gate, with the two slots' tasks."""

    now: float
    names: List[str]
    states: List[str]
    failures: int
    verdict: Verdict

    @property
    def good(self):
        return self.states == ["running"] * 2


def walk(steps, old=()):
    """The snapshots until the gate's verdict is final."""
    gate, now, looks = Gate(LIMITS, 0.0, Before(frozenset(old)), {"web": False}), 0.0, []
    slots = [Slot(1), Slot(2)]
    for seconds, acts in steps:
        now += seconds
        for slot, what in zip(slots, acts):
            slot.act(what)
        texts = [text for slot in slots for text in slot.listed()]
        texts += [f"web.1 {name} failed/shutdown long ago" for name in old]
        tasks = [task(text, GIVEN, number) for number, text in enumerate(texts)]
        verdict = gate.feed(now, [service("web", GIVEN["web"], None)], tasks, [])
        names, states = [slot.tasks[-1][0] for slot in slots], [slot.state for slot in slots]
        looks.append(Look(now, names, states, max(slot.failures for slot in slots), verdict))
        if verdict.state != WAITING:
            break
    return looks


@settings(max_examples=300, deadline=None, database=None)
@given(steps, st.sets(st.sampled_from("abc")))
# Long walks are rare by chance: nothing comes to run; one slot does, late.
@pytest.mark.slow
@example([(3.0, ("stay", "stay"))] * 25, set())
@example([(3.0, ("stay", "stay"))] * 8 + [(0.2, ("on", "stay"))] * 5 + [(3.0, ("stay", "stay"))] * 12, {"a"})
def test_what_never_happens_in_any_walk(steps, old):
    """All in one test, because the walks take longer than the checks."""
    looks = walk(steps)
    it_passes_only_what_runs_and_has_run_for_long_enough(looks)
    it_fails_just_those_that_fail_too_often(looks)
    time_runs_out_only_where_nothing_came_to_run_for_so_long(looks)
    people_never_wait_in_silence_and_are_told_nothing_twice(looks)
    history_changes_no_verdict(looks, walk(steps, sorted(old)))


def it_passes_only_what_runs_and_has_run_for_long_enough(looks):
    good_since = None
    for look in looks:
        if not look.good or (good_since and good_since[1] != look.names):
            good_since = None
        if look.good and good_since is None:
            good_since = (look.now, look.names)
        if look.verdict.state == PASSED:
            assert look.good
            assert look.now - good_since[0] >= LIMITS.stable_for
        elif look.good and look.now - good_since[0] >= LIMITS.stable_for:
            assert look.verdict.state == FAILED, "it runs and is stable, and the gate does not say so"


def it_fails_just_those_that_fail_too_often(looks):
    for look in looks:
        assert (look.verdict.state == FAILED) == (look.failures > LIMITS.max_restarts)


def history_changes_no_verdict(looks, with_history):
    plain, others = (
        [(one.now, one.verdict.state, one.verdict.judgements) for one in given] for given in (looks, with_history)
    )
    assert others == plain


def time_runs_out_only_where_nothing_came_to_run_for_so_long(looks):
    running, moved = set(), 0.0
    for look in looks:
        new = {number for number, state in enumerate(look.states) if state == "running"} - running
        if new:
            running |= new
            moved = look.now
        if look.verdict.state == TIMED_OUT:
            assert look.now - moved >= LIMITS.timeout
        elif look.verdict.state == WAITING and not look.good:
            assert look.now - moved < LIMITS.timeout


def people_never_wait_in_silence_and_are_told_nothing_twice(looks):
    lines, last = Lines(0.0), 0.0
    shown = []
    for look in looks:
        told = lines.tell(look.now, look.verdict, {})
        if told:
            last = look.now
        assert look.now - last < QUIET
        news = [line for line in told if not line.startswith("waiting")]
        assert not (news and shown and news == shown[-1:])
        shown += news
