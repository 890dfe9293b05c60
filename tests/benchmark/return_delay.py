"""From the moment at which all runs to the return: python tests/benchmark/return_delay.py [ROUNDS] [ENGINE] [CASE]

Three cases, without stable_for, in one process on the engine's own machine, so that both read one clock:

* a first deployment of five services: the last task's Status.Timestamp is what its node says;
* one that comes up late, after a time in which nothing moves: the pauses between two looks have grown by then;
* an update: UpdateStatus.CompletedAt, when Swarm has observed it for long enough.

"Swarm reports" is when the managers knew it: nodes send their reports, and managers write them, in batches. That moment
is taken by a second process, which asks for the tasks every 5 ms.
"""

import json
import multiprocessing
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".cache" / "collections"), str(ROOT / "tests"), str(Path(__file__).parent)]

from testbed import Bed

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, remove_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

TARGET = 0.15  # seconds
STACK = "delay"
QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
LATE = 4  # seconds until the slow one is healthy


def desired(image: str, services: dict) -> dict:
    normal = {"image": image, "command": QUIET, "stop_grace_period": "1s"}
    file = {"services": {name: {**normal, **service} for name, service in services.items()}}
    request = CompileRequest([Source("compose.yml", json.dumps(file))], name=STACK)
    return json.loads(json.dumps(compile_stack(request, MemoryFiles({}))))


def seconds(text: str) -> float:
    """An RFC 3339 time of the Engine as seconds since 1970."""
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp() + float("0" + text[19:].rstrip("Z"))


def of_stack(client: EngineClient, path: str) -> list:
    return client.list(path, {"filters": {"label": [f"com.docker.stack.namespace={STACK}"]}})


def settled_at(client: EngineClient, updated: bool) -> float:
    """When the nodes, or Swarm's update, say that all was as it should be."""
    if updated:
        return max(seconds(service["UpdateStatus"]["CompletedAt"]) for service in of_stack(client, "/services"))
    return max(seconds(task["Status"]["Timestamp"]) for task in of_stack(client, "/tasks"))


def watch(host: str, count: int, updated: bool, ready: object, found: object) -> None:
    """Puts into ``found`` when the managers first told that all was as it should be."""
    client = EngineClient(Connection(docker_host=host))
    old = {service["Version"]["Index"] for service in of_stack(client, "/services")} if updated else set()
    ready.set()
    while True:
        if updated:
            services = of_stack(client, "/services")
            done = sum(
                (s.get("UpdateStatus") or {}).get("State") == "completed" and s["Version"]["Index"] not in old
                for s in services
            )
        else:
            done = sum(task["Status"]["State"] == "running" for task in of_stack(client, "/tasks"))
        if done >= count:
            found.put(time.time())
            return
        time.sleep(0.005)


def run(host: str, state: dict, updated: bool) -> tuple:
    """(seconds since the managers told, seconds since it happened) at the return."""
    client = EngineClient(Connection(docker_host=host))
    ready, found = multiprocessing.Event(), multiprocessing.Queue()
    watcher = multiprocessing.Process(target=watch, args=(host, len(state["services"]), updated, ready, found))
    watcher.start()
    ready.wait()
    deploy_stack(client, SystemClock(), state, {"resolve_image": "never", "stable_for": 0.0, "timeout": 60})
    returned = time.time()
    told = found.get(timeout=10)
    watcher.join()
    return returned - told, returned - settled_at(client, updated)


def main(rounds: int, engine: str, part: str) -> None:
    with Bed.up("delay", engine) as bed:
        host, image = bed.node("m1").docker_host, bed.images["busybox"]
        ready = f"test $(( $(date +%s) - $(stat -c %Y /proc/1) )) -ge {LATE}"
        check = {"test": ready, "interval": "500ms", "timeout": "5s", "retries": 99}
        careful = {"update_config": {"monitor": "200ms"}}
        cases = {
            "first deployment of 5 services": [{f"s{number}": {} for number in range(5)}],
            f"a service that is healthy after {LATE} s": [{"slow": {"healthcheck": check}}],
            "update of a service": [{"web": {"deploy": careful, "environment": {"A": str(n)}}} for n in range(2)],
        }
        for name, steps in cases.items():
            if part not in name:
                continue
            told, happened = [], []
            for _round in range(rounds):
                for number, services in enumerate(steps):
                    pair = run(host, desired(image, services), number > 0)
                told.append(pair[0])
                happened.append(pair[1])
                remove_stack(EngineClient(Connection(docker_host=host)), SystemClock(), STACK, {})
            median, worst = statistics.median(told), max(told)
            met = "met" if median < TARGET else "MISSED"
            print(
                f"{name}, {engine}: {median * 1000:.0f} ms (median of {rounds}, worst {worst * 1000:.0f} ms)"
                f" after Swarm reports it, {statistics.median(happened) * 1000:.0f} ms after its own time of it;"
                f" target {TARGET * 1000:.0f} ms: {met}",
                flush=True,
            )


if __name__ == "__main__":
    main(int((sys.argv[1:] + ["20"])[0]), (sys.argv[2:] + ["20.10"])[0], (sys.argv[3:] + [""])[0])
