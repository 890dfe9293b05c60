"""A deployment that creates, changes and removes services, configs, secrets and networks, disturbed at every call.

By default each call meets one fault of every class (which one changes from call to call), of a run that fails only
the later half of the calls, in which the stack is put back; all faults at all calls with STACKWRIGHT_LONG=1.
The run's last lines say how many cases there were and how they ended.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cases import Cases
from proxy import (
    DROPPED,
    FAULTS,
    GONE,
    HANGS,
    KILLED,
    KILLED_AFTER,
    REFUSED,
    SLOW,
    TORN,
    Fault,
    Proxy,
)
from stacks import writer
from stage import Stage

CLASSES = {
    "wrong answer": ("500", "503", "409", "500 after"),
    "no answer": (REFUSED, TORN, DROPPED),
    "late answer": (HANGS, SLOW),
    "killed": (KILLED, KILLED_AFTER),
    "gone for good": (GONE,),
}
LONG = os.environ.get("STACKWRIGHT_LONG") == "1"
if LONG:
    CLASSES = {kind: (kind,) for kind in FAULTS}
assert {kind for kinds in CLASSES.values() for kind in kinds} == set(FAULTS)


@pytest.fixture
def cases(bed, swarm, tmp_path, record_property):
    """``cases(awake, broken)``; what they came to is in the report at the end."""
    made = []

    def make(awake, broken):
        node = bed.node("m1")
        # A port of its own for each bed and run: a run that was ended by force leaves its holder.
        port = 30000 + int.from_bytes(os.urandom(2), "big") % 2000
        if broken and not awake:
            node.api("POST", "/services/create", holder(f"{swarm.name}x", port, bed.images["busybox"]))
        proxy = Proxy(node.socket, tmp_path / "p.sock")
        stage = Stage(node, swarm.name, tmp_path / "stack", writer(bed.images["busybox"], awake, port))
        made.append((proxy, Cases(stage, proxy, broken)))
        return made[-1][1]

    yield make
    for proxy, done in made:
        proxy.close()
        for ended, count in done.ends.items():
            record_property(f"faults: {ended}", count)


def holder(name, port, image):
    """Another stack's service, asleep, that has taken a port."""
    return {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": image}},
        "Mode": {"Replicated": {"Replicas": 0}},
        "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": port}]},
    }


@pytest.mark.parametrize("broken", [False, True], ids=["succeeds", "fails"])
@pytest.mark.parametrize("kinds", CLASSES)
def test_at_every_call(kinds, broken, cases):
    some = cases(awake=False, broken=broken)
    # Half of the calls before a failure are those of a run that succeeds, and have been disturbed there.
    number = len(some.measure()) // 2 if broken and not LONG else 0
    start = number
    while True:
        number += 1
        kind = CLASSES[kinds][number % len(CLASSES[kinds])]
        if not some.disturb(Fault.at(number, kind)):
            break
    assert number - start > 15
