"""Cases of the stages that create the desired state, as files: see differences().

CASE/compose.yml    the Compose file
CASE/options.yml    optional: stack, convert, platform (options of each), files (path to text), variables
CASE/expected.yml   for each object a map from a path (``A/B/0``) to the expected value, or ``(absent)``;
                    waves; notices and problems as ``LINE KEY CODE``; or the complete state under ``whole``
"""

import json
from pathlib import Path

import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import ConvertOptions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.desired import convert
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.policy import platform
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.presets import with_preset
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

CASES = Path(__file__).resolve().parents[2] / "cases"
ABSENT = "(absent)"


def directories(stage):
    return sorted(path.parent for path in (CASES / stage).glob("*/expected.yml"))


def differences(directory):
    """Runs a case; returns the differences from the expected result, one line each."""
    expected = yaml.safe_load((directory / "expected.yml").read_text())
    try:
        desired = run(directory)
    except ComposeError as error:
        found = [f"{problem.line} {problem.key} {problem.code}" for problem in error.problems]
        return [] if found == expected.get("problems") else [f"problems are {found}", str(error)]
    if "problems" in expected:
        return ["there were no problems"]
    return list(_differences(desired, expected))


def _differences(desired, expected):
    if json.loads(json.dumps(desired)) != desired:
        yield "the desired state is not plain data"
    for section in ("services", "networks", "configs", "secrets"):
        entries = {entry["key" if section == "services" else "name"]: entry for entry in desired[section]}
        for name, values in expected.get(section, {}).items():
            if values == ABSENT or name not in entries:
                if (values == ABSENT) == (name in entries):
                    yield f"{section} are {sorted(entries)}"
                continue
            for path, value in values.items():
                if at(entries[name], path) != value:
                    yield f"{section}.{name} {path}: {at(entries[name], path)}"
    if desired["waves"] != expected.get("waves", desired["waves"]):
        yield f"waves are {desired['waves']}"
    notices = sorted(f"{n['line']} {n['key']} {n['code']}" for n in desired["notices"])
    if notices != sorted(expected.get("notices", notices)):
        yield f"notices are {notices}"
    if desired != expected.get("whole", desired):
        yield f"the whole is {json.dumps(desired)}"


def run(directory):
    path = directory / "options.yml"
    given = yaml.safe_load(path.read_text()) if path.exists() else {}
    files = MemoryFiles({"compose.yml": (directory / "compose.yml").read_text(), **given.get("files", {})})
    project = load([Source("compose.yml")], reader=files, variables=given.get("variables", {}))
    options = dict(given.get("convert", {}))
    if "apply_ignored" in options:
        options["apply_ignored"] = frozenset(options["apply_ignored"])
    desired = convert(project, Stack(**{"name": "shop", **given.get("stack", {})}), options=ConvertOptions(**options))
    return platform(desired, project, with_preset(given.get("platform", {})))


def at(entry, path):
    """Returns the value at a path in the entry's spec, or in the entry itself if the path begins with a dot."""
    value = entry if path.startswith(".") else entry["spec"]
    for part in path.lstrip(".").split("/"):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError):
            return ABSENT
    return value
