# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a vault of values: YAML with one line for each version, so that diffs stay small.

The values are Ansible Vault strings, each with its own salt; the rest is readable. Each stack has a section, which is
cut out of the text by its indentation. So a damaged section doesn't affect the others, and its bytes are preserved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

try:
    from yaml.cyaml import CParser
except ImportError:  # PyYAML without libyaml
    CParser = None

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import KeptData

TOP = "stackwright_values"
HEAD = "# Values of stacks, kept by stackwright.swarm; each one is encrypted with Ansible Vault.\n---\n"
_TOP_LINE = re.compile(rf"^{TOP}:[ \t]*(?:\{{[ \t]*\}})?[ \t]*(?:#.*)?\r?\n?\Z")
_KEY = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s\"'#\[\]{}&*!|>%@`,?:-][^:#]*?"
_SECTION = re.compile(rf"^ *({_KEY})[ \t]*:(?:\s|\Z)")
_FOREIGN = re.compile(rf"^(?:{_KEY})[ \t]*:(?:\s|\Z)")
_STACK = re.compile(rf"^ +stack:[ \t]+({_KEY})[ \t]*\r?$", re.MULTILINE)
#: Lines that only our sections have.
_OURS = re.compile(r"^ *(?:counter|versions|current|generator)[ \t]*:|!vault \"\$ANSIBLE_VAULT")
_ALONE = re.compile(r"^ *[^\s:/#]+:[ \t]*(?:#.*)?\r?\n?\Z")
_INNER = re.compile(r"(?: +|.*[{,] *)\"?(?:format|stack|counter)\"?:")
_REMARKS = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")
#: Exceptions of yaml's constructors if a value doesn't match its tag.
_YAML_ERRORS = (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, OverflowError, IndexError)


class Cipher(str):
    """A value that is still encrypted: the text of an Ansible Vault string."""


_Fastest: Any = yaml.SafeLoader
if CParser is not None:

    class _FastLoader(Composer, CParser, SafeConstructor, Resolver):
        """Parses with libyaml, six times as fast. Python composes the nodes, so that ``_Loader`` can reject some."""

        def __init__(self, stream: str) -> None:
            CParser.__init__(self, stream)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    _Fastest = _FastLoader


class _Loader(_Fastest):
    """Reads ``!vault``; rejects aliases and duplicate keys."""

    def compose_node(self, parent: object, index: object) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias", self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: object, deep: bool = False) -> Any:
        seen = set()
        for key, _value in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, "a key twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


_Loader.add_constructor("!vault", lambda loader, node: Cipher(loader.construct_scalar(node)))


class Section(NamedTuple):
    """A stack's part of the text. ``name`` is None if its owner is unknown; ``line`` counts from 1."""

    name: str | None
    text: str
    line: int


class Document(NamedTuple):
    """A file: the text before our sections, these, and the text of others after them."""

    head: str
    sections: tuple[Section, ...]
    tail: str = ""
    step: int = 2

    def section(self, stack: str) -> Section | None:
        """Returns the section of the stack, or None. Raises ValueError if it is ambiguous."""
        mine = [section for section in self.sections if section.name == stack]
        if len(mine) > 1:
            raise ValueError(f"the stack has two sections (lines {mine[0].line} and {mine[1].line})")
        lost = [section for section in self.sections if section not in mine and _may_be_of(section, stack)]
        if lost and not mine:
            raise ValueError(f"the section at line {lost[0].line} has no readable name, and may belong to this stack")
        return mine[0] if mine else None

    def replaced(self, stack: str, section: KeptData | None) -> str:
        """Returns the text with this section of the stack, or without any; the rest is unchanged."""
        texts = [(other.name, other.text) for other in self.sections if other.name != stack]
        if section is not None:
            old = self.section(stack)
            remarks = _REMARKS.match(old.text) if old else None
            new = (remarks.group() if remarks else "") + render_section(stack, section, self.step)
            before = next((at for at, (name, _t) in enumerate(texts) if name is not None and name > stack), len(texts))
            at = self.sections.index(old) if old else before
            texts.insert(at, (stack, new))
        body = "".join(text if text.endswith("\n") else text + "\n" for _name, text in texts)
        return f"{self.head}{TOP}:" + ("\n" if texts else " {}\n") + body + self.tail


def split(text: str) -> Document:
    """Splits the text of a vault into sections. Raises ValueError if it isn't one."""
    lines = re.findall(r"[^\n]*\n|[^\n]+\Z", text)
    top = next((number for number, line in enumerate(lines) if _TOP_LINE.match(line)), None)
    if top is None:
        return _converted(text)
    step, end = _step(lines[top + 1 :]), _end(lines, top + 1)
    starts = _starts(lines, top + 1, end, step)
    if not starts and not all(_is_remark(line) for line in lines[top + 1 : end]):
        raise ValueError(f"it has no recognizable section (from line {top + 2})")
    # Text above the first section that is not a comment is a section without its name.
    if starts and _above(lines, starts[0]) > top + 1:
        starts.insert(0, top + 1)
    begins = [top + 1, *(_above(lines, start) for start in starts[1:])] if starts else []
    last = end if end == len(lines) else _above(lines, end)
    sections = tuple(
        Section(_name(lines[start]), "".join(lines[begin:after]), begin + 1)
        for start, begin, after in zip(starts, begins, [*begins[1:], last])
    )
    return Document("".join(lines[:top]), sections, "".join(lines[last if starts else top + 1 :]), step)


