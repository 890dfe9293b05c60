"""playbooks/registry.yml without changes, and compose_stack on its files: registry_play.py [ROUNDS] [SERVICES]

The registry is deployed as one stack, and again as one stack per category (four), each beside as many tasks of
compose_stack. The rounds are interleaved and the medians compared, since machines are noisy: ratios count. The CPU time
is that of ansible-playbook and of the modules, without the Engine.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).parent)]

import yaml
from plays import timed
from testbed import Bed

CATEGORIES = ("base", "data", "apps", "edge")
TARGET = 1.0


def registry(services: int, image: str) -> str:
    """A registry of so many services without tasks, in four categories and phases."""
    name, _colon, tag = image.rpartition(":")
    tree: dict[str, dict] = {"phases": {phase: {"order": order} for order, phase in enumerate(CATEGORIES, 1)}}
    for number in range(services):
        category = CATEGORIES[number % len(CATEGORIES)]
        keys = {"image": name, "version": tag, "phase": category, "command": ["sleep", "1d"], "deploy": {"replicas": 0}}
        tree.setdefault(category, {})[f"{category}-{number}"] = keys
    return yaml.safe_dump(tree, sort_keys=False)


def main(rounds: int, services: int) -> None:
    with Bed.up("bench-registry") as bed, tempfile.TemporaryDirectory() as name:
        for stacks in ("one", "per_category"):
            measure(bed, Path(name), stacks, rounds, services)


def measure(bed: Bed, folder: Path, stacks: str, rounds: int, services: int) -> None:
    (folder / "services.registry.yaml").write_text(registry(services, bed.images["busybox"]))
    local = {
        "docker_host": bed.node("m1").docker_host,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    (folder / "inventory.yml").write_text(json.dumps({"swarm_managers": {"hosts": {"m1": local}}}))
    defaults = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
    whole = yaml.safe_load((ROOT / "playbooks" / "registry.yml").read_text())
    whole[0]["module_defaults"] = defaults
    whole[0]["vars"] = {"services_registry_name": f"shop-{stacks}", "services_registry_stacks": stacks}
    tasks = list(compared(stacks))
    single = [{"hosts": "all", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}]
    for kind, play in (("registry", whole), ("compose_stack", single)):
        (folder / f"{kind}.yml").write_text(json.dumps(play))

    def run(kind: str) -> tuple[float, float, str]:
        command = ["-i", str(folder / "inventory.yml"), str(folder / f"{kind}.yml")]
        return timed(command, folder, Path(sys.executable).parent, ROOT / ".cache" / "collections")

    print(f"{stacks}: first rollout of {services} services: {run('registry')[0]:.2f} s")
    found: dict[str, list[tuple[float, float, str]]] = {"compose_stack": [], "registry": []}
    for kind in found:
        run(kind)
    for _round in range(rounds):
        for kind, runs in found.items():
            runs.append(run(kind))
    lines = found["registry"][-1][2].strip().splitlines()
    if any("changed=0" not in run[2] for runs in found.values() for run in runs):
        raise SystemExit("a run changed something:\n" + "\n".join(lines))
    print(f"{stacks}: lines of a run without changes: {len(lines)}")
    middle = {kind: [statistics.median(run[part] for run in runs) for part in (0, 1)] for kind, runs in found.items()}
    for kind, (wall, used) in middle.items():
        print(f"{stacks}: without changes, {kind}: median {wall:.2f} s of {rounds}, CPU {used:.2f} s")
    for part, what in enumerate(("seconds", "CPU time")):
        ratio = middle["registry"][part] / middle["compose_stack"][part]
        print(f"{stacks}: {what}: playbooks/registry.yml / compose_stack {ratio:.2f} (target: at most {TARGET})")


def compared(stacks: str) -> Iterator[dict]:
    """The tasks that deploy the same files without the role."""
    if stacks == "one":
        yield {"stackwright.swarm.compose_stack": {"name": "shop-one", "src": "compose.yml"}}
        return
    for category in CATEGORIES:
        options = {"name": f"shop-alone-{category}", "src": f"compose/{category}.yml"}
        yield {"stackwright.swarm.compose_stack": options}


if __name__ == "__main__":
    main(*([int(argument) for argument in sys.argv[1:]] or [7, 12]))
