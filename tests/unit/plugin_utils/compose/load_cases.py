"""The golden cases of load: one directory each under tests/unit/cases/load/.

A case contains its Compose files and ``case.yml``: ``intent`` (a sentence), and optionally ``sources`` (default:
compose.yml), ``variables``, ``env_overrides``, ``env_files``, ``profiles``, ``name``, ``project_directory``,
``definition`` (inline), and ``oracle: WHY`` if the result of `docker compose config` is known to differ.
``expected.yml`` contains the result, the problems or the notices. The files are in /project.
As a program, it prints the result of a case: load_cases.py DIRECTORY.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[4]
CASES = ROOT / "tests" / "unit" / "cases" / "load"
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import to_plain

HOME = "/project"


def case_of(directory):
    return yaml.safe_load((directory / "case.yml").read_text(encoding="utf-8")) or {}


def files_of(directory):
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name not in ("case.yml", "expected.yml"):
            found[f"{HOME}/{path.relative_to(directory)}"] = path.read_bytes()
    return found


def sources_of(directory, case):
    if "definition" in case:
        return [Source(f"{HOME}/definition", case["definition"])]
    return [Source(f"{HOME}/{name}") for name in case.get("sources", ["compose.yml"])]


def run_case(directory):
    """Returns the content that ``expected.yml`` should have."""
    case = case_of(directory)
    known = ("env_files", "env_overrides", "profiles", "name", "project_directory")
    options = {key: case[key] for key in known if key in case}
    variables = case.get("variables", {})
    try:
        project = load(
            sources_of(directory, case), reader=MemoryFiles(files_of(directory)), variables=variables, **options
        )
    except ComposeError as error:
        return {"problems": [str(problem) for problem in error.problems]}
    result = {**to_plain(project.tree), "name": project.name}
    if project.contents:
        result["contents"] = {"/".join(key): data.decode("utf-8") for key, data in project.contents.items()}
    if project.notices:
        result["notices"] = [str(notice) for notice in project.notices]
    if project.values:
        result["values"] = [_value(entry) for entry in project.values]
    if case.get("where"):
        result["where"] = {path: _where(project, path) for path in case["where"]}
    return result


def _value(entry):
    how = f"{entry['generator']} {entry['params']}" if entry["generator"] else f"given {entry['given']!r}"
    return f"{entry['name']}: {how} ({entry['where']})"


def _where(project, dotted):
    path = tuple(int(key) if key.isdigit() else key for key in dotted.split("/"))
    mark = project.where(path)
    return f"{mark.file}:{mark.line}"


def dump(result):
    return yaml.safe_dump(result, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


if __name__ == "__main__":
    print(dump(run_case(Path(sys.argv[1]).resolve())), end="")
