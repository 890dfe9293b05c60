"""What compose-go's and docker/cli's own tests are about, as cases of ours: equal on both sides, or listed."""

from __future__ import annotations

import shutil
from pathlib import Path

import compare_compose
import pytest
import yaml
from desired_specs import AS_DOCKER, desired_of, specs_of

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

HERE = Path(__file__).parent / "upstream"


def cases(name):
    found = yaml.safe_load((HERE / f"{name}.yml").read_text())
    return [pytest.param(case, id=f"{number}-{case['of']}") for number, case in enumerate(found)]


def written(folder, case):
    """The case's files: the service `web` in the first, and with `b` a second that overrides it."""
    for name, content in {"data": "content", **case.get("files", {})}.items():
        (folder / name).write_text(content)
    files = [folder / "compose.yml"]
    services = {"web": {"image": "x", **case.get("a", {})}}
    files[0].write_text(yaml.safe_dump(_with(services, case.get("top", {})), sort_keys=False))
    if "b" in case:
        files.append(folder / "over.yml")
        files[1].write_text(yaml.safe_dump(_with({"web": case["b"]}, case.get("top_b", {})), sort_keys=False))
    return files


def _with(services, top):
    return {**top, "services": {**services, **top.get("services", {})}}


def refusal(files, env):
    """Why we refuse these files, with the rules that come after loading; empty where we don't."""
    try:
        compile_stack(CompileRequest([Source(str(file)) for file in files], name="shop", variables=env), LocalFiles())
    except ComposeError as error:
        return str(error)
    return ""


def judged(case, lines):
    assert bool(lines) == ("differs" in case), lines or "there is no difference any more"


@pytest.mark.skipif(
    not compare_compose.BINARY.exists(), reason="docker-compose is not there: run tests/tools/fetch_compose.sh"
)
@pytest.mark.parametrize("case", cases("compose"))
def test_as_compose(case, tmp_path):
    files, env = written(tmp_path, case), case.get("env", {})
    compose, ours = (ask(files, env) for ask in (compare_compose.ask_compose, compare_compose.ask_ours))
    refused = ours.refused or (refusal(files, env) if compose.tree is None else "")
    if compose.tree is None or refused:
        return judged(case, [] if compose.refused and refused else [f"{compose.refused} | {refused}"])
    return judged(case, compare_compose.differences(compose.tree, ours.tree))


@pytest.mark.parametrize("case", cases("docker"))
def test_as_docker(case, shared, tmp_path):
    if not shutil.which("docker"):
        pytest.skip("the docker CLI is not on this machine")
    import cli_specs
    from compare import compare

    files, env = written(tmp_path, case), case.get("env", {})
    told = cli_specs.oracle([str(file) for file in files], "mock", {"HOME": "/root", **env}, seed=case.get("seed"))
    refused = refusal(files, env)
    if refused or not told["accepted"]:
        return judged(case, [] if refused and not told["accepted"] else [f"{told.get('message')} | {refused}"])
    desired = desired_of(files[0], env, {}, AS_DOCKER)
    expected = {section: told[section] for section in ("services", "networks", "secrets", "configs")}
    return judged(case, compare(specs_of(desired, str(tmp_path), str(tmp_path)), expected))
