"""Taking over what docker's CLI deployed, without an engine: our plan against the specs that an engine read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from desired_specs import STACK, Files
from listed import PROJECT_NAME, SECRETS, reasons_for, refused

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import reconcile
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source

ROOT = Path(__file__).resolve().parents[2]
COUNT = 272  # cases that a real engine of 20.10 was asked about
SUPPLIED = b"K=v\n"


@pytest.fixture(scope="module")
def corpus(shared):
    folder = shared / "corpus-expected"
    cases = {
        str(path.relative_to(folder))[: -len(".json")]: json.loads(path.read_text())
        for path in folder.glob("*/**/*.json")
    }
    cases = {name: case for name, case in sorted(cases.items()) if case["real"]}
    assert len(cases) == COUNT
    return cases


@pytest.mark.parametrize("adopt", [False, True], ids=["secrets replaced", "secrets adopted"])
def test_what_docker_deployed_is_kept(adopt, corpus, shared):
    root = shared.resolve() / "corpus"
    unlisted, changed, kept = {}, {}, 0
    for name, case in corpus.items():
        reasons, rest = _taken_over(name, case, root, adopt)
        kept += not reasons
        if rest:
            unlisted[name] = rest
        for reason in reasons:
            changed.setdefault(reason, []).append(name)
    assert unlisted == {}
    assert (SECRETS in changed) == any(case["real"]["secrets"] for case in corpus.values())
    print(f"{kept} of {COUNT} taken over without a change;", {reason: len(files) for reason, files in changed.items()})


def test_the_difference_of_the_whole_compiler_is_documented():
    assert f"### {PROJECT_NAME['title']}" in (ROOT / "docs" / "differences.md").read_text()


def _taken_over(name, case, root, adopt):
    about = case["case"]
    supplied = {str(root / fix[len("file ") :]): SUPPLIED for fix in about["fix"] if fix.startswith("file ")}
    source = Source(str(root / about["source"] / about["path"]))
    request = CompileRequest([source], name=STACK, variables={"HOME": "/root", **about["env"]})
    try:
        desired = compile_stack(request, Files(supplied))
    except ComposeError as error:
        codes = {problem.code for problem in error.problems}
        reason = refused(name, codes)
        return ({reason}, []) if reason else (set(), sorted(codes))
    observed = observed_of(case["real"], str(root))
    bound = bind(desired, observed, adopt)
    plan = reconcile(bound, observed, {"prune": True, "adopt_secrets": adopt, "resolve_image": "changed"})
    if adopt:
        assert [op for op in plan.work() if op.kind == "secret" and op.action != "update"] == []
    return reasons_for(name, [operation.as_dict() for operation in plan.work()])


def observed_of(real: dict[str, Any], root: str) -> dict[str, Any]:
    """A snapshot of a Swarm that holds what ``real`` says and nothing else."""
    text = json.dumps(real).replace("@S", STACK).replace("@CORPUS", root)
    held = json.loads(text)
    return {
        "info": {"Swarm": {"Nodes": 1}},
        "api": [1, 41],
        "key": None,
        "predefined": {f"@id:{name}": name for name in ("bridge", "host")},
        "services": [_stored(spec) for spec in held["services"].values()],
        "networks": [{"Id": f"@id:{name}", **network} for name, network in held["networks"].items()],
        "configs": [_stored(spec) for spec in held["configs"].values()],
        "secrets": [_stored(spec) for spec in held["secrets"].values()],
    }


def _stored(spec: dict[str, Any]) -> dict[str, Any]:
    return {"ID": f"@id:{spec['Name']}", "Version": {"Index": 1}, "Spec": spec}
