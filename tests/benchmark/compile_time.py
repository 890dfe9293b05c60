"""How long compiling takes, and how it grows: python tests/benchmark/compile_time.py [--as-ansible] [COUNT ...]

CPU time of fresh processes, the best of seven. ``--as-ansible``: with the loader of ansible-core and
this collection's own finder (docs/decisions/0078), as in a play.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = str(ROOT / ".cache" / "collections")
sys.path[:0] = [COLLECTIONS, str(Path(__file__).parent)]
ROUNDS = 7


def once(count: int, as_ansible: bool) -> None:
    from big import compose

    text = compose(count)
    if as_ansible:
        import ansible.cli.playbook  # noqa: F401 - a play has loaded it
        from ansible.plugins.loader import init_plugin_loader

        sys.path.remove(COLLECTIONS)
        init_plugin_loader([COLLECTIONS])
        import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode  # noqa: F401
    start = time.process_time()
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

    imported = time.process_time()
    desired = compile_stack(CompileRequest([Source("compose.yml", text)], name="big"), MemoryFiles({}))
    done = time.process_time()
    if len(desired["services"]) != count:
        raise SystemExit(f"compiled {len(desired['services'])} services of {count}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([done - start, imported - start, done - imported, peak]))


def main(counts: list[str], options: list[str]) -> None:
    for count in counts:
        command = [sys.executable, __file__, *options, "--once", count]
        total, loading, compiling, peak = min(
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for _round in range(ROUNDS)
        )
        figures = f"imports {loading:.3f} s, compiling {compiling:.3f} s, together {total:.3f} s"
        print(f"{int(count):6d} services: {figures}, peak {peak:.0f} MB")


if __name__ == "__main__":
    numbers = [word for word in sys.argv[1:] if not word.startswith("--")]
    given = [word for word in sys.argv[1:] if word == "--as-ansible"]
    if "--once" in sys.argv:
        once(int(numbers[0]), bool(given))
    else:
        main(numbers or ["1", "100", "250", "500", "1000", "2000"], given)
