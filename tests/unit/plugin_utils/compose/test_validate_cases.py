"""Golden cases: tests/unit/cases/validate/CASE/compose.yml, and its problems and notices in expected.txt.

A line is ``problem`` or ``notice``, the code, and the text for the user. ``stack.txt`` contains the stack's name
if it isn't ``shop``.
"""

from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.check_project import check_project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import check_document
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report

CASES = Path(__file__).resolve().parents[2] / "cases" / "validate"


def said(case):
    files = MemoryFiles({file.name: file.read_bytes() for file in case.iterdir()})
    stack = (case / "stack.txt").read_text().strip() if (case / "stack.txt").exists() else "shop"
    report = Report()
    project = load([Source("compose.yml")], reader=files, variables={}, check=check_document, report=report)
    problems, notices = check_project(project, stack)
    report.add(problems)
    try:
        report.finish()
    except ComposeError as error:
        problems = error.problems
    lines = [f"problem {problem.code} {problem}" for problem in problems]
    return lines + [f"notice {notice.code} {notice}" for notice in notices]


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case):
    expected = (CASES / case / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert said(CASES / case) == expected


#: The stable codes of rules and schema; users may rely on them.
CODES = """
address constraint credential_spec cycle dnsrr duplicate_name duplicate_port duplicate_target enum external
healthcheck host_port image job key_type mount_options mount_source mount_target mount_type name name_too_long
network_driver network_mode no_effect no_healthcheck no_image no_services pattern port range replicas required size
sources template type undefined_config undefined_network undefined_secret undefined_service undefined_volume units
unknown_key unsupported version_1
"""


def test_every_code_is_proven_by_a_case():
    seen = {line.split()[1] for file in CASES.glob("*/expected.txt") for line in file.read_text().splitlines()}
    assert sorted(set(CODES.split()) - seen) == []