def parse_section(section: Section) -> Any:
    """Returns the data of ``Kept.as_data``, with Ciphers as values. Raises ValueError with the line."""
    try:
        data = yaml.load(section.text, _Loader)
    except RecursionError:
        raise ValueError(f"it is nested too deep (from line {section.line})") from None
    except _YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        raise ValueError(f"it is not valid YAML (line {section.line + (mark.line if mark else 0)})") from None
    found = next(iter(data.values())) if isinstance(data, Mapping) and len(data) == 1 else None
    if not isinstance(found, Mapping) or str(next(iter(data))) != section.name:
        raise ValueError(f"it is not a map (line {section.line})")
    return dict(found)


def render_section(stack: str, section: KeptData, step: int = 2) -> str:
    """Returns the text of a section, indented by ``step``. Equal data gives equal lines."""
    lines = [f"  {_scalar(stack)}:"]
    lines += [
        f"    {key}: {_scalar(section[key])}" for key in ("format", "stack", "owner", "counter") if key in section
    ]
    lines.append("    values:" + ("" if section["values"] else " {}"))
    for name in sorted(section["values"]):
        entry = section["values"][name]
        lines.append(f"      {_scalar(name)}:")
        lines += [f"        {key}: {_scalar(entry[key])}" for key in ("current", "generator", "params")]
        lines.append("        versions:" + ("" if entry["versions"] else " []"))
        lines += [f"          - {_version(version)}" for version in entry["versions"]]
    return "".join(f"{' ' * step}{line[2:]}\n" for line in lines)


def _converted(text: str) -> Document:
    """Reads a file in another YAML style as a whole."""
    try:
        data = yaml.load(text, _Loader)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except _YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError("it is not valid YAML" + (f" (line {mark.line + 1})" if mark else "")) from None
    if data is None:
        return Document(text if re.fullmatch(r"(?:(?:#.*|---)?\n)+", text) else HEAD, ())
    found = data.get(TOP) if isinstance(data, Mapping) else None
    if not isinstance(found, Mapping):
        raise ValueError(f"it has no map {TOP}")
    if len(data) > 1:
        raise ValueError(f"it has more than {TOP}, in a style that can't be edited separately")
    try:
        return Document(HEAD, tuple(Section(str(name), render_section(str(name), found[name]), 1) for name in found))
    except _YAML_ERRORS:
        raise ValueError("the section of a stack does not read back as written") from None


def _is_remark(line: str) -> bool:
    return not line.strip(" \t\r\n").partition("#")[0]


def _above(lines: list[str], at: int) -> int:
    """Returns where the comments directly above a line begin."""
    while _is_remark(lines[at - 1]):
        at -= 1
    return at


def _end(lines: list[str], begin: int) -> int:
    """Returns where text of others begins: at a key without indentation, after all lines that only we write."""
    ours = max((number for number, line in enumerate(lines) if _OURS.search(line)), default=begin)
    return next((at for at in range(max(begin, ours + 1), len(lines)) if _FOREIGN.match(lines[at])), len(lines))


def _starts(lines: list[str], begin: int, end: int, step: int) -> list[int]:
    """Returns where sections begin: at lines with their indentation that are a stack's name alone, or have the keys of
    a section below them.

    Other lines with this indentation have lost spaces, such as the name of a value, which has a slash.
    """
    blanks = {at: len(lines[at]) - len(lines[at].lstrip(" ")) for at in range(begin, end) if not _is_remark(lines[at])}
    alone = {at for at, count in blanks.items() if count < step + min(step, 2) and _ALONE.match(lines[at])}
    found = [at for at, count in blanks.items() if count == step or at in alone]
    return [at for at, after in zip(found, [*found[1:], end]) if at in alone or any(map(_INNER.match, lines[at:after]))]


def _step(lines: list[str]) -> int:
    """Returns the number of spaces by which sections are indented."""
    steps = [len(line) - len(line.lstrip(" ")) for line in lines if line.startswith(" ") and line.strip()]
    return 2 if 2 in steps or not steps else steps[0]


def _name(line: str) -> str | None:
    match = _SECTION.match(line)
    try:
        return str(yaml.safe_load(match.group(1))) if match else None
    except _YAML_ERRORS:
        return None


def _may_be_of(section: Section, stack: str) -> bool:
    inner = {_name(f" {text}:") for text in _STACK.findall(section.text)}
    return stack in inner or (section.name is None and not inner - {None})


def _version(version: Mapping[str, object]) -> str:
    shown = [f"{key}: {_scalar(version[key])}" for key in ("number", "mark", "created", "origin")]
    return "{" + ", ".join([*shown, f"value: !vault {_scalar(str(version['value']))}"]) + "}"


def _scalar(value: object) -> str:
    style = '"' if isinstance(value, str) else None
    return str(yaml.safe_dump(value, default_flow_style=True, default_style=style, width=float("inf"))).split("\n", 1)[
        0
    ]
