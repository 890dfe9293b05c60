"""Code blocks on pages are checked as far as possible without a Swarm (docs/style.md, rule 17)."""

import configparser
import json
import re
import shlex
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import read_yaml
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.load import load_registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Source as RegistrySource

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from documented import blocks_in, documentation

OURS = "stackwright.swarm."
#: Recorded runs and drawings are excerpts by their kind: of these, only the commands are checked.
RECORDED = ("console", "text", "")
LANGUAGES = ("yaml", "json", "ini", "python", "{toctree}", *RECORDED)
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])


BLOCKS = [block for page in PAGES for block in blocks_in(str(page.relative_to(ROOT)), page.read_text())]


class Loader(yaml.SafeLoader):
    """YAML with the tags of Ansible and Compose."""


Loader.add_multi_constructor("!", lambda loader, tag, node: f"<{tag}>")


def of(*languages):
    found = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", found, ids=str)


def test_every_block_says_what_it_is():
    assert len(BLOCKS) > 200
    assert [str(block) for block in BLOCKS if block.language not in LANGUAGES] == []
    marks = [block for block in BLOCKS if block.language == "python"]
    assert all(re.match(r"(in|function of|row of): ", block.mark) for block in marks)


@of("ini")
def test_settings_can_be_read(block):
    # The lines of an inventory are not settings, and are not checked further.
    assert configparser.ConfigParser(allow_no_value=True).read_string(block.text) is None


@of("json")
def test_json_can_be_read(block):
    assert block.mark == "excerpt" or json.loads(block.text)


# -- YAML


@cache
def options_of(module):
    """Returns the documentation of options by name: a module's own and those of its fragments."""
    own = documentation(module, "DOCUMENTATION")
    options = dict(own["options"])
    for fragment in own.get("extends_documentation_fragment", ()):
        name, _dot, part = fragment[len(OURS) :].partition(".")
        text = (ROOT / f"plugins/doc_fragments/{name}.py").read_text()
        texts = re.findall(rf'^    {(part or "DOCUMENTATION").upper()} = r?"""(.*?)"""', text, re.S | re.M)
        options.update(yaml.safe_load(texts[0]).get("options") or {})
    for option in list(options.values()):
        options.update(dict.fromkeys(option.get("aliases") or (), option))
    return options


@cache
def variables_of(role):
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    return spec["argument_specs"]["main"]["options"]


TYPES = {
    "dict": dict,
    "list": (list, str, dict),
    "bool": bool,
    "int": int,
    "str": (str, int, float),
    "float": (int, float),
}
#: Ansible's own keys of an inventory source, besides those of its caches.
INVENTORY = ("cache", "cache_plugin", "cache_connection")


def wrong(options, given, where, whole=True):
    """Returns the keys of ``given`` that are not in ``options``; with ``whole`` also missing required ones."""
    for name, value in given.items():
        option = options.get(name)
        if option is None:
            yield f"{where} has no option {name}"
            continue
        if value is None or (isinstance(value, str) and ("{{" in value or value.startswith("<!"))):
            continue
        if not isinstance(value, TYPES.get(option.get("type", "str"), object)):
            yield f"{where}: {name} is {option.get('type')}"
        known = option.get("choices")
        for item in value if isinstance(value, list) else [value]:
            if known and item not in known:
                yield f"{where}: {name} can't be {item}"
            inner = option.get("suboptions") or option.get("options")
            if inner and isinstance(item, dict):
                yield from wrong(inner, item, f"{where}: {name}")
    missing = [name for name, option in options.items() if option.get("required") and name not in given]
    if whole and missing:
        yield f"{where} needs {', '.join(missing)}"


def wrong_in_tasks(items, defaults=()):
    """Returns the problems of plays, tasks, blocks and roles of ours."""
    for item in items:
        for part in ("tasks", "block", "rescue", "always", "pre_tasks", "post_tasks", "handlers"):
            yield from wrong_in_tasks(item.get(part) or ())
        for role in item.get("roles") or ():
            named = role if isinstance(role, dict) else {"role": role}
            yield from wrong_role(named["role"], {**(item.get("vars") or {}), **named.get("vars", {})})
        for key, value in item.items():
            if key.startswith(OURS) and (ROOT / "plugins/modules" / f"{key[len(OURS) :]}.py").exists():
                yield from wrong(options_of(key[len(OURS) :]), value or {}, key)
            elif key.rpartition(".")[2] in ("include_role", "import_role"):
                yield from wrong_role(value["name"], item.get("vars") or {})
            elif key.rpartition(".")[2] == "import_playbook":
                yield from () if playbook(value) else [f"there is no playbook {value}"]
            elif key.startswith(OURS):
                yield f"there is no module {key}"


def wrong_role(name, given):
    if not name.startswith(OURS):
        return
    options = variables_of(name[len(OURS) :])
    # Variables with other names are the user's own; required ones may come from the inventory.
    yield from wrong(options, {key: value for key, value in given.items() if key in options}, name, whole=False)


def playbook(name):
    path = ROOT / "playbooks" / f"{name.removeprefix(OURS)}.yml"
    return path.read_text() if name.startswith(OURS) and path.exists() else ""


