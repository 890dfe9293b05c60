"""What must never happen, whatever the Swarm does: walks of a small model of it, looked at with the gate."""

import sys
from pathlib import Path

from hypothesis import given, settings
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


def walk(steps, old=()):
    """Pairs of (seconds, slots, verdict), until the gate has made up its mind."""
    gate, now = Gate(LIMITS, 0.0, Before(frozenset(old)), {"web": False}), 0.0
    slots = [Slot(1), Slot(2)]
    for seconds, acts in steps:
        now += seconds
        for slot, what in zip(slots, acts):
            slot.act(what)
        texts = [text for slot in slots for text in slot.listed()]
        texts += [f"web.1 {name} failed/shutdown long ago" for name in old]
        tasks = [task(text, GIVEN, number) for number, text in enumerate(texts)]
        verdict = gate.feed(now, [service("web", GIVEN["web"], None)], tasks, [])
        yield now, slots, verdict
        if verdict.state != WAITING:
            return


@settings(max_examples=300, deadline=None, database=None)
@given(steps)
def test_it_passes_only_what_runs_and_has_run_for_long_enough(steps):
    good_since = None
    for now, slots, verdict in walk(steps):
        names = [slot.tasks[-1][0] for slot in slots]
        good = all(slot.state == "running" for slot in slots)
        if not good or (good_since and good_since[1] != names):
            good_since = None
        if good and good_since is None:
            good_since = (now, names)
        if verdict.state == PASSED:
            assert good
            assert now - good_since[0] >= LIMITS.stable_for
        elif good and now - good_since[0] >= LIMITS.stable_for:
            assert verdict.state == FAILED, "it runs and is stable, and the gate does not say so"


@settings(max_examples=300, deadline=None, database=None)
@given(steps)
def test_it_fails_just_those_that_fail_too_often(steps):
    for _now, slots, verdict in walk(steps):
        assert (verdict.state == FAILED) == (max(slot.failures for slot in slots) > LIMITS.max_restarts)


@settings(max_examples=200, deadline=None, database=None)
@given(steps, st.sets(st.sampled_from("abc")))
def test_history_changes_no_verdict(steps, old):
    plain = [(now, verdict.state, verdict.judgements) for now, _slots, verdict in walk(steps)]
    assert [(now, verdict.state, verdict.judgements) for now, _slots, verdict in walk(steps, sorted(old))] == plain


@settings(max_examples=200, deadline=None, database=None)
@given(steps)
def test_time_runs_out_only_where_nothing_came_to_run_for_so_long(steps):
    running, moved = set(), 0.0
    for now, slots, verdict in walk(steps):
        new = {slot.number for slot in slots if slot.state == "running"} - running
        if new:
            running |= new
            moved = now
        if verdict.state == TIMED_OUT:
            assert now - moved >= LIMITS.timeout
        elif verdict.state == WAITING and not all(slot.state == "running" for slot in slots):
            assert now - moved < LIMITS.timeout


@settings(max_examples=200, deadline=None, database=None)
@given(steps)
def test_people_never_wait_in_silence_and_are_told_nothing_twice(steps):
    lines, last = Lines(0.0), 0.0
    shown = []
    for now, _slots, verdict in walk(steps):
        told = lines.tell(now, verdict, {})
        if told:
            last = now
        assert now - last < QUIET
        news = [line for line in told if not line.startswith("waiting")]
        assert not (news and shown and news == shown[-1:])
        shown += news
