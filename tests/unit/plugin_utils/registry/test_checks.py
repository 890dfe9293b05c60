"""Golden cases: tests/unit/cases/registry/CASE/services.registry.yaml and, in expected.txt, what is said about it.

A line is ``problem`` or ``warning``, the code, the service (or ``-``), and the text that a user reads. Other files of a
case are overlays.
"""

from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import checked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import generate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import RegistryError, Source

CASES = Path(__file__).resolve().parents[2] / "cases" / "registry"
NAME = "services.registry.yaml"


def sources(case):
    overlays = sorted(file for file in case.glob("services.registry.*.yaml"))
    return [Source(file.name, file.read_bytes()) for file in (case / NAME, *overlays)]


def said(case, strict=False, accept=()):
    try:
        registry, findings = checked(sources(case), strict, accept)
        generate(registry, findings, NAME)
        problems, warnings = [], findings.warnings
        findings.finish()
    except RegistryError as error:
        problems = error.problems
        warnings = findings.warnings if "findings" in locals() else []
    lines = [f"problem {found.code} {found.service or '-'} {found}" for found in problems]
    return lines + [f"warning {found.code} {found.service or '-'} {found}" for found in warnings]


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case):
    expected = (CASES / case / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert said(CASES / case) == expected


#: The codes that the checks promise; users may match on them, and accept some.
CODES = """
alias_taken compose_key container_name_taken dependency_circle dependency_later dependency_missing domain
duplicate_key duplicate_service encoding file health_cannot_fail health_field health_port health_tool image name
network_undefined no_mapping no_phase phase_order phase_undefined port port_taken required restart_unquoted route_port
same_order secret_undefined config_undefined subdomain_taken subnet subnet_overlap type unknown_key unpinned version
version_twice volume_undefined yaml_syntax
"""


def test_every_code_is_proven_by_a_case():
    seen = {line.split()[1] for file in CASES.glob("*/expected.txt") for line in file.read_text().splitlines()}
    assert sorted(set(CODES.split()) - seen) == []


def test_every_finding_has_a_place_a_reason_and_a_remedy():
    for case in CASES.iterdir():
        for line in said(case):
            kind, code, _service, text = line.split(" ", 3)
            assert text.split(":")[1].isdigit(), f"{case.name}: no line in {text}"
            assert text.endswith(")") or code in ("yaml_syntax", "key_type", "range"), (
                f"{case.name}: no remedy in {text}"
            )


def test_strict_makes_warnings_problems_and_accept_makes_problems_warnings():
    assert [line.split()[0] for line in said(CASES / "same_order", strict=True)] == ["problem"]
    assert [line.split()[0] for line in said(CASES / "phase_order", accept=["phase_order"])] == ["warning"]
    # What was accepted stays so.
    assert [line.split()[0] for line in said(CASES / "phase_order", strict=True, accept=["phase_order"])] == ["warning"]
    later = said(CASES / "dependency_later", accept=["dependency_later"])
    assert [line.split()[0] for line in later] == ["warning"]
