"""Stacks that docker's CLI deployed, exported, and the export planned against them: export.py [COUNT=400 | FILE ...]

As takeover.py: real files (../shared/corpus-expected), the real CLI, a real engine whose only node is drained. Each
export is deployed by docker's CLI as well, against the recording stand-in of ../shared/oracle: it accepts the file,
and sends what it sent for the original.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from takeover import CORPUS, SHARED, STACK, Swarm, cases

sys.path.insert(0, str(SHARED / "oracle"))

import cli_specs
from compare import compare
from core import Core
from testbed import Bed

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
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


def as_docker_reads_it(folder: Path, case: dict[str, Any]) -> list[str]:
    """How the services that docker's CLI makes of the export differ from those that it makes of the original."""
    source = CORPUS / case["source"] / case["path"]
    given = cli_specs.oracle([str(source)], "mock", {"HOME": "/root", **case["env"]}, seed=case["seed"])
    # The content of secrets can't be exported: they are there.
    secrets = [{"Name": name.replace("@S", STACK)} for name in given["secrets"]]
    seed = {**case["seed"], "secrets": [*(case["seed"].get("secrets") or []), *secrets]}
    told = cli_specs.oracle([str(folder / "compose.yml")], "mock", {"HOME": "/root"}, seed=seed)
    if not told["accepted"]:
        return [f"docker's CLI refuses the export: {told['message'][:200]}"]
    found, wanted = normal(told), normal(given)
    for name in found["networks"].keys() & wanted["networks"].keys():
        # A subnet that was left to the Engine may be in the export as it came out.
        pair = normalise.network_pair(wanted["networks"][name], found["networks"][name])
        wanted["networks"][name], found["networks"][name] = pair
    return compare(found, wanted)


def normal(told: dict[str, Any]) -> dict[str, Any]:
    """What counts: a default that is written and one that is not are the same."""
    services = {name: normalise.service(spec, api=(1, 41)) for name, spec in told["services"].items()}
    networks = {name: normalise.network(spec) for name, spec in told["networks"].items()}
    found = {"services": services, "networks": networks, "configs": told["configs"], "secrets": {}}
    text = json.dumps(found).replace(f"{STACK}_", "@S_")
    return json.loads(text)


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
            wrong = wrong + as_docker_reads_it(folder, case)
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
