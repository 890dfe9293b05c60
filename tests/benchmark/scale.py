"""A service from 1 to 3 tasks by stack_service: python tests/benchmark/scale.py [ROUNDS] [ENGINE]

The module's own share is its whole time without that of the Swarm. The Swarm's begins when it takes the update, and
ends when the managers tell that the last task runs. A second process sees both: it asks for the service until its index
moves, and then for the tasks, every 10 ms. ``stable_for`` is 0: a time for which the user wants to wait is nobody's.
What is left: loading the code, observing, planning, lock and history before the update; noticing, and giving the lock
back after it.

As on a manager, the code is read from a zip file that has nothing compiled, by a process of its own. Its time begins
when Python and Ansible's own part of a module are there. Loading counts in CPU time, since it waits for nothing else.

"Bare" is the same by the Engine API alone: one call, and the same observer. The difference of the whole times is what
all our calls, the gate and the lock cost beside it.
"""

import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from return_delay import QUIET, ROOT, desired, of_stack
from testbed import Bed

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, remove_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
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
    """(loading, before the update, the Swarm's time, after it) in seconds of one change."""
    ready, found = multiprocessing.Event(), multiprocessing.Queue()
    watcher = multiprocessing.Process(target=watch, args=(host, ready, found))
    watcher.start()
    ready.wait()
    loading, start, end = change(host)
    taken, told = found.get(timeout=60)
    watcher.join()
    return loading, taken - start, told - taken, end - told


MODULE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from ansible.module_utils import basic
began = time.process_time()
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import run_change as run, stack
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy import apply, run
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import service
from ansible_collections.stackwright.swarm.plugins.module_utils.gate import wait
from ansible_collections.stackwright.swarm.plugins.module_utils.core import clock
from ansible_collections.stackwright.swarm.plugins.module_utils.engine import client, connection, unix
took, start = time.process_time() - began, time.time()
options = {"service": "web", "state": "scaled", "replicas": int(sys.argv[4]), "stable_for": 0.0, "timeout": 60}
engine = client.EngineClient(connection.Connection(docker_host=sys.argv[2]))
service.change_service(engine, clock.SystemClock(), sys.argv[3], options)
print(took, start, time.time())
"""


def payload(folder: str) -> str:
    """A zip file with the code, as Ansible ships it."""
    path = f"{folder}/payload.zip"
    top = "ansible_collections/stackwright/swarm/"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in ("ansible_collections", "ansible_collections/stackwright", top[:-1], f"{top}plugins"):
            archive.writestr(f"{package}/__init__.py", "")
        for file in (ROOT / "plugins" / "module_utils").rglob("*.py"):
            archive.write(file, top + str(file.relative_to(ROOT)))
    return path


def by_module(host: str) -> list:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", MODULE, payload(folder), host, STACK, str(WANTED)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def bare(host: str) -> list:
    start = time.time()
    client = EngineClient(Connection(docker_host=host))
    (service,) = of_stack(client, "/services")
    spec = {**service["Spec"], "Mode": {"Replicated": {"Replicas": WANTED}}}
    client.post(f"/services/{service['ID']}/update", {"version": service["Version"]["Index"]}, spec)
    return [0.0, start, time.time()]


def main(rounds: int, engine: str) -> None:
    with Bed.up("scale", engine) as bed:
        host, image = bed.node("m1").docker_host, bed.images["busybox"]
        client = EngineClient(Connection(docker_host=host))
        parts, alone = [], []
        for _round in range(rounds):
            for change in (by_module, bare):
                state = desired(image, {"web": {"command": QUIET, "deploy": {"endpoint_mode": "dnsrr"}}})
                deploy_stack(client, SystemClock(), state, {"resolve_image": "never", "stable_for": 0.0, "timeout": 60})
                found = observed(host, change)
                if change is bare:
                    alone.append(found[2])
                else:
                    parts.append(found)
        remove_stack(client, SystemClock(), STACK, {})
        shares = [loading + before + after for loading, before, _swarm, after in parts]
        middle = statistics.median(shares)
        loading, before, swarm, after = (statistics.median(part) * 1000 for part in zip(*parts))
        print(
            f"scale from 1 to {WANTED}, {engine}, median of {rounds}: own share {middle * 1000:.0f} ms "
            f"(best {min(shares) * 1000:.0f}, worst {max(shares) * 1000:.0f}): loading {loading:.0f} ms, "
            f"before the update {before:.0f} ms, after the last task {after:.0f} ms; the Swarm's {swarm:.0f} ms "
            f"(with the bare API {statistics.median(alone) * 1000:.0f} ms); "
            f"target {TARGET * 1000:.0f} ms: {'met' if middle < TARGET else 'MISSED'}"
        )


if __name__ == "__main__":
    main(int((sys.argv[1:] + ["10"])[0]), (sys.argv[2:] + ["20.10"])[0])
