"""Stacks that docker's CLI deployed, exported, and the export planned against them: export.py [COUNT=400 | FILE ...]

As takeover.py: real files (../shared/corpus-expected), the real CLI, a real engine whose only node is drained. Each
export is deployed by docker's CLI as well, against the recording stand-in of ../shared/oracle: it accepts the file,
and sends what it sent for the original. Compose reads in it what we read (tests/tools/fetch_compose.sh).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from takeover import CORPUS, SHARED, STACK, Swarm, cases

sys.path.insert(0, str(SHARED / "oracle"))

import cli_specs
from compare_compose import BINARY
from core import Core
from export_oracles import of_compose, of_docker_s_cli
from testbed import Bed

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import Exported, export_stack

DEPLOYING = {"check": True, "wait": False, "resolve_image": "changed"}


def exported(client: Any, clock: Any, folder: Path) -> tuple[Exported, list[str]]:
    """The export of what runs, written into ``folder``, and the lines of the plan of its deployment."""
    observed = observe(client, STACK)
    observed["configs"] = client.list("/configs")
    made = export_stack(STACK, observed, "stackwright")
    for path, content in made.files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    if not made.services:
        return made, []
    request = CompileRequest([Source(str(folder / "compose.yml"))], name=STACK)
    try:
        desired = compile_stack(request, LocalFiles())
    except ComposeError as error:
        return made, [str(error)]
    plan = deploy_stack(client, clock, desired, DEPLOYING)
    return made, [line for line in plan["plan_lines"] if "keep" not in line.split()[:1]] if plan["changed"] else []


def as_others_read_it(folder: Path, case: dict[str, Any]) -> list[str]:
    """What docker's CLI and Compose make of the export that they do not make of the original."""
    source = CORPUS / case["source"] / case["path"]
    given = cli_specs.oracle([str(source)], "mock", {"HOME": "/root", **case["env"]}, seed=case["seed"])
    found = of_docker_s_cli(folder / "compose.yml", STACK, given, case["seed"])
    return found + (of_compose(folder / "compose.yml") if BINARY.exists() else [])


def one(swarm: Swarm, name: str, case: dict[str, Any], folder: Path) -> tuple[list[str], list[str]]:
    """What the export of a file names, and what is wrong."""
    core = Core(swarm.node.docker_host, STACK, folder)
    made = swarm.seed(case)
    try:
        refusal = swarm.deploy(case)
        if refusal:
            return [f"the CLI failed: {refusal.splitlines()[-1][:100]}"], []
        swarm.settled()
        export, changes = core._run(lambda client, clock, _a, _b: exported(client, clock, folder), None, {})
        wrong = [] if bool(changes) <= bool(export.lost) else changes
        if not export.lost:
            wrong = wrong + as_others_read_it(folder, case)
        return export.lost, wrong
    finally:
        core.client.close()
        swarm.remove()
        swarm.unseed(made)


def main(count: int, names: list[str]) -> int:
    same: list[str] = []
    named: dict[str, list[str]] = {}
    failures: dict[str, list[str]] = {}
    start = time.monotonic()
    with Bed.up(os.environ.get("STACKWRIGHT_TEST_BED", "export-bench")) as bed:
        swarm = Swarm(bed)
        if swarm.cli("node", "update", "--availability", "drain", "m1").returncode:
            raise SystemExit("the node can't be drained")
        for name, case in [(name, case) for name, case in cases(count) if not names or name in names]:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    lost, wrong = one(swarm, name, case, Path(folder))
                except Exception as error:  # one file's failure is a line of the table
                    lost, wrong = [], [f"{type(error).__name__}: {error}"]
            if wrong:
                failures[name] = wrong
                print(f"{name}: {wrong[:3]}", flush=True)
            elif lost:
                named[name] = lost
            else:
                same.append(name)
    print(f"files: {len(same) + len(named) + len(failures)}, {time.monotonic() - start:.0f} s")
    print(f"exported, and a deployment of the export changes nothing: {len(same)}")
    for name, lost in named.items():
        print(f"named: {name}: {'; '.join(lost)}")
    print(f"failures: {len(failures)}")
    return bool(failures)


if __name__ == "__main__":
    if not SHARED.is_dir():
        raise SystemExit("the corpus (../shared) is not on this machine")
    given = sys.argv[1:] or ["400"]
    sys.exit(main(int(given[0]), []) if given[0].isdigit() else main(1000, given))
