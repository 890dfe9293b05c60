"""Real files that docker's CLI refuses only for their format: each deploys here, seen by docker's own commands.

The node is drained: no task starts and no image is pulled. Which files count is decided by the CLI's own reasons
(../shared/corpus-expected/rejected.json); what is wrong in a file, whoever reads it, is not among them.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ROOT, Core
from testbed import BedError
from testbed.commands import wait_for

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

SHARED = ROOT.parent / "shared"
#: Reasons of format alone, which Compose files of today have.
FORMAT = re.compile(
    r"schema: type services\.\*\.(depends_on is dict|environment\.\* is bool|env_file\.\[\] is dict"
    r"|command is NoneType|environment is NoneType|volumes is NoneType)"
    r"|schema: unknown key (name|include|configs\.\*\.content|networks\.\*\.ipam\.config\.\[\]\.gateway"
    r"|services\.\*\.(pull_policy|platform|develop|profiles|group_add|mem_limit|pids_limit|scale|cpus|attach"
    r"|networks\.\*\.(priority|gw_priority)|post_start|label_file|runtime|blkio_config|deploy\.placement.*))\b"
    r"|schema: type (networks|volumes) is NoneType"
    r"|schema: type services\.\*\.(deploy\.labels is list|environment is list|ports\.\[\] is str)"
    r"|version: unsupported 2|forbidden: extends|interpolation: unsupported form|external (network|secret) missing"
)
#: Files whose other faults the CLI does not come to, since it stops at the first: refused here too, with all of them.
REFUSED = {
    "geraldsummers+Datamancy/stack.compose/watchtower.yml": "undefined_service",
    "geraldsummers+Datamancy/tests.compose/test-runners.yml": "undefined_network",
    "oanhnn+docker-stacks/metabase/compose.yml": "undefined_service",
    "oanhnn+docker-stacks/zinc/compose.yml": "port",
    "ruanbekker+docker-swarm-apps/traefik/app-compose.yml": "type",
}


def cases():
    path = SHARED / "corpus-expected" / "rejected.json"
    if not path.is_file():
        return {}
    found = {}
    for case in json.loads(path.read_text()):
        if case["reasons"] and all(FORMAT.match(reason) for reason in case["reasons"]):
            found[f"{case['source']}/{case['path']}"] = case
    return found


CASES = cases()


@pytest.fixture(scope="module")
def node(bed):
    one = bed.node("m1")
    one.cli(["docker", "node", "update", "--availability", "drain", "m1"])
    yield one
    one.cli(["docker", "node", "update", "--availability", "active", "m1"])


@pytest.fixture
def outside(node):
    """Makes the external objects that a file refers to, and removes them."""
    made = []

    def make(desired):
        for network in desired["networks"]:
            if network["external"] and network["name"] not in ("host", "bridge"):
                body = {"Name": network["name"], "Driver": "overlay", "Attachable": True}
                made.append("/networks/" + node.api("POST", "/networks/create", body)["Id"])
        for kind in ("configs", "secrets"):
            for entry in desired[kind]:
                if entry["external"]:
                    body = {"Name": entry["name"], "Data": "eA==", "Labels": {}}
                    made.append(f"/{kind}/" + node.api("POST", f"/{kind}/create", body)["ID"])

    yield make
    for path in made:
        wait_for(f"{path} to go", lambda path=path: gone(node, path), 180)


def gone(node, path):
    try:
        node.api("DELETE", path)
    except BedError as error:
        return "not found" in str(error)
    return True


class Files(LocalFiles):
    """The real files; an env file that is not in the corpus is an empty one."""

    def read(self, path, below=None):
        try:
            return super().read(path, below)
        except FileNotFoundError:
            if not path.endswith(".env"):
                raise
            return b""


def compiled(case, stack):
    source = Source(str(SHARED.resolve() / "corpus" / case["source"] / case["path"]))
    variables = {"HOME": "/root", **case["env"]}
    return compile_stack(CompileRequest([source], name=stack, variables=variables, profiles=["*"]), Files())


@pytest.mark.parametrize("name", CASES)
def test_it_deploys(name, node, swarm, outside, tmp_path):
    case = CASES[name]
    core = Core(node.docker_host, swarm.name, tmp_path)
    try:
        desired = compiled(case, swarm.name)
    except StackwrightError as error:
        assert name in REFUSED, str(error)
        assert REFUSED[name] in {problem.code for problem in error.problems}
        return
    assert name not in REFUSED
    outside(desired)
    done = core._run(deploy_stack, desired, {"wait": False})
    assert done["changed"]
    assert not core._run(deploy_stack, desired, {"wait": False})["changed"]
    core.client.close()
    shown = node.cli(["docker", "stack", "services", swarm.name, "--format", "{{.Name}}"]).stdout.split()
    assert sorted(shown) == sorted(service["name"] for service in desired["services"]) != []

    def removed():  # the first leaves networks whose tasks have not gone yet
        node.cli(["docker", "stack", "rm", swarm.name], check=False)
        return not any(swarm.objects(kind) for kind in ("services", "networks", "configs", "secrets"))

    wait_for("docker stack rm to leave nothing", removed, 180, 0.2)


def test_there_are_files():
    if not SHARED.is_dir():
        pytest.skip("the corpus (../shared) is not on this machine")
    assert len(CASES) == 42
