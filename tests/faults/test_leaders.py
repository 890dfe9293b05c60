"""Leaders that are killed while services are updated: no update fails as somebody else's change.

Wants three managers (STACKWRIGHT_TEST_NODES=3).
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from stage import Stage, finish, start
from test_chaos import leader_of, managers, mend, whole
from testbed.commands import wait_for

__all__ = ["managers", "whole"]

ROUNDS = 3
SERVICES = 12


def many(image):
    """A stack of many services that are quick to update, so that the leader dies in the middle of an update."""

    def write(generation, broken=False):
        del broken
        service = f"    image: {image}\n    command: [sleep, '1000000']\n    init: true\n    stop_grace_period: 1s\n"
        service += f"    environment: {{MARK: 'generation-{generation}'}}\n    deploy: {{replicas: 0}}\n"
        services = "".join(f"  s{number:02d}:\n{service}" for number in range(SERVICES))
        return f"services:\n{services}configs:\n  page:\n    content: 'page {generation}'\n"

    return write


def test_leaders_that_are_killed_while_services_are_updated(bed, managers, swarm, whole, tmp_path, record_property):
    stage = Stage(bed.node(managers[0]), swarm.name, tmp_path / "stack", many(bed.images["busybox"]))
    first = stage.deploy(1)
    assert first.error is None, first.told
    ended = {"at once": 0, "with an error": 0}
    for generation in range(2, 2 + ROUNDS):
        leader = leader_of(bed, managers[0])
        through = next(name for name in managers if name != leader)
        stage.node = bed.node(through)
        run = start(stage.job(generation, bed.node(through).docker_host))
        mark = f"MARK=generation-{generation}"
        wait_for(
            "some services to be updated", lambda mark=mark: any(mark in text for text in stage.state().values()), 60
        )
        bed.kill(leader)
        done = finish(*run, seconds=240)
        mend(bed)
        if done.error is not None:
            assert done.error["code"] != "out_of_sequence", done.told
            assert "Another client" not in done.error["text"], done.told
        ended["with an error" if done.error else "at once"] += 1
        again = stage.deploy(generation)
        assert again.error is None, again.told
        assert sum(mark in text for text in stage.state().values()) == SERVICES
    for how, count in ended.items():
        record_property(f"faults: {how}", count)
    assert ended["at once"] >= 1, "no run got over the death of its leader"
