"""What lock and history cost a run: in this process, against a real engine, with 10 and 100 services.

    .cache/venv/bin/python tests/benchmark/lock_and_history.py [--prefix NAME] [--engine 20.10] [--rounds 7]

The services have no replicas, so that only our own work is measured. Each round changes one service. The time inside
the methods of Lock and History, and in making and packing the snapshot, is added up; beside it stands the whole run.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "integration")]

from core import Core
from testbed import Bed
from testbed.swarm import StackScope

from ansible_collections.stackwright.swarm.plugins.module_utils.binding import recall
from ansible_collections.stackwright.swarm.plugins.module_utils.locking import lock
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions import history

SERVICE = """
  service-{number}:
    image: busybox:1
    command: ["sleep", "1d"]
    environment: {{ROUND: "{round}", DB_PASSWORD: "secret-{number}", NOISE: "{noise}"}}
    configs: [page]
    deploy: {{replicas: 0}}
"""


class Meter:
    """Adds up the time spent in functions, the outermost of nested ones."""

    def __init__(self) -> None:
        self.spent, self.depth, self.calls = 0.0, 0, 0

    def watch(self, owner: object, name: str) -> None:
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def timed(*args, **kwargs):
            self.depth += 1
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self.depth -= 1
                self.calls += 1
                if not self.depth:
                    self.spent += time.perf_counter() - start

        setattr(owner, name, timed)

    def take(self) -> tuple[float, int]:
        found = (self.spent * 1000, self.calls)
        self.spent, self.calls = 0.0, 0
        return found


def compose(count: int, change: int) -> str:
    services = "".join(
        SERVICE.format(number=n, round=change if n == 0 else 0, noise=f"{n * 7919:032x}") for n in range(count)
    )
    return f"services:{services}configs:\n  page: {{content: 'page {change}'}}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", default="bench")
    parser.add_argument("--engine", default="20.10")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    meter = Meter()
    for name in ("acquire", "keep", "release"):
        meter.watch(lock.Lock, name)
    for name in ("read", "begin", "mark", "settle", "collect", "queue"):
        meter.watch(history.History, name)
    for name in ("snapshot_of", "draft"):
        meter.watch(recall, name)
    bed = Bed.up(options.prefix, options.engine, 1, 0)
    worst = 0.0
    print("| services | run with a change (ms) | of it lock and history (ms) | run without changes (ms) | of it (ms) |")
    print("| --- | --- | --- | --- | --- |")
    for count in (10, 100):
        scope = StackScope(bed, f"bench-{count}")
        scope.remove()
        with tempfile.TemporaryDirectory() as folder:
            core = Core(scope.docker_host, scope.name, Path(folder))
            core.deploy(compose(count, 0), stable_for=0)
            whole, share, same, idle = [], [], [], []
            for number in range(1, options.rounds + 1):
                desired = core.compile(compose(count, number))
                meter.take()
                whole.append(timed(core, desired))
                share.append(meter.take()[0])
                same.append(timed(core, desired))
                spent, calls = meter.take()
                idle.append(spent)
                if calls:
                    print(f"a run without changes has used lock or history {calls} times", file=sys.stderr)
            core.client.close()
        scope.remove()
        values = [statistics.median(each) for each in (whole, share, same, idle)]
        worst = max(worst, values[1])
        print(f"| {count} | {values[0]:.0f} | {values[1]:.1f} | {values[2]:.0f} | {values[3]:.1f} |")
    print(f"worst median share: {worst:.1f} ms (target: at most 60 ms)")
    return 0 if worst <= 60 else 1


def timed(core: Core, desired: dict) -> float:
    from core import deploy_stack

    start = time.perf_counter()
    core._run(deploy_stack, desired, {"stable_for": 0, "poll_interval": 0.05})
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    sys.exit(main())
