"""Many unchanged stacks in one task, and one of them: python tests/benchmark/many.py [STACKS] [SERVICES] [ROUNDS]

Whole runs of ansible-playbook. The rounds are interleaved and the medians compared, since machines are noisy: ratios
count. The CPU time is that of ansible-playbook and of the modules, without the Engine.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).parent)]

from big import compose
from plays import OURS, timed
from testbed import Bed

TARGET = 3.0


def main(stacks: int, services: int, rounds: int) -> None:
    with Bed.up("bench-many") as bed, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = [f"stack{number:02}" for number in range(stacks)]
        for stack in names:
            (folder / "stacks" / stack).mkdir(parents=True)
            (folder / "stacks" / stack / "compose.yml").write_text(compose(services, bed.images["busybox"]))
        tasks = {
            "one": {"name": names[0], "src": f"stacks/{names[0]}/compose.yml", "show": True},
            "many": {"stacks": ["stacks"], "show": True},
        }
        local = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
        (folder / "inventory.ini").write_text(f"localhost {local}\n")
        for kind, options in tasks.items():
            play = {"hosts": "all", "gather_facts": False, "tasks": [{"stackwright.swarm.compose_stack": options}]}
            (folder / f"{kind}.yml").write_text(json.dumps([play]))

        def run(kind: str) -> tuple[float, float, str]:
            command = ["-i", str(folder / "inventory.ini"), str(folder / f"{kind}.yml")]
            return timed(command, folder, OURS, ROOT / ".cache" / "collections", bed.node("m1").docker_host)

        print(f"first deployment of {stacks} stacks of {services} services: {run('many')[0]:.2f} s")
        print(f"first run without changes: {run('many')[0]:.2f} s")
        run("one")
        found: dict[str, list[tuple[float, float, str]]] = {"one": [], "many": []}
        for _round in range(rounds):
            for kind, runs in found.items():
                runs.append(run(kind))
    if any("changed=1" in last for runs in found.values() for _wall, _used, last in runs):
        raise SystemExit("a run changed something:\n" + found["many"][-1][2])
    middle = {kind: [statistics.median(run[part] for run in runs) for part in (0, 1)] for kind, runs in found.items()}
    for kind, (wall, used) in middle.items():
        print(f"without changes, {kind}: median {wall:.2f} s of {rounds}, CPU {used:.2f} s")
    for part, what in enumerate(("seconds", "CPU time")):
        ratio = middle["many"][part] / middle["one"][part]
        print(f"{what}: {stacks} stacks of {services} services / one {ratio:.2f} (target: at most {TARGET})")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [20, 5, 5][len(given) :]))
