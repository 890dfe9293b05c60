"""Schema and rules on some 890 real Compose files, against what docker's CLI and a real engine said about each.

The files and verdicts lie in ../shared; validate_exceptions.json lists where we mean to judge otherwise, and why.
"""

import json
import re
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.check_project import check_project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import check_document
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

HERE = Path(__file__).resolve()
SHARED = HERE.parents[3] / "shared"
CORPUS = SHARED / "corpus"
EXPECTED = SHARED / "corpus-expected"
EXCEPTIONS = json.loads(HERE.with_name("validate_exceptions.json").read_text(encoding="utf-8"))
#: Variables that the CLI does not ask for: it takes nested defaults literally, and knows the caller's home.
VARIABLES = {"HOME": "/root", "USERNAME": "someone", "ADMIN_USER": "someone"}

#: What the CLI alone has against a file: a newer or older form, which Swarm has no part in.
FORMAT = re.compile(
    r"schema: type services\.\*\.(depends_on is dict|deploy\.labels is list|environment is list)"
    r"|schema: unknown key services\.\*\.(attach|blkio_config|cpus|develop|env_file|gpus|group_add|label_file|mem_limit"
    r"|pids_limit|platform|post_start|pre_start|profiles|pull_policy|runtime|scale)$"
    r"|schema: unknown key services\.\*\.networks\.\*\."
    r"|schema: unknown key (configs\.\*\.content|networks\.\*\.ipam\.config\.\[\]\.gateway|name|include)$"
    r"|is bool \(must be|is NoneType|env_file\.\[\] is dict|version: unsupported|forbidden: (extends|mem_limit|cpu)"
)

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus in ../shared is absent")


class FilledFiles(LocalFiles):
    """The corpus has few of the env files, configs and secrets that its Compose files name."""

    def read(self, path, below=None):
        try:
            return super().read(path, below)
        except FileNotFoundError:
            if path.endswith((".yml", ".yaml")):
                raise
            return b"FILLED_IN=1\n"


def accepted():
    for file in sorted(EXPECTED.glob("*/**/*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        yield f"{document['case']['source']}/{document['case']['path']}", document


def rejected():
    for case in json.loads((EXPECTED / "rejected.json").read_text(encoding="utf-8")):
        yield f"{case['source']}/{case['path']}", case


def judge(name, case):
    """The problems of a file, and the notices."""
    variables = {**VARIABLES, **case["env"]}
    try:
        project = load([Source(str(CORPUS / name))], reader=FilledFiles(), variables=variables, check=check_document)
    except ComposeError as error:
        return error.problems, []
    return check_project(project, "stack")


def test_what_deploys_has_no_problem():
    """Files that the CLI accepts, unless the real engine refused what the CLI made of them."""
    found = {}
    for name, document in accepted():
        if document["real"] is None or document["real"]["accepted"]:
            problems, _notices = judge(name, document["case"])
            if problems:
                found[name] = problems
    assert {name: found[name] for name in found if name not in EXCEPTIONS["accepted"]} == {}
    assert sorted(found) == sorted(EXCEPTIONS["accepted"])


def test_what_the_engine_refuses_is_found_before():
    refused = [(name, d) for name, d in accepted() if d["real"] and not d["real"]["accepted"]]
    assert len(refused) >= 5
    assert [(name, d["real"]["message"]) for name, d in refused if not judge(name, d["case"])[0]] == []


def test_what_the_cli_refuses_for_its_form_only_has_no_problem():
    cases = [(name, case) for name, case in rejected() if all(FORMAT.search(reason) for reason in case["reasons"])]
    assert len(cases) >= 25
    found = {name: problems for name, case in cases if (problems := judge(name, case)[0])}
    assert {name: found[name] for name in found if name not in EXCEPTIONS["rejected_for_format"]} == {}
    assert sorted(found) == sorted(EXCEPTIONS["rejected_for_format"])


def test_every_problem_has_a_place():
    """And there is no traceback: any exception but ComposeError fails this test."""
    for name, case in rejected():
        for problem in (p for found in judge(name, case) for p in found):
            assert problem.file and problem.line > 0 and problem.message and problem.code, (name, problem)
