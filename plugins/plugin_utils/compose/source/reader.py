# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses YAML to a tree, like Compose: one document, with marks and its own scalars, bounded in time and memory.

The events come from libyaml if PyYAML has it. Every node is counted before it is built, an alias with its expanded
size: ``Report.spend`` limits the total for all files of a run.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, VALUE, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import resolve_plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.shield import shield
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map, Mark, Seq

try:
    from yaml.cyaml import CParser
except ImportError:  # PyYAML without libyaml: the same events, ten times slower
    CParser = None

MAX_BYTES = 10_000_000
MAX_DEPTH = 100
MAX_AGAIN = 5_000_000  # characters that are parsed again: each ``{A:}`` needs another pass over the whole file
#: libyaml compares each %TAG with all others.
MAX_DIRECTIVES = 100

NUL = "a text can't hold a NUL"
NUL_HINT = "put binary content into a separate file"

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAK = re.compile("[\r\x85\u2028\u2029]")
_BEGIN = re.compile(r"^[ \t\ufeff]*[^\s#]", re.MULTILINE)  # of a line that is neither blank nor a comment
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_TAGS = {"!reset": "reset", "!override": "override"}
_PREFIX = "tag:yaml.org,2002:"
_new = tuple.__new__  # creates a NamedTuple in half of its constructor's time; every value has a Mark


class _PureParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    def __init__(self, stream: str) -> None:
        yaml.reader.Reader.__init__(self, stream)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


class _Stop(Exception):
    """Reading can't continue; the problem has been reported."""


def read_yaml(data: bytes | str, file: str, report: Report, resolve: Callable[[str], object] = resolve_plain) -> Any:
    """Returns the tree of the first document of ``data``; None, after a problem, if the text can't be parsed.

    ``resolve`` returns the value of a plain scalar. A second document is ignored, with a notice.
    """
    try:
        text, back = shield(_decode(data, file, report))
        left, budget = MAX_AGAIN, report.left[0]
        while True:
            try:
                return _Builder(file, report, back, resolve).build(_events(text))
            except yaml.YAMLError as error:
                report.left[0] = budget
                text, is_fixed = _with_colon(text, error, file, report)
                left -= len(text)
                if not is_fixed or left < 0:
                    message, mark, hint = _syntax(error, file)
                    report.problem(message, mark, hint=hint, code="yaml_syntax")
                    break
    except _Stop:
        pass
    return None


def _decode(data: bytes | str, file: str, report: Report) -> str:
    if isinstance(data, str):
        # A text that is too long is refused below; only its length matters.
        data = data.encode("utf-8", "surrogatepass") if len(data) <= MAX_BYTES else bytes(len(data))
    if len(data) > MAX_BYTES:
        _stop(
            report,
            f"the file has {len(data)} bytes, more than the maximum of {MAX_BYTES}",
            Mark(file, 1),
            "put large content in separate files (configs, secrets, volumes)",
            "too_large",
        )
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "save it as UTF-8, and check that it is a Compose file"
        _stop(report, "is not UTF-8 text", Mark(file, line), hint, "encoding")
    bad = _CONTROL.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - text.rfind("\n", 0, bad.start())
        _stop(
            report,
            f"control character U+{ord(bad.group()):04X} is not allowed in YAML",
            Mark(file, line, column),
            'in a double-quoted text write an escape such as "\\u0007"',
            "encoding",
        )
    if text.count("%") > MAX_DIRECTIVES:
        _check_directives(text, file, report)
    return text


def _check_directives(text: str, file: str, report: Report) -> None:
    for count, begin in enumerate(_BEGIN.finditer(_BREAK.sub("\n", text))):
        if begin.group() != "%":
            return
        if count >= MAX_DIRECTIVES:
            mark = Mark(file, text.count("\n", 0, begin.start()) + 1)
            _stop(report, f"more than {MAX_DIRECTIVES} directives", mark, "remove the lines with %", "yaml_syntax")


def _stop(report: Report, message: str, mark: Mark, hint: str, code: str) -> None:
    report.problem(message, mark, hint=hint, code=code)
    raise _Stop


def _events(text: str) -> Iterator[Any]:
    return iter((CParser(text) if CParser else _PureParser(text)).get_event, None)


#: Parts of libyaml's messages, and the usual cause.
_HINTS = (
    ("mapping values are not allowed", "put quotes around text that contains ': ', or check the indentation"),
    ("cannot start any token", "put quotes around the text; don't indent with tabs"),
    ("could not find expected ':'", "a colon is missing, or the indentation is wrong"),
    ("did not find expected key", "the indentation is wrong, or a quote is not closed"),
    ("did not find expected ',' or", "a bracket or a brace is not closed"),
    ("unexpected end of stream", "a quote is not closed"),
    ("did not find expected '-'", "the indentation is wrong"),
)


