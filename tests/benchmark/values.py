"""Whole runs without changes of a stack with 20 generated values, in each store, and of the same stack without any:

python tests/benchmark/values.py [ROUNDS]

The rounds are interleaved and the medians compared: of the time, and of the CPU time of the run and its children,
which another load on the machine changes less.
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
sys.path[:0] = [str(ROOT / "tests")]

from testbed import Bed

BIN = ROOT / ".cache" / "venv" / "bin"
SERVICES, VALUES = 10, 2
STORES = ("host_facts", "swarm", "vault")


def compose(image: str, value: str) -> str:
    """Ten services with two values each; ``value`` is what the file has in their place."""
    service = {"image": image, "command": ["sleep", "infinity"], "deploy": {"replicas": 0}}
    environment = {f"PASSWORD_{number}": value for number in range(VALUES)}
    return json.dumps({"services": {f"s{n}": {**service, "environment": environment} for n in range(SERVICES)}})


def play(folder: Path, name: str, docker_host: str) -> tuple[float, float]:
    """The seconds of a run, and those of CPU."""
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "LC_ALL": "C.UTF-8",
        "DOCKER_HOST": docker_host,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_VAULT_PASSWORD_FILE": str(folder / "password"),
    }
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", str(folder / "hosts.ini"), str(folder / f"{name}.yml")],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stdout}\n{done.stderr}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write(folder: Path, image: str) -> None:
    """The files and plays: one without values, and one for each store."""
    (folder / "password").write_text("of the benchmark\n")
    (folder / "hosts.ini").write_text(f"localhost ansible_connection=local ansible_python_interpreter={BIN}/python\n")
    (folder / "without.compose.yml").write_text(compose(image, "a-fixed-text-of-the-same-kind"))
    (folder / "with.compose.yml").write_text(compose(image, "{{ generate_secure_password }}"))
    for name in ("without", *STORES):
        task = {"name": f"bench-{name.replace('_', '-')}", "src": str(folder / "without.compose.yml")}
        if name != "without":
            task["src"] = str(folder / "with.compose.yml")
            task["values"] = {"store": name, **({"path": str(folder / "facts.d")} if name == "host_facts" else {})}
        tasks = [{"stackwright.swarm.compose_stack": task}]
        # JSON is YAML too.
        (folder / f"{name}.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))


def main(rounds: int) -> None:
    plays = ("without", *STORES)
    with Bed.up("bench-values") as bed, tempfile.TemporaryDirectory() as name:
        folder, host = Path(name), bed.node("m1").docker_host
        write(folder, bed.images["busybox"])
        for what in plays:
            play(folder, what, host)
        taken = {what: [] for what in plays}
        for _round in range(rounds):
            for what in plays:
                taken[what].append(play(folder, what, host))
    medians = {what: [statistics.median(part) for part in zip(*pairs)] for what, pairs in taken.items()}
    for what, (seconds, cpu) in medians.items():
        ratios = [mine / base for mine, base in zip((seconds, cpu), medians["without"])]
        print(
            f"run without changes, {SERVICES * VALUES if what != 'without' else 0} values, {what}: median of {rounds} "
            f"{seconds:.2f} s ({ratios[0]:.2f} times), CPU {cpu:.2f} s ({ratios[1]:.2f} times; target: at most 1.15)"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
