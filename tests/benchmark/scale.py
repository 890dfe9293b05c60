"""A service from 1 to 3 tasks by stack_service: python tests/benchmark/scale.py [ROUNDS] [ENGINE]

The module's own share is its whole time without that of the Swarm. The Swarm's begins when it takes the update, and ends
when the managers tell that the last task runs. A second process sees both: it asks for the service until its index
moves, and then for the tasks, every 10 ms. ``stable_for`` is 0: a time for which the user wants to wait is nobody's share.
What is left: observing, planning, lock and history before the update; noticing, and giving the lock back after it.

"Bare" is the same by the Engine API alone: one call, and the same observer. The difference of the whole times is what
all our calls, the gate and the lock cost beside it.
"""

import multiprocessing
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from return_delay import QUIET, desired, of_stack
from testbed import Bed

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.service import change_service
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, remove_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection

TARGET = 0.2  # seconds
STACK = "delay"
EVERY = 0.01  # seconds between two looks of the observer
WANTED = 3


def watch(host: str, ready: object, found: object) -> None:
    """Puts into ``found`` when the update was taken, and when the managers told that all tasks run."""
    client = EngineClient(Connection(docker_host=host))
    (service,) = of_stack(client, "/services")
    path, old = f"/services/{service['ID']}", service["Version"]["Index"]
    query = {"filters": {"service": [service["ID"]]}}
    ready.set()
    while client.get(path)["Version"]["Index"] == old:
        time.sleep(EVERY)
    taken = time.time()
    # Tasks of the round before may still be on their way out.
    while sum({t["Status"]["State"], t["DesiredState"]} == {"running"} for t in client.list("/tasks", query)) < WANTED:
        time.sleep(EVERY)
    found.put((taken, time.time()))


def observed(host: str, change: object) -> tuple:
    """(before the update, the Swarm's time, after it) in seconds of one change."""
    ready, found = multiprocessing.Event(), multiprocessing.Queue()
    watcher = multiprocessing.Process(target=watch, args=(host, ready, found))
    watcher.start()
    ready.wait()
    start = time.time()
    change()
    end = time.time()
    taken, told = found.get(timeout=60)
    watcher.join()
    return taken - start, told - taken, end - told


def by_module(host: str) -> None:
    client = EngineClient(Connection(docker_host=host))
    options = {"service": "web", "state": "scaled", "replicas": WANTED, "stable_for": 0.0, "timeout": 60}
    change_service(client, SystemClock(), STACK, options)


def bare(host: str) -> None:
    client = EngineClient(Connection(docker_host=host))
    (service,) = of_stack(client, "/services")
    spec = {**service["Spec"], "Mode": {"Replicated": {"Replicas": WANTED}}}
    client.post(f"/services/{service['ID']}/update", {"version": service["Version"]["Index"]}, spec)


def main(rounds: int, engine: str) -> None:
    with Bed.up("scale", engine) as bed:
        host, image = bed.node("m1").docker_host, bed.images["busybox"]
        client = EngineClient(Connection(docker_host=host))
        shares, befores, afters, swarms, alone = [], [], [], [], []
        for _round in range(rounds):
            for change in (by_module, bare):
                state = desired(image, {"web": {"command": QUIET, "deploy": {"endpoint_mode": "dnsrr"}}})
                deploy_stack(client, SystemClock(), state, {"resolve_image": "never", "stable_for": 0.0, "timeout": 60})
                before, swarm, after = observed(host, lambda change=change: change(host))
                if change is bare:
                    alone.append(swarm)
                    continue
                befores.append(before)
                swarms.append(swarm)
                afters.append(after)
                shares.append(before + after)
        remove_stack(client, SystemClock(), STACK, {})
        middle = statistics.median(shares)
        print(
            f"scale from 1 to {WANTED}, {engine}, median of {rounds}: own share {middle * 1000:.0f} ms "
            f"(worst {max(shares) * 1000:.0f} ms; before the update {statistics.median(befores) * 1000:.0f} ms, after the last task "
            f"{statistics.median(afters) * 1000:.0f} ms), the Swarm's {statistics.median(swarms) * 1000:.0f} ms "
            f"(with the bare API {statistics.median(alone) * 1000:.0f} ms); "
            f"target {TARGET * 1000:.0f} ms: {'met' if middle < TARGET else 'MISSED'}"
        )


if __name__ == "__main__":
    main(int((sys.argv[1:] + ["10"])[0]), (sys.argv[2:] + ["20.10"])[0])
