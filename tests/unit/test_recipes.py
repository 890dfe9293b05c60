"""Tasks on pages for users have only options that their modules have, with values of the right type."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/guides/recipes.md", "docs/guides/coming_from.md", "docs/errors.md")
OURS = "stackwright.swarm."
PARENT = {"dict": dict, "list": list, "bool": bool, "int": int, "str": (str, int, float)}


def options_of(module):
    """Name: documentation, of a module's own options and of those of its fragments."""
    text = (ROOT / f"plugins/modules/{module}.py").read_text()
    own = yaml.safe_load(re.search(r'DOCUMENTATION = r"""\n(.*?)"""', text, re.S)[1])
    options = dict(own["options"])
    for fragment in own.get("extends_documentation_fragment", ()):
        name, _dot, part = fragment[len(OURS) :].partition(".")
        text = (ROOT / f"plugins/doc_fragments/{name}.py").read_text()
        texts = re.findall(rf'^    {(part or "DOCUMENTATION").upper()} = r?"""(.*?)"""', text, re.S | re.M)
        options.update(yaml.safe_load(texts[0]).get("options") or {})
    return options


def tasks():
    for page in PAGES:
        text = (ROOT / page).read_text()
        blocks = re.findall(r"```yaml\n(.*?)```", text, re.S)
        for block in [*blocks, *re.findall(r"`(\w+: \{.*?\})` \|", text)]:
            read = yaml.safe_load(block)
            for task in read if isinstance(read, list) else [read]:
                for name, given in task.items():
                    module = name.removeprefix(OURS)
                    if (ROOT / f"plugins/modules/{module}.py").exists():
                        yield page, module, given


@pytest.mark.parametrize(("page", "module", "given"), list(tasks()), ids=lambda value: str(value)[:40])
def test_a_task_on_a_page_has_real_options(page, module, given):
    options = options_of(module)
    for name, value in given.items():
        assert name in options, f"{page}: {module} has no option {name}"
        wanted = options[name].get("type", "str")
        is_template = isinstance(value, str) and "{{" in value
        assert is_template or wanted == "list" or isinstance(value, PARENT.get(wanted, object)), f"{page}: {name}"
        if isinstance(value, dict) and options[name].get("suboptions"):
            assert set(value) <= set(options[name]["suboptions"]), f"{page}: {name} of {module}"


def test_there_are_twenty_recipes():
    assert len(re.findall(r"^## ", (ROOT / "docs/guides/recipes.md").read_text(), re.M)) >= 20
    assert len(list(tasks())) >= 12
