"""Real registries of ../shared, as they were committed; and mutants of them."""

import os
import re
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from mutants import entries_of, mutant_of

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import (
    ACCEPTABLE,
    checked,
    read_registry,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import generate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import RegistryError, Source

FOLDER = Path(__file__).resolve().parents[5] / "shared" / "registries"
FILES = sorted(FOLDER.glob("*.yaml"))
BROKEN = ("21", "23", "25")
LONG = os.environ.get("STACKWRIGHT_LONG") == "1"
MUTANTS = 500 if LONG else 40

pytestmark = pytest.mark.skipif(not FILES, reason="the registries (../shared) are not on this machine")


def parsed(text):
    return yaml.load(text, yaml.CSafeLoader)


def generated(text, accept=ACCEPTABLE):
    registry, findings = checked([Source("r.yaml", text.encode())], accept=accept)
    files = generate(registry, findings, "r.yaml")
    findings.finish()
    return files, findings


def mended(text):
    """Without dependencies on services that are not there, which two revisions have; a person would remove them."""
    _registry, findings = checked([Source("r.yaml", text.encode())])
    lines = text.splitlines(keepends=True)
    for problem in sorted(findings.problems, key=lambda found: -found.line):
        if problem.code == "dependency_missing":
            del lines[problem.line - 1]
            if lines[problem.line - 2].strip() == "depends_on:" and not lines[problem.line - 1].lstrip().startswith(
                "-"
            ):
                del lines[problem.line - 2]
    return "".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_revision(file):
    """Broken ones give one clear error; of the others each contradiction is reported with its line, and files come."""
    text = file.read_text()
    if file.name.startswith(BROKEN):
        with pytest.raises(RegistryError) as error:
            read_registry([Source("r.yaml", text.encode())])
        (problem,) = error.value.problems
        place = pytest.raises(yaml.YAMLError, yaml.safe_load, text).value.problem_mark
        assert problem.code == "yaml_syntax" and abs(problem.line - place.line) <= 2 and problem.hint
        return
    with pytest.raises(RegistryError) as error:
        read_registry([Source("r.yaml", text.encode())])
    known = {*ACCEPTABLE, "dependency_missing"}
    for problem in error.value.problems:
        assert problem.code in known and problem.service and problem.hint
        line = text.splitlines()[problem.line - 1]
        assert problem.key.rpartition(".")[2].partition("[")[0] in line or "- " in line
    found = Counter(problem.code for problem in error.value.problems)
    tree = parsed(text)
    services = {
        name: keys
        for category, entries in tree.items()
        if category not in ("networks", "phases")
        for name, keys in entries.items()
    }
    order = {name: phase["order"] for name, phase in tree["phases"].items()}
    assert found["phase_order"] == sum(keys["phase_order"] != order[keys["phase"]] for keys in services.values())
    assert found["restart_unquoted"] == sum(keys.get("restart") is False for keys in services.values())
    needed = [(keys, services.get(name)) for keys in services.values() for name in keys.get("depends_on", ())]
    later = sum(bool(other) and order[other["phase"]] > order[keys["phase"]] for keys, other in needed)
    assert found["dependency_later"] == later
    assert found["dependency_missing"] == sum(other is None for _keys, other in needed)
    files, _findings = generated(mended(text))
    named = [name for path, body in files.items() if path.startswith("compose/") for name in parsed(body)["services"]]
    assert Counter(named) == Counter(list(services))


def test_the_names_of_the_proxy_are_derived():
    """Those that it repeats by hand may be left out: each domain of a service stays its alias."""
    text = mended(FILES[-4].read_text())
    start = text.index("    additional_aliases:")
    end = text.index("    ports:", start)
    before, after = (parsed(generated(given)[0]["compose/core.yml"]) for given in (text, text[:start] + text[end:]))
    names = [set(found["services"]["caddy"]["networks"]["caddy"]["aliases"]) for found in (before, after)]
    assert names[1] and names[1] <= names[0]
    subdomains = re.findall(r"^    subdomain: ([a-z-]+)", text, re.M)
    assert {f"{name}.${{DOMAIN}}" for name in subdomains if name != "null"} <= names[1]


def without_checksums(files):
    """What a registry says to Compose and to people: without the checksums of the registry and of the files."""
    return {path: re.sub(r"sha256:[0-9a-f]{64}", "", text) for path, text in files.items()}


@pytest.mark.slow
def test_no_mutant_is_silent():
    """Each gives an error at the right line, a warning that was not there, or other files."""
    random = Random(16)
    seen = Counter()
    sources = {}
    for file in FILES:
        if not file.name.startswith(BROKEN):
            text = mended(file.read_text())
            files, findings = generated(text)
            sources[file.name] = (text, entries_of(text), files, {str(found) for found in findings.warnings})
    for _number in range(MUTANTS):
        name = random.choice(sorted(sources))
        text, entries, files, warnings = sources[name]
        mutant = mutant_of(text, entries, random)
        where = f"{name}:{mutant.entry.first} {'.'.join(mutant.entry.path)} {mutant.kind}"
        try:
            other, findings_of_mutant = generated(mutant.text)
        except RegistryError as error:
            problems = error.problems
            assert all(problem.line > 0 for problem in problems), where
            assert right(problems, mutant), f"{where}: {error}"
            seen["error"] += 1
            continue
        news = {str(found) for found in findings_of_mutant.warnings} - warnings
        differs = without_checksums(other) != without_checksums(files)
        assert differs or news, f"{where} is silent: nothing but a checksum changes"
        seen["other files" if differs else "warning"] += 1
    assert seen["error"] > MUTANTS / 5 and seen["other files"] > MUTANTS / 5
    print(f"{MUTANTS} mutants: {dict(seen)}")


def right(problems, mutant):
    """Whether a problem is where the key is now; or of the service that lost it, or names it."""
    name, service = mutant.entry.path[-1], mutant.entry.path[1] if len(mutant.entry.path) > 1 else ""
    return any(
        problem.line in mutant.lines
        or (service and problem.service == service)
        or name in problem.message
        or any(part in problem.key for part in mutant.entry.path[:2])
        for problem in problems
    )
