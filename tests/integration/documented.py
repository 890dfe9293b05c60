"""What the documentation promises: the examples as tasks, the keys of results, and the code blocks of pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
FILTERS = sorted(path.stem for path in (ROOT / "plugins" / "filter").glob("*.yml"))

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)$")
MARK = re.compile(r" *<!-- (.*) -->$")

#: What Ansible itself puts into results.
COMMON = frozenset(
    {"changed", "failed", "msg", "diff", "invocation", "warnings", "deprecations", "exception", "censored"}
)


def documentation(name: str, part: str, kind: str = "modules") -> object:
    """DOCUMENTATION, EXAMPLES or RETURN of a module, or of a plugin of another kind."""
    tree = ast.parse((ROOT / "plugins" / kind / f"{name}.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == part:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise LookupError(f"{name} has no {part}")


def filter_examples(name: str) -> list[dict]:
    """The tasks in the EXAMPLES of a filter."""
    text = (ROOT / "plugins" / "filter" / f"{name}.yml").read_text()
    return yaml.safe_load(yaml.safe_load(text)["EXAMPLES"])


def readme_plays() -> list[str]:
    """The texts of the playbooks in the README; tasks without a play get one."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    head = "- hosts: swarm_managers\n  gather_facts: false\n  tasks:\n"
    return [block if "hosts:" in block else head + indent(block, "    ") for block in blocks]


def promised(entries: dict) -> dict:
    """The keys of a RETURN, nested as far as ``contains`` goes: key -> the same again, or {}."""
    return {name: promised(entry.get("contains") or {}) for name, entry in entries.items()}


def found(results: list[dict], keys: dict) -> dict:
    """The keys of real results, as deep as ``keys`` names them."""
    seen: dict = {}
    for result in results:
        for name, value in result.items():
            if name.startswith("_ansible"):
                continue
            inner = value if isinstance(value, list) else [value]
            parts = [part for part in inner if isinstance(part, dict)] if keys.get(name) else []
            merge(seen.setdefault(name, {}), found(parts, keys[name]) if parts else {})
    return seen


def merge(into: dict, more: dict) -> None:
    """Adds the keys of ``more``, nested."""
    for name, inner in more.items():
        merge(into.setdefault(name, {}), inner)


def paths(keys: dict, start: str = "") -> set[str]:
    """Nested keys as dotted text."""
    every = set()
    for name, inner in keys.items():
        every |= {start + name} | paths(inner, f"{start}{name}.")
    return every


class Block(NamedTuple):
    """A code block of a page; ``mark`` is the comment on the line before it."""

    page: str
    line: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_in(page: str, text: str) -> Iterator[Block]:
    """The code blocks of a page, in order."""
    lines, number = text.splitlines(), 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if fence:
            mark = MARK.match(lines[number - 1]) if number else None
            end = lines.index(f"{fence['indent']}```", number + 1)
            inside = "".join(line.removeprefix(fence["indent"]) + "\n" for line in lines[number + 1 : end])
            yield Block(page, number + 1, fence["language"], mark[1] if mark else "", inside)
            number = end
        number += 1
