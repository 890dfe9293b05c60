"""How long services_registry_compose takes for a registry: python tests/benchmark/registry_time.py [SERVICES] [ROUNDS]

Seconds of the action plugin with its module in one process, as Ansible runs them on the controller itself: reading,
checking, generating and writing all files, and then a second time without changes. Each round is a fresh process; the
time of its imports is not part of it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".cache" / "collections"), str(ROOT / "tests" / "unit" / "plugin_utils" / "registry")]
#: Seconds: for the first run, and for the second.
TARGETS = (1.5, 1.0)


def once(services: int) -> None:
    from registry_task import many, run

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "services.registry.yaml").write_text(many(services))
        took = []
        for changed in (True, False):
            start, before = time.perf_counter(), time.process_time()
            done = run(folder, here=True)
            took += [time.perf_counter() - start, time.process_time() - before]
            if done.get("failed") or done["changed"] != changed:
                raise SystemExit(f"unexpected: {done.get('msg', done['changed'])}")
    print(json.dumps(took))


def main(services: int, rounds: int) -> None:
    command = [sys.executable, __file__, "--once", str(services)]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _round in range(rounds)]
    for part, (what, target) in enumerate(zip(("checked and generated", "again, nothing changed"), TARGETS)):
        wall, used = ([run[2 * part + index] for run in runs] for index in (0, 1))
        print(
            f"{services} services {what}: best {min(wall):.2f} s, median {statistics.median(wall):.2f} s of {rounds} "
            f"(target for 500: at most {target}), CPU {statistics.median(used):.2f} s"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        once(int(sys.argv[2]))
    else:
        main(*([int(argument) for argument in sys.argv[1:]] or [500, 7]))
