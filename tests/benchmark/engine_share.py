"""The module's own share beside the Engine's: python tests/benchmark/engine_share.py [SERVICES] [ROUNDS]

* The first deployment of that many services (replicas 0), inside the module, against the bare creates of the same specs
  by the smallest client there is. The rounds are interleaved; medians count.
* The Engine calls of a run without changes, for growing stacks.
"""

import http.client
import json
import socket
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".cache" / "collections"), str(ROOT / "tests"), str(Path(__file__).parent)]

from big import compose
from testbed import Bed

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, remove_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

OPTIONS = {"resolve_image": "never"}


class Bare(http.client.HTTPConnection):
    """HTTP over a unix socket, and nothing else."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def call(self, method: str, path: str, body: object = None) -> object:
        self.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content) if content.strip() else None


def desired_of(count: int, image: str) -> dict:
    request = CompileRequest([Source("compose.yml", compose(count, image))], name="share")
    return json.loads(json.dumps(compile_stack(request, MemoryFiles({}))))


def bare_creates(socket_path: str, desired: dict) -> float:
    bare = Bare(socket_path)
    start = time.perf_counter()
    for network in desired["networks"]:
        bare.call("POST", "/v1.41/networks/create", network["spec"])
    for service in desired["services"]:
        bare.call("POST", "/v1.41/services/create", service["spec"])
    return time.perf_counter() - start


def ours(docker_host: str, desired: dict) -> float:
    client = EngineClient(Connection(docker_host=docker_host))
    start = time.perf_counter()
    deploy_stack(client, SystemClock(), desired, OPTIONS)
    return time.perf_counter() - start


def remove(docker_host: str) -> None:
    remove_stack(EngineClient(Connection(docker_host=docker_host)), SystemClock(), "share", OPTIONS)


def main(count: int, rounds: int) -> None:
    with Bed.up("bench") as bed:
        host = bed.node("m1").docker_host
        image = bed.images["busybox"]
        desired = desired_of(count, image)
        seconds: dict = {"bare": [], "ours": []}
        for _round in range(rounds):
            seconds["bare"].append(bare_creates(host.replace("unix://", ""), desired))
            remove(host)
            seconds["ours"].append(ours(host, desired))
            remove(host)
        bare, own = (statistics.median(seconds[name]) for name in ("bare", "ours"))
        print(f"first deployment of {count} services, bare Engine calls: median {bare:.3f} s of {rounds}")
        print(f"first deployment of {count} services, inside the module: median {own:.3f} s of {rounds}")
        allowed = 1.5 * bare + 0.3
        print(f"allowed: 1.5 x {bare:.3f} + 0.3 = {allowed:.3f} s: {'met' if own <= allowed else 'MISSED'}")
        for size in (1, 10, count, 3 * count):
            desired = desired_of(size, image)
            ours(host, desired)
            client = EngineClient(Connection(docker_host=host))
            start = time.perf_counter()
            result = deploy_stack(client, SystemClock(), desired, OPTIONS)
            took = time.perf_counter() - start
            if result["changed"]:
                raise SystemExit(f"a second run changed something: {result['plan_lines'][:3]}")
            print(f"run without changes, {size} services: {client.calls} Engine calls, {took * 1000:.0f} ms")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [100, 5][len(given) :]))
