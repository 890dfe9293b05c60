"""What is not a deployment, disturbed at every call: rollback, healing, changes of one service or of values, clean-up.

By default each call meets one fault, of another kind from call to call; all faults at all calls with
STACKWRIGHT_LONG=1. Each ends as it was, as desired, or is repaired by the next run.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import operations
from cases import AS_BEFORE, AT_ONCE, HANG, MENDED, NAMELESS
from proxy import FAULTS, GONE, HANGS, Fault, Proxy
from stacks import one_by_one
from stage import SECRET, Stage
from test_every_call import LONG


class Disturbed:
    """Faults at the calls of one operation; ``ends`` counts how the cases ended."""

    def __init__(self, operation, proxy):
        self.operation, self.proxy, self.stage = operation, proxy, operation.stage
        self.ends = Counter()

    def case(self, fault):
        """Tries one case; False where the run had ended before the fault's call came."""
        operation = self.operation
        operation.prepare()
        before = self.stage.state()
        self.proxy.plan(fault)
        how = {"timeout": 10.0, "patience": 3.0}
        if fault.kind == HANGS:
            how["timeout"], fault.seconds = HANG, 2 * HANG
        if fault.kind == GONE:
            how["patience"] = 0.1
        ended = operation.run(self.proxy.docker_host, child=True, **how)
        what = f"{fault.kind} at {fault.hit}"
        assert SECRET not in ended.told, f"{what} gives a secret away"
        assert "Traceback" not in ended.told, what
        if fault.hit is None:
            assert ended.error is None, ended.told
            assert operation.reached()
            return False
        way = AT_ONCE
        if ended.result is not None:
            assert operation.reached(), f"{what}: a run says that it did, and did not"
            assert not self.stage.locks() or fault.kind == GONE, f"{what}: a lock stays after a run that ended well"
        else:
            assert ended.error is None or ended.error["code"] not in NAMELESS, (what, ended.error)
            way = AS_BEFORE if self.stage.state() == before and not operation.reached() else MENDED
        if way != AT_ONCE or self.stage.locks():
            again = operation.run()
            assert again.error is None, f"{what} ({ended.told[:500]}): the next run does not mend it: {again.error}"
            assert operation.reached(), f"{what}: the next run does not mend it: {again.told}"
        self.clean(what)
        self.ends[way] += 1
        return True

    def clean(self, what):
        assert self.stage.locks() == [], f"{what}: a lock stays"
        revisions = self.stage.revisions()
        left = self.operation.leftovers()
        assert left == [], f"{what}: {left} beside {[r.shown() for r in revisions]}"
        assert not [r for r in revisions if r.damaged], what
        assert not [r for r in revisions if r.status in ("QUEUED", "DEPLOYING")], f"{what}: not settled"
        if self.operation.stays:
            self.stage.is_calm(what)


@pytest.fixture
def disturbed(bed, swarm, tmp_path, record_property):
    """``disturbed(kind of operation)``; what it came to is in the report at the end."""
    made = []

    def make(kind):
        node = bed.node("m1")
        stage = Stage(node, swarm.name, tmp_path / "stack", one_by_one(bed.images["busybox"]))
        made.append(Disturbed(kind(stage), Proxy(node.socket, tmp_path / "p.sock")))
        return made[-1]

    yield make
    for done in made:
        done.proxy.close()
        for ended, count in done.ends.items():
            record_property(f"faults: {ended}", count)


KINDS = [
    operations.Rollback,
    operations.Heal,
    operations.Scale,
    operations.Restart,
    operations.BackOne,
    operations.Regenerate,
    operations.Remove,
    operations.Cleanup,
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_at_every_call(kind, disturbed):
    some = disturbed(kind)
    # Which fault a call meets is chance from version to version, as the number of calls changes; in one it is fixed.
    for turn in FAULTS if LONG else FAULTS[:1]:
        number = 0
        while True:
            number += 1
            fault = FAULTS[(number + FAULTS.index(turn)) % len(FAULTS)]
            if not some.case(Fault.at(number, fault)):
                break
        assert number > 3
