# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses a Go template into nodes, by the grammar of text/template of Go 1.25. Older ones accept a little less."""

from __future__ import annotations

from typing import Any, Collection, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.literals import (
    character,
    number,
    unquoted,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.scan import (
    END,
    TemplateFault,
    Word,
    words,
)

#: The most nested actions and parentheses. Go has no limit, but real templates need fewer.
DEEPEST = 40
_LITERALS = ("string", "number", "bool", "nil", "dot")
_TERMS = frozenset(("bool", "character", "dot", "field", "name", "number", "string", "variable", "("))


class Term(NamedTuple):
    """An operand. ``kind``: string, number, bool, nil, dot, field, variable, name, pipe or chain.

    ``value``: a field's names; a variable's name and then names of fields; a chain's (term, names of fields).
    """

    kind: str
    value: Any
    shown: str = ""


class Pipe(NamedTuple):
    """A pipeline. ``commands``: lists of terms. ``variables`` are declared, or get another value with ``assigns``."""

    commands: list[list[Term]]
    variables: list[str]
    assigns: bool


class Node(NamedTuple):
    """A part of a template. ``kind``: text, action, if, with, range, template, break or continue."""

    kind: str
    value: Any
    pipe: Optional[Pipe] = None
    body: Any = ()
    otherwise: Any = ()


class Template(NamedTuple):
    """A template: ``nodes`` of the text itself, and those of its named templates in ``defined``."""

    nodes: list[Node]
    defined: dict[str, list[Node]]


def parse(text: str, functions: Collection[str]) -> Template:
    """Parses ``text``. Raises TemplateFault if it is not a valid Go template with these functions."""
    reader = _Reader(list(words(text)), functions)
    return Template(reader.top(), reader.defined)


class _Reader:
    def __init__(self, found: list[Word], functions: Collection[str]) -> None:
        self.words = found
        self.at = 0
        self.functions = functions
        self.defined: dict[str, list[Node]] = {}
        self.variables = ["$"]
        self.loops = 0
        self.depth = 0

    # Words

    def peek(self, skip_space: bool = True) -> Word:
        while skip_space and self.words[self.at].kind == "space":
            self.at += 1
        return self.words[self.at]

    def next(self, skip_space: bool = True) -> Word:
        word = self.peek(skip_space)
        if word is not END:
            self.at += 1
        return word

    def expect(self, kind: str, context: str) -> Word:
        word = self.next()
        if word.kind != kind:
            raise _unexpected(word, context)
        return word

    def enter(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise TemplateFault(f"it is nested deeper than {DEEPEST} levels")

    # Actions

    def top(self) -> list[Node]:
        nodes: list[Node] = []
        while self.words[self.at] is not END:
            if self.peek(False).kind == "{{":
                back = self.at
                self.at += 1
                if self.peek() == Word("keyword", "define"):
                    self.at += 1
                    self.definition("define clause")
                    continue
                self.at = back
            node = self.item()
            if isinstance(node, str):
                raise TemplateFault(f"unexpected {{{{{node}}}}}")
            nodes.append(node)
        return nodes

    def item(self) -> Node | str:
        """Reads a node, or ``end`` or ``else``."""
        word = self.next(False)
        if word.kind == "text":
            return Node("text", word.text)
        if word.kind != "{{":
            raise _unexpected(word, "input")
        word = self.peek()
        if word.kind != "keyword" or word.text in ("nil", "define"):
            return Node("action", None, self.pipe("command", "}}"))
        self.at += 1
        if word.text in ("if", "with", "range"):
            return self.control(word.text)
        if word.text in ("break", "continue"):
            self.expect("}}", f"{{{{{word.text}}}}}")
            if not self.loops:
                raise TemplateFault(f"{{{{{word.text}}}}} outside {{{{range}}}}")
            return Node(word.text, None)
        if word.text in ("template", "block"):
            return self.call(word.text)
        following = self.peek()
        if word.text == "end" or following not in (Word("keyword", "if"), Word("keyword", "with")):
            self.expect("}}", word.text)
        return word.text

    def items(self) -> tuple[list[Node], str]:
        """Reads the nodes up to ``end`` or ``else``; returns them and that word."""
        nodes: list[Node] = []
        while self.words[self.at] is not END:
            node = self.item()
            if isinstance(node, str):
                return nodes, node
            nodes.append(node)
        raise TemplateFault("unexpected EOF")

    def control(self, context: str) -> Node:
        self.enter()
        known = len(self.variables)
        pipe = self.pipe(context, "}}")
        self.loops += context == "range"
        body, ended = self.items()
        self.loops -= context == "range"
        otherwise: list[Node] = []
        if ended == "else":
            if context in ("if", "with") and self.peek() == Word("keyword", context):
                self.at += 1
                otherwise = [self.control(context)]
            else:
                otherwise, ended = self.items()
                if ended != "end":
                    raise TemplateFault("expected end; found {{else}}")
        del self.variables[known:]
        self.depth -= 1
        return Node(context, None, pipe, body, otherwise)

    def definition(self, context: str) -> None:
        name = self.name(context)
        self.expect("}}", context)
        self.define(name, context)

    def define(self, name: str, context: str) -> None:
        self.enter()
        outer = self.variables, self.loops
        self.variables, self.loops = ["$"], 0
        body, ended = self.items()
        self.variables, self.loops = outer
        self.depth -= 1
        if ended != "end":
            raise TemplateFault(f"unexpected {{{{else}}}} in {context}")
        if _has_content(self.defined.get(name)) and _has_content(body):
            raise TemplateFault(f'multiple definition of template "{name}"')
        if name not in self.defined or not _has_content(self.defined[name]):
            self.defined[name] = body

    def name(self, context: str) -> str:
        return unquoted(self.expect("string", context).text)

    def call(self, what: str) -> Node:
        context = f"{what} clause"
        name = self.name(context)
        pipe = None
        if what == "block" or self.peek().kind != "}}":
            pipe = self.pipe(context, "}}")
        else:
            self.at += 1
        if what == "block":
            self.define(name, context)
        return Node("template", name, pipe)

    # Pipelines

    def pipe(self, context: str, end: str) -> Pipe:
        self.enter()
        variables, assigns = self.declared(context)
        commands: list[list[Term]] = []
        while True:
            word = self.peek()
            if word.kind == end:
                self.at += 1
                break
            if word.kind not in _TERMS and word != Word("keyword", "nil"):
                raise _unexpected(word, context)
            commands.append(self.command())
        if not commands:
            raise TemplateFault(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if command[0].kind in _LITERALS:
                raise TemplateFault(f"non executable command in pipeline stage {stage}")
        self.depth -= 1
        return Pipe(commands, variables, assigns)

    def declared(self, context: str) -> tuple[list[str], bool]:
        """Reads the variables before ``:=`` or ``=``, if any; returns them, and whether it was ``=``."""
        found: list[str] = []
        while self.peek().kind == "variable":
            back = self.at
            variable = self.next().text
            sign = self.peek()
            if sign.kind in ("=", ":="):
                self.at += 1
                found.append(variable)
                self.variables.append(variable)
                return found, sign.kind == "="
            if sign != Word("sign", ","):
                self.at = back
                return found, False
            self.at += 1
            found.append(variable)
            self.variables.append(variable)
            if context != "range" or len(found) > 1:
                raise TemplateFault(f"too many declarations in {context}")
            if self.peek().kind not in ("variable", "}}", ")"):
                raise TemplateFault("range can only initialize variables")
        return found, False

    def command(self) -> list[Term]:
        terms: list[Term] = []
        while True:
            term = self.operand()
            if term is not None:
                terms.append(term)
            word = self.peek(False)
            if word.kind == "space":
                self.at += 1
                continue
            if word.kind == "|":
                self.at += 1
            elif word.kind not in ("}}", ")"):
                raise _unexpected(word, "operand")
            if not terms:
                raise TemplateFault("empty command")
            return terms

    def operand(self) -> Term | None:
        term = self.term()
        if term is None or self.peek(False).kind != "field":
            return term
        fields: list[str] = []
        while self.peek(False).kind == "field":
            fields.append(self.next(False).text[1:])
        shown = ".".join([term.shown, *fields])
        if term.kind in ("field", "variable"):
            return Term(term.kind, [*term.value, *fields], shown)
        if term.kind in _LITERALS:
            raise TemplateFault(f"unexpected . after term {term.shown!r}")
        return Term("chain", (term, fields), shown)

    def term(self) -> Term | None:
        word = self.peek()
        if word.kind not in _TERMS and word != Word("keyword", "nil"):
            return None
        self.at += 1
        if word.kind == "(":
            return Term("pipe", self.pipe("parenthesized pipeline", ")"), "(...)")
        if word.kind == "name" and word.text not in self.functions:
            raise TemplateFault(f'function "{word.text}" not defined')
        if word.kind == "variable" and word.text not in self.variables:
            raise TemplateFault(f'undefined variable "{word.text}"')
        return _term(word)


def _term(word: Word) -> Term:
    kind, text = word
    if kind == "string":
        return Term("string", unquoted(text), "a text")
    if kind == "character":
        return Term("number", character(text), text)
    if kind == "number":
        return Term("number", number(text), text)
    if kind == "bool":
        return Term("bool", text == "true", text)
    if kind == "field":
        return Term("field", [text[1:]], text)
    if kind == "variable":
        return Term("variable", [text], text)
    return Term("nil" if kind == "keyword" else kind, text, text)


def _has_content(nodes: list[Node] | None) -> bool:
    return any(node.kind != "text" or node.value.strip() for node in nodes or ())


def _unexpected(word: Word, context: str) -> TemplateFault:
    shown = "EOF" if word is END else "a text" if word.kind == "string" else f'"{word.text}"'
    return TemplateFault(f"unexpected {shown} in {context}")
