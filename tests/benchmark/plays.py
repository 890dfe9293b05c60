"""Whole ansible-playbook runs without changes, side by side: python tests/benchmark/plays.py [SERVICES] [ROUNDS]

A ping, this collection's compose_stack and community.docker's docker_stack, each on a stack of that many services that
is deployed already. The rounds are interleaved and the medians compared, since machines are noisy: ratios count.
The CPU time is that of ansible-playbook and of the modules, without the Engine: another load changes it little.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).parent)]

from big import compose
from testbed import Bed

COMPARE = ROOT / ".cache" / "compare" / "bin"
OURS = ROOT / ".cache" / "venv" / "bin"


def play(folder: Path, name: str, binaries: Path, task: dict, docker_host: str) -> tuple[float, float]:
    """The seconds of one run, and its CPU seconds."""
    path = folder / f"{name}.yml"
    # JSON is YAML too.
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    # Each with the collection paths that it needs, and no more.
    collections = ROOT / ".cache" / "collections" if name == "ours" else folder
    inventory = f"localhost ansible_connection=local ansible_python_interpreter={binaries / 'python'}\n"
    (folder / f"{name}.ini").write_text(inventory)
    command = ["-i", str(folder / f"{name}.ini"), str(path)]
    return timed(command, folder, binaries, collections, docker_host)[:2]


def timed(
    arguments: list[str], folder: Path, binaries: Path, collections: Path, docker_host: str = ""
) -> tuple[float, float, str]:
    """The seconds of one run of ansible-playbook, its CPU seconds, and its output."""
    environment = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        **({"DOCKER_HOST": docker_host} if docker_host else {}),
    }
    start, before = time.perf_counter(), cpu()
    done = subprocess.run(
        [str(binaries / "ansible-playbook"), *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, used = time.perf_counter() - start, cpu() - before
    if done.returncode:
        raise SystemExit(f"{arguments} failed:\n{done.stdout}\n{done.stderr}")
    return seconds, used, done.stdout


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(services: int, rounds: int) -> None:
    if not (COMPARE / "ansible-playbook").exists():
        subprocess.run(["sh", str(ROOT / "tests/tools/compare_venv.sh")], check=True)
    with Bed.up("bench") as bed, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = bed.images["busybox"]
        (folder / "ours.compose.yml").write_text(compose(services, image))
        (folder / "theirs.compose.yml").write_text(compose(services, image).replace("${LEVEL:-info}", "info"))
        tasks = {
            "ping": (OURS, {"ansible.builtin.ping": {}}),
            "ours": (
                OURS,
                {"stackwright.swarm.compose_stack": {"name": "ours", "src": str(folder / "ours.compose.yml")}},
            ),
            "docker_stack": (
                COMPARE,
                {"community.docker.docker_stack": {"name": "theirs", "compose": [str(folder / "theirs.compose.yml")]}},
            ),
        }
        host = bed.node("m1").docker_host
        for task in ("ours", "docker_stack"):
            print(f"first deployment of {services} services, {task}: {play(folder, task, *tasks[task], host)[0]:.2f} s")
        seconds = {task: [] for task in tasks}
        for _round in range(rounds):
            for task, (binaries, body) in tasks.items():
                seconds[task].append(play(folder, task, binaries, body, host))
    wall, used = (
        {task: statistics.median(each[part] for each in runs) for task, runs in seconds.items()} for part in (0, 1)
    )
    for task, value in wall.items():
        print(f"without changes, {services} services, {task}: median {value:.2f} s of {rounds}, CPU {used[task]:.2f} s")
    for what, found in (("seconds", wall), ("CPU time", used)):
        print(f"{what}: ours / ping {found['ours'] / found['ping']:.2f} (target: at most 1.35)")
        print(f"{what}: docker_stack / ours {found['docker_stack'] / found['ours']:.2f} (target: at least 5)")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [100, 7][len(given) :]))
