"""What the real CLI refuses, we refuse too, each with a place; or we know why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

CASES = yaml.safe_load((Path(__file__).parent / "convert" / "refusals.yml").read_text())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_docker_refuses(case, shared, tmp_path):
    if not shutil.which("docker"):
        pytest.skip("the docker CLI is not on this machine")
    import cli_specs

    (tmp_path / "data").write_text("x")
    tops = {key: case[key] for key in ("networks", "volumes", "configs", "secrets") if key in case}
    compose = tmp_path / "compose.yml"
    compose.write_text(yaml.safe_dump({"services": {"web": case["service"]}, **tops}))
    told = cli_specs.oracle([str(compose)], "mock", {"HOME": "/root"})
    assert not told["accepted"], "docker accepts this now"
    try:
        compile_stack(CompileRequest([Source(str(compose))], name="shop"), LocalFiles())
    except ComposeError as error:
        assert [p.code for p in error.problems] == [case.get("code")]
        assert all(problem.line and problem.key for problem in error.problems)
    else:
        assert case.get("accepted"), "we accept this"
