"""playbooks/deploy.yml without changes on three managers, and a ping on them: python tests/benchmark/role.py [ROUNDS]

One stack with a route, and a proxy that all three see: as often as there are managers, it is asked whether it has the
route. The rounds are interleaved and the medians compared, since machines are noisy: ratios count. The CPU time is that
of ansible-playbook and of the modules, without the Engine and the proxy.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "integration"), str(Path(__file__).parent)]

import yaml
from caddy import VERSIONS, Caddy, running
from plays import timed
from testbed import Bed

MANAGERS = ("m1", "m2", "m3")
TARGET = 2.0
COMPOSE = """\
services:
  web:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
    deploy:
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: shop.example.com
        stackwright.http.routes.0.tls: "off"
"""


def main(rounds: int) -> None:
    with Bed.up("bench-role", managers=3) as bed, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(Caddy(VERSIONS[-1], folder / "caddy")) as proxy:
            measure(bed, proxy, folder, rounds)


def measure(bed: Bed, proxy: Caddy, folder: Path, rounds: int) -> None:
    (folder / "compose.yml").write_text(COMPOSE.format(image=bed.images["busybox"]))
    hosts = {name: {"docker_host": bed.node(name).docker_host} for name in MANAGERS}
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (folder / "inventory.yml").write_text(json.dumps({"swarm_managers": {"hosts": hosts, "vars": local}}))
    deploy = yaml.safe_load((ROOT / "playbooks" / "deploy.yml").read_text())
    deploy[0]["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
    deploy[0]["vars"].update(
        stack_name="shop",
        stack_src="compose.yml",
        stack_admin=[proxy.url],
        stack_on_unlisted_proxy="ignore",
        stack_rollout={"stable_for": 0.3},
    )
    ping = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}]
    for kind, play in (("deploy", deploy), ("ping", ping)):
        (folder / f"{kind}.yml").write_text(json.dumps(play))

    def run(kind: str) -> tuple[float, float, str]:
        command = ["-i", str(folder / "inventory.yml"), str(folder / f"{kind}.yml")]
        return timed(command, folder, Path(sys.executable).parent, ROOT / ".cache" / "collections")

    print(f"first deployment: {run('deploy')[0]:.2f} s")
    found: dict[str, list[tuple[float, float, str]]] = {"ping": [], "deploy": []}
    for _round in range(rounds):
        for kind, runs in found.items():
            runs.append(run(kind))
    lines = found["deploy"][-1][2].strip().splitlines()
    if any("changed=1" in line for line in lines):
        raise SystemExit("the last run changed something:\n" + "\n".join(lines))
    print(f"lines of a run without changes: {len(lines)}")
    middle = {kind: [statistics.median(run[part] for run in runs) for part in (0, 1)] for kind, runs in found.items()}
    for kind, (wall, used) in middle.items():
        print(f"without changes, three managers, {kind}: median {wall:.2f} s of {rounds}, CPU {used:.2f} s")
    for part, what in enumerate(("seconds", "CPU time")):
        ratio = middle["deploy"][part] / middle["ping"][part]
        print(f"{what}: playbooks/deploy.yml / ping {ratio:.2f} (target: at most {TARGET})")


if __name__ == "__main__":
    main(*([int(argument) for argument in sys.argv[1:]] or [7]))
