"""Compose files → registry → Compose files: the project that is loaded stays the same, over the corpus."""

import os
import re
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source as ComposeFile
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import to_plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import checked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import generate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.whole import definition
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.import_files import import_files
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.load import load_registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Source

SHARED = Path(__file__).resolve().parents[5] / "shared"
SAMPLE = 1 if os.environ.get("STACKWRIGHT_LONG") == "1" else 10
REQUIRED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*):?\?")


class Over:
    """Files that only exist here, over those of the disk."""

    def __init__(self, files):
        self.files, self.disk = files, LocalFiles()

    def read(self, path, below=None):
        return self.files[path].encode() if path in self.files else self.disk.read(path, below)


def compared(project):
    """Without what a registry does not have (the name, ``x-``), or what says nothing: empty maps and lists, and
    definitions of volumes that are only named."""
    tree = {key: value for key, value in to_plain(project.tree).items() if key != "name" and not key.startswith("x-")}
    tree["volumes"] = {key: value for key, value in tree.get("volumes", {}).items() if value}
    return said({key: value for key, value in tree.items() if value})


def said(node):
    if not isinstance(node, dict):
        return node
    return {key: said(value) for key, value in node.items() if value not in ({}, [])}


def generated(text):
    findings = Findings()
    registry = load_registry([Source("services.registry.yaml", text.encode())], findings)
    files = generate(registry, findings, "services.registry.yaml")
    findings.finish()
    return registry, files


def trip(paths):
    """What became of files: ``equal``, or the reason why not."""
    folder = str(paths[0].parent)
    text = "".join(path.read_text(errors="replace") for path in paths)
    more = {
        "variables": {"HOME": "/home/somebody", **dict.fromkeys(REQUIRED.findall(text), "1")},
        # An included project reads it without being told to, and the files of a registry are all included.
        "env_files": [".env"] if (paths[0].parent / ".env").exists() else [],
        "name": "p",
        "profiles": ["*"],
    }
    try:
        first = load([ComposeFile(str(path)) for path in paths], reader=LocalFiles(), **more)
    except ComposeError:
        return "not loadable"
    if not first.services:
        return "no services"
    try:
        made = import_files([str(path) for path in paths], reader=LocalFiles(), to=folder)
        registry, files = generated(made.text)
    except ComposeError as error:
        return f"named: {error.problems[0].code}"
    inside = {f"{folder}/{path}": content for path, content in files.items()}
    again = load([ComposeFile(f"{folder}/compose.yml")], reader=Over(inside), **more)
    whole = definition(registry, Findings(), "stackwright")
    alone = load([ComposeFile(f"{folder}/compose.yml", whole)], reader=LocalFiles(), **more)
    assert compared(alone) == compared(again)
    wanted, got = compared(first), compared(again)
    if wanted == got and first.contents == again.contents:
        return "equal"
    named = {problem.key.split(".")[1] for problem in made.problems if problem.key.startswith("services.")}
    kept = {key: value for key, value in wanted["services"].items() if key not in named}
    if named and kept == got["services"]:
        return "named: services"
    sections = {problem.key.partition(".")[0] for problem in made.notices if problem.code == "not_carried"}
    if {key for key in {*wanted, *got} if wanted.get(key) != got.get(key)} <= sections:
        return "named: sections"
    return "different"


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the corpus (../shared) is not on this machine")
@pytest.mark.parametrize("part", range(4))
def test_the_corpus_imported_and_generated_is_the_same_project(part):
    files = sorted(path for pattern in ("*.yml", "*.yaml") for path in (SHARED / "corpus").rglob(pattern))[::SAMPLE]
    results = {file: trip([file]) for file in files[part::4]}
    counts = {result: list(results.values()).count(result) for result in set(results.values())}
    print(counts)
    assert [file for file, result in results.items() if result == "different"] == []
    assert counts["equal"] >= 600 / SAMPLE / 4


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


WEB = (
    "services:\n  web:\n    image: nginx:1\n    ports: ['80:80']\n    environment: [A=1, B=2]\n"
    "    volumes: [./site:/s]\n"
)


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (
            {"compose.yml": WEB, "b.yml": "services: {web: {environment: {B: x}, ports: ['81:81']}}"},
            ["compose.yml", "b.yml"],
        ),
        ({"compose.yml": WEB, "b.yml": "services: {web: {ports: !override ['81:81']}}"}, ["compose.yml", "b.yml"]),
        ({"compose.yml": WEB, "b.yml": "services: {web: {environment: !reset null}}"}, ["compose.yml", "b.yml"]),
        (
            {
                "compose.yml": "include: [a/compose.yml, {path: b/x.yml, project_directory: .}]\n" + WEB,
                "a/compose.yml": "services: {a: {image: a, volumes: ['./d:/d', {type: bind, source: e, target: /e}]}}\n"
                "configs: {c: {file: c.txt}}\n",
                "a/c.txt": "text",
                "b/x.yml": "services: {b: {image: b, volumes: ['./d:/d'], build: {context: ./src}}}\n",
            },
            ["compose.yml"],
        ),
        (
            {
                "compose.yml": "services:\n  web: {extends: {service: base, file: c/common.yml}, image: x}\n"
                "  own: {extends: {service: web}, command: [a]}\n",
                "c/common.yml": "services: {base: {environment: {A: $$x}, volumes: ['./y:/y']}}",
            },
            ["compose.yml"],
        ),
        (
            {
                "compose.yml": "x-a: &a {restart: 'no', logging: {driver: none}}\nservices:\n  web:\n    <<: *a\n"
                "    image: x:1.10\n    command: sh -c 'echo $$HOME'\n    cpus: 0.50\n"
                "    environment: {A: 1e6, B: 1.10}\n"
                "    deploy: {mode: global, update_config: {max_failure_ratio: 0.1}}\n"
                "    configs: [{source: c, mode: 0440}]\n    tmpfs: /t\n    shm_size: 64m\n    user: '1000'\n"
                "    healthcheck: {test: [CMD, 'true'], retries: 3}\n    labels: {a: 1}\n    ulimits: {nofile: 5}\n"
                "configs: {c: {content: 'a: $$b'}}\n"
            },
            ["compose.yml"],
        ),
    ],
    ids=["merged", "override", "reset", "include", "extends", "forms"],
)
def test_files_of_every_kind_make_the_same_project(tmp_path, files, names):
    folder = write(tmp_path, files)
    assert trip([folder / name for name in names]) == "equal"


def test_an_imported_registry_passes_its_own_checks(tmp_path):
    folder = write(tmp_path, {"compose.yml": WEB})
    made = import_files([str(folder / "compose.yml")], reader=LocalFiles(), to=str(folder))
    _registry, findings = checked([Source("services.registry.yaml", made.text.encode())])
    assert findings.problems == []
