"""The files of real registries, given to docker's own tools: Compose, and the loader of ``docker stack deploy``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from compare_compose import BINARY

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import (
    ACCEPTABLE,
    checked,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import generate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Source

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "unit" / "cases" / "registry_files"
FOLDER = ROOT.parent / "shared" / "registries"
#: Broken YAML, as they were committed.
BROKEN = ("21", "23", "25")
FILES = [*sorted(CASES.glob("*/services.registry.yaml")), *sorted(FOLDER.glob("*.yaml"))]


def written(file, folder):
    """The generated files, without dependencies on services that are not there; the paths in their order; variables."""
    lines = file.read_text().splitlines(keepends=True)
    _registry, findings = checked([Source("services.registry.yaml", "".join(lines).encode())], accept=ACCEPTABLE)
    for problem in sorted(findings.problems, key=lambda found: -found.line):
        assert problem.code == "dependency_missing", problem
        del lines[problem.line - 1]
        if lines[problem.line - 2].strip() == "depends_on:" and not lines[problem.line - 1].lstrip().startswith("-"):
            del lines[problem.line - 2]
    registry, findings = checked([Source("services.registry.yaml", "".join(lines).encode())], accept=ACCEPTABLE)
    files = generate(registry, findings, "services.registry.yaml")
    findings.finish()
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    # Each variable, also those with a default: docker's loader of stacks knows no default inside a default.
    names = re.findall(r"^#?([A-Za-z_]\w*)=", files.get(".env.example", ""), re.M)
    variables = {name: "/srv/x" if re.search("ROOT|PATH|SOCKET", name) else "example.com" for name in names}
    return registry, [folder / path for path in re.findall(r"- path: (\S+)", files["compose.yml"])], variables


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name if file.parent.parent == CASES else file.stem)
def test_both_take_it(file, tmp_path, shared):
    if file.name.startswith(BROKEN):
        pytest.skip("is broken YAML")
    if not BINARY.is_file() or not shutil.which("docker"):
        pytest.skip("docker-compose or docker is not on this machine")
    import cli_specs

    registry, files, variables = written(file, tmp_path)
    command = [str(BINARY), "-f", str(tmp_path / "compose.yml"), "-p", "p", "--profile", "*", "--env-file", "/dev/null"]
    done = subprocess.run(
        [*command, "config", "--format", "json"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == set(registry.services)
    told = cli_specs.oracle([str(path) for path in files], "mock", {"HOME": str(tmp_path), **variables})
    if file.parent.parent == CASES and not told["accepted"]:
        # The case has all that a registry can say, and so what stacks of docker do not have.
        assert re.search("Additional property (profiles|environment)|depends_on", told["message"]), told["message"]
        return
    assert told["accepted"], told["message"]
    assert len(told["services"]) == len(registry.services)
