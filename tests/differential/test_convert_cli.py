"""Our specs against those that the real ``docker stack deploy`` sends, for hand-made files that cover each topic.

``apply_ignored`` is empty: what docker ignores is ignored.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from desired_specs import AS_DOCKER, desired_of, specs_of

CASES = yaml.safe_load((Path(__file__).parent / "convert" / "cases.yml").read_text())
FILES = {
    "data.txt": b"some content\n\x00\xff",
    "empty.txt": b"",
    "one.env": b"# a comment\nONE=1\nFROM_BOTH=one\n\nQUOTED='q'\nEMPTY=\n",
    "two.env": b"ONE=2\nTWO=2\n",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_specs_are_those_of_docker_stack_deploy(case, shared, tmp_path):
    if not shutil.which("docker"):
        pytest.skip("the docker CLI is not on this machine")
    import cli_specs
    from compare import compare

    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    compose = tmp_path / "compose.yml"
    compose.write_text(case["compose"])
    env = case.get("env", {})
    told = cli_specs.oracle([str(compose)], "mock", {"HOME": "/root", **env}, seed=case.get("seed"))
    assert told["accepted"], told["message"]
    expected = {section: told[section] for section in ("services", "networks", "secrets", "configs")}
    ours = specs_of(desired_of(compose, env, {}, AS_DOCKER), str(tmp_path), str(tmp_path))
    assert compare(_sorted(ours), _sorted(expected)) == []


def _sorted(specs):
    """The CLI sends references to one object in a random order (it keeps them in a map)."""
    for service in specs["services"].values():
        container = service["TaskTemplate"]["ContainerSpec"]
        for field in ("Secrets", "Configs"):
            if container.get(field):
                container[field].sort(key=lambda r: (r[field[:-1] + "Name"], str(r.get("File"))))
    return specs