def _syntax(error: yaml.YAMLError, file: str) -> tuple[str, Mark, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or "the text is not valid YAML"
    context = getattr(error, "context", None)
    message = f"{problem} {context}" if context else str(problem)
    hint = next((hint for words, hint in _HINTS if words in message), "")
    return f"YAML: {message}", Mark(file, mark.line + 1, mark.column + 1) if mark else Mark(file), hint


def _with_colon(text: str, error: yaml.YAMLError, file: str, report: Report) -> tuple[str, bool]:
    """Quotes ``A:`` in ``{A:}``, which libyaml refuses; returns the text, and whether this was the error.

    In Go's YAML, which Compose and docker use, the colon is part of the text: a key ``A:`` without a value.
    """
    start, end = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    if getattr(error, "problem", "") != "found unexpected ':'" or start is None or end is None:
        return text, False
    plain = text[start.index : end.index + 1]
    report.notice(
        f"'{plain}' is one string, including the colon",
        Mark(file, start.line + 1, start.column + 1),
        hint="put a space after the colon",
        code="colon",
    )
    quoted = plain.replace("'", "''")
    return f"{text[: start.index]}'{quoted}'{text[end.index + 1 :]}", True


class _Frame:
    """A container that is being built."""

    __slots__ = ("anchor", "depth", "key", "mark", "merges", "node", "size", "skip", "tag")

    def __init__(self, node: object, mark: Mark, tag: str | None, anchor: str | None) -> None:
        self.node: Any = node  # a Map or a Seq
        self.mark = mark
        self.tag = tag
        self.anchor = anchor
        self.size = VALUE + CONTAINER
        self.depth = 1
        self.key: Any = None  # (text, Mark, is a merge key) while its value is missing
        self.merges: list[tuple[Any, Mark]] = []
        self.skip = False


class _Builder:
    def __init__(self, file: str, report: Report, back: dict[int, str], resolve: Callable[[str], object]) -> None:
        self.file = file
        self.resolve = resolve
        self.back = back  # undoes shield() in a scalar
        self.report = report
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, int, int, str | None]] = {}  # value, expanded size, depth, tag
        self.open: set[str] = set()
        self.resolved: dict[str, Any] = {}
        self.result: Any = None

    def build(self, events: Iterator[yaml.Event]) -> Any:
        documents = 0
        file, left = self.file, self.report.left
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                value = self._scalar(event)
                if isinstance(value, str) and (self.back or "\0" in value):
                    value = self._text(value, event)
                size = VALUE + len(event.value)
                tag = _TAGS.get(event.tag) if event.tag else None
                if event.anchor:
                    self.anchors[event.anchor] = (value, size, 0, tag)
                start = event.start_mark
                mark = _new(Mark, (file, start.line + 1, start.column + 1))
                left[0] -= size
                if left[0] < 0:
                    self.report.too_large(mark)
                self._add(value, event, mark, tag, size, 0)
            elif kind is yaml.MappingStartEvent:
                self._push(Map, event)
            elif kind is yaml.SequenceStartEvent:
                self._push(Seq, event)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._pop()
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self.report.notice(
                        "only the first document of the file is read",
                        self._mark(event),
                        hint="put the other documents into separate files",
                        code="several_documents",
                    )
                    break
        return self.result

    def _mark(self, event: yaml.NodeEvent) -> Mark:
        start = event.start_mark
        return _new(Mark, (self.file, start.line + 1, start.column + 1))

    def _scalar(self, event: yaml.NodeEvent) -> Any:
        text = event.value
        tag = event.tag
        if event.implicit[0] or (tag is not None and not event.style and not tag.startswith(_PREFIX) and tag != "!"):
            if text in self.resolved:
                return self.resolved[text]
            value = self.resolve(text)
            self.resolved[text] = value
            return value
        if tag is None or not tag.startswith(_PREFIX):
            return text
        return self._tagged(event, tag[len(_PREFIX) :], text)

    def _text(self, text: str, event: yaml.NodeEvent) -> str:
        if "\0" in text:
            self.report.problem(NUL, self._mark(event), hint=NUL_HINT, code="encoding")
            return text.replace("\0", "")
        return text.translate(self.back)

    def _tagged(self, event: yaml.NodeEvent, tag: str, text: str) -> Any:
        if tag == "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
            except (binascii.Error, ValueError):
                self.report.problem("!!binary is not valid base64", self._mark(event), code="yaml_tag")
                return ""
        if tag not in ("int", "float", "bool", "null"):
            return text
        value = resolve_plain(text)
        kinds: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        if not isinstance(value, kinds[tag]) or (tag in ("int", "float") and isinstance(value, bool)):
            self.report.problem(
                f"the value is not {tag}, as its tag !!{tag} requires", self._mark(event), code="yaml_tag"
            )
        return value

    def _push(self, kind: type, event: yaml.NodeEvent) -> None:
        mark = self._mark(event)
        if len(self.stack) >= MAX_DEPTH:
            _stop(self.report, f"nested deeper than {MAX_DEPTH} levels", mark, "flatten the file", "too_deep")
        frame = _Frame(kind(mark), mark, _TAGS.get(event.tag), event.anchor)
        self.report.spend(frame.size, mark)
        if event.anchor:
            self.open.add(event.anchor)
        self.stack.append(frame)

    def _pop(self) -> None:
        frame = self.stack.pop()
        for source, mark in frame.merges:
            self._merge(frame, source, mark)
        if frame.anchor:
            self.open.discard(frame.anchor)
            self.anchors[frame.anchor] = (frame.node, frame.size, frame.depth, frame.tag)
        self._add(frame.node, frame, frame.mark, frame.tag, frame.size, frame.depth)

    def _alias(self, event: yaml.NodeEvent) -> None:
        name, mark = event.anchor, self._mark(event)
        if name in self.open:
            _stop(self.report, f"the anchor '{name}' contains itself", mark, "remove the alias", "recursive_anchor")
        if name not in self.anchors:
            _stop(
                self.report,
                f"unknown anchor '{name}'",
                mark,
                "anchors are only valid within one file",
                "unknown_anchor",
            )
        value, size, depth, tag = self.anchors[name]
        self.report.spend(size, mark)
        self._add(value, event, mark, tag, size, depth)

    def _add(self, value: object, source: object, mark: Mark, tag: str | None, size: int, depth: int) -> None:
        """Adds a finished node to the open container, or makes it the result."""
        if not self.stack:
            self.result = value
            return
        frame = self.stack[-1]
        frame.size += size
        if depth >= frame.depth:
            frame.depth = depth + 1
            if frame.depth + len(self.stack) > MAX_DEPTH:
                _stop(self.report, f"nested deeper than {MAX_DEPTH} levels", mark, "flatten the file", "too_deep")
        node = frame.node
        if isinstance(node, Seq):
            if tag != "reset":
                node.add(value, mark)
        elif frame.key is None:
            self._key(frame, value, source, mark)
        else:
            self._entry(frame, value, tag, mark)

    def _key(self, frame: _Frame, value: object, source: object, mark: Mark) -> None:
        frame.skip = False
        if value == "<<" and getattr(source, "implicit", (False,))[0]:
            frame.key = ("<<", mark, True)
            duplicate = "<<" in frame.node or bool(frame.merges)
        elif isinstance(value, str):
            frame.key = (value, mark, False)
            duplicate = value in frame.node or value in frame.node.tags
        else:
            frame.key = ("", mark, False)
            frame.skip = True
            frame.node.mark_lost(ANYTHING)
            duplicate = False
            what = "a list or mapping" if isinstance(value, (dict, list)) else f"not text ({value!r})"
            self.report.problem(f"a key is {what}", mark, hint="put quotes around the key", code="key_type")
        if duplicate:
            frame.skip = True
            self.report.problem(
                f"the key '{value}' is set twice", mark, hint="remove one of the two", code="duplicate_key"
            )
            frame.node.mark_lost(ANYTHING if frame.key[2] else str(value))

    def _entry(self, frame: _Frame, value: object, tag: str | None, mark: Mark) -> None:
        key, key_mark, merge = frame.key
        frame.key = None
        if frame.skip:
            return
        if merge:
            frame.merges.append((value, mark))
            return
        if tag:
            frame.node.tags[key] = tag
            if tag == "reset":
                frame.node.marks[key] = key_mark
                return
        frame.node[key] = value
        frame.node.marks[key] = key_mark

    def _merge(self, frame: _Frame, source: object, mark: Mark) -> None:
        """Applies the merge key ``<<``: own keys win over merged keys, earlier mappings over later ones."""
        maps = source if isinstance(source, list) else [source]
        for item in maps:
            if not isinstance(item, Map):
                message, hint = "'<<' needs a mapping or a list of mappings", "merge the anchor of a mapping"
                self.report.problem(message, mark, hint=hint, code="merge_key")
                frame.node.mark_lost(ANYTHING)
                return
            own = {*frame.node, *frame.node.tags}
            for key, value in item.items():
                if key not in own:
                    frame.node[key] = value
                    frame.node.marks[key] = item.mark(key)
            for key, tag in item.tags.items():
                if key not in frame.node.tags:
                    # An own value with a merged !reset: the value replaces the entries below.
                    frame.node.tags[key] = "override" if key in own else tag
                    frame.node.marks.setdefault(key, item.mark(key))
