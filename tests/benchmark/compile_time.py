"""How long compiling takes, and how it grows: python tests/benchmark/compile_time.py [COUNT ...]"""

import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".cache" / "collections"), str(Path(__file__).parent)]


def once(count: int) -> None:
    from big import compose

    text = compose(count)
    start = time.perf_counter()
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

    imported = time.perf_counter()
    desired = compile_stack(CompileRequest([Source("compose.yml", text)], name="big"), MemoryFiles({}))
    done = time.perf_counter()
    if len(desired["services"]) != count:
        raise SystemExit(f"compiled {len(desired['services'])} services of {count}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count:6d} services: import {imported - start:.3f} s, compile {done - imported:.3f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--once":
        once(int(sys.argv[2]))
    else:
        for wanted in sys.argv[1:] or ["1", "100", "250", "500", "1000", "2000"]:
            subprocess.run([sys.executable, __file__, "--once", wanted], check=True)