def wrong_mapping(block, read):
    """Returns the problems of a mapping: an inventory, options of a stack, or variables of roles and playbooks."""
    if "plugin" in read:
        options = documentation(read["plugin"].removeprefix(OURS), "DOCUMENTATION", "inventory")["options"]
        own = {name: value for name, value in read.items() if name not in INVENTORY}
        return list(wrong(options, own, read["plugin"]))
    if "after" in read:
        return list(wrong({"after": {"type": "list"}, **options_of("compose_stack")}, read, str(block), whole=False))
    files = [*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "extensions" / "eda" / "rulebooks").glob("*.yml")]
    words = set(re.findall(r"\w+", " ".join(path.read_text() for path in files)))
    roles = {name: option for path in (ROOT / "roles").iterdir() for name, option in variables_of(path.name).items()}
    known = {name: roles.get(name, {"type": "raw"}) for name in read if name in words | set(roles)}
    return list(wrong(known, read, str(block), whole=False))


@of("yaml")
def test_yaml_is_what_its_reader_takes(block, tmp_path):
    if block.mark.startswith("in: ") or (block.page == "docs/pipeline.md" and block.mark):
        return  # an excerpt of a file, or a block that test_docs.py runs
    if block.mark != "excerpt" and re.search(r"^services:$", block.text, re.M):
        # Our own parser: a value may begin with an expression.
        request = CompileRequest(
            [Source("compose.yml", block.text)], name="shop", variables={"TAG": "1.4", "RELEASE": "1"}
        )
        assert compile_stack(request, MemoryFiles({}))["services"]
        return
    if block.mark == "excerpt":
        report = Report()
        assert read_yaml(block.text, str(block), report) or block.text.startswith("#")
        report.finish()
        return
    read = yaml.load(block.text, Loader)
    if isinstance(read, list):
        assert list(wrong_in_tasks(read)) == []
    elif {"phases", "apps"} & set(read):
        findings, path = Findings(), tmp_path / "services.registry.yaml"
        path.write_text(block.text)
        load_registry([RegistrySource(str(path), block.text.encode())], findings)
        assert findings.problems == []
    else:
        assert wrong_mapping(block, read) == []


def inline():
    """Returns tasks in tables, written as ``module: {option: value}``."""
    for path in PAGES:
        for text in re.findall(r"`(\w+: \{.*?\})` \|", path.read_text()):
            ((module, given),) = yaml.safe_load(text).items()
            if (ROOT / f"plugins/modules/{module}.py").exists():
                yield path.name, module, given


@pytest.mark.parametrize(("page", "module", "given"), list(inline()), ids=lambda value: str(value)[:40])
def test_a_task_in_a_table_has_real_options(page, module, given):
    assert list(wrong(options_of(module), given, f"{page}: {module}", whole=False)) == []


def test_there_are_twenty_recipes():
    assert len(re.findall(r"^## ", (ROOT / "docs/guides/recipes.md").read_text(), re.M)) >= 20
    assert list(inline())


# -- commands


def commands(text):
    """Returns the commands after prompts, including lines that a backslash continues."""
    joined = text.replace("\\\n", " ")
    return [line.strip().removeprefix("$ ") for line in joined.splitlines() if line.strip().startswith("$ ")]


def wrong_command(words):
    given = [word.partition("=")[0] for before, word in zip(words, words[1:]) if before == "-e" and "=" in word]
    for name in (word for word in words if word.startswith(OURS)):
        text = playbook(name)
        if not text:
            yield f"there is no playbook {name}"
        roles = re.findall(rf"{OURS}(\w+)", text)
        known = {option for role in roles if (ROOT / "roles" / role).is_dir() for option in variables_of(role)}
        # Names with another prefix than ours are the user's own.
        ours = {one.partition("_")[0] for one in known | set(re.findall(r"\w+_hosts", text))}
        unknown = [one for one in given if one not in text and one not in known]
        yield from (f"{name} has no variable {one}" for one in unknown if one.partition("_")[0] in ours)
    if words[0] == "make":
        made = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
        yield from (f"there is no target {word}" for word in words[1:] if "=" not in word and word not in made)


@of(*RECORDED)
def test_commands_are_real(block):
    for command in commands(block.text):
        words = shlex.split(command.replace("'\\''", ""), comments=True)
        if words and words[0] in ("ansible-playbook", "make"):
            assert list(wrong_command(words)) == []


def test_what_is_wrong_is_seen():
    bad = yaml.safe_load("[{stackwright.swarm.compose_stack: {naem: shop, state: none}}, {stackwright.swarm.none: {}}]")
    assert list(wrong_in_tasks(bad)) == [
        "stackwright.swarm.compose_stack has no option naem",
        "stackwright.swarm.compose_stack: state can't be none",
        "there is no module stackwright.swarm.none",
    ]
    assert list(wrong_command(["make", "nothing"])) and list(wrong_command(["ansible-playbook", OURS + "x"]))
    assert list(wrong_command(["ansible-playbook", OURS + "deploy", "-e", "stack_naem=x"]))
    assert [block.line for block in blocks_in("x", "a\n```yaml\nb: 1\n```\n")] == [2]
