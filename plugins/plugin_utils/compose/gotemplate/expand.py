# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expands a template as a manager does when a service is created, with placeholder names."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.functions import (
    FUNCTIONS,
    LONGEST,
    Function,
    Record,
    is_true,
    printed,
    type_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.parse import (
    Node,
    Pipe,
    Template,
    Term,
    parse,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.scan import LEFT, TemplateFault

#: Templates that call each other, and all steps. Go's own limits are so high that they would stop a manager.
DEEPEST, MOST_STEPS = 20, 5000
_MISSING = object()
#: The placeholder of a task that swarmkit uses to check a service; it has no labels.
STAND_IN: dict[str, Any] = {
    "Service": Record("struct", {"ID": "serviceid", "Name": "servicename", "Labels": {}}),
    "Node": Record(
        "struct",
        {
            "ID": "nodeid",
            "Hostname": "nodeHostname",
            "Platform": Record("template.Platform", {"Architecture": "architecture", "OS": "os"}),
        },
    ),
    "Task": Record("struct", {"ID": "", "Name": "taskname", "Slot": "1"}),
}
_CONTEXT = "template.Context"


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


def expand(
    text: str, fields: Mapping[str, object] | None = None, functions: Mapping[str, Function] | None = None
) -> str:
    """Expands ``text`` like Swarm, with placeholders for data that only a task has.

    :param fields: the fields of the context, such as ``.Service``; by default STAND_IN.
    :param functions: the functions by name; by default FUNCTIONS.
    :raises TemplateFault: if Swarm would refuse the template.
    """
    fields = STAND_IN if fields is None else fields
    return _Run(Record(_CONTEXT, dict(fields)), FUNCTIONS if functions is None else functions).text(text)


class _Run:
    def __init__(self, context: Record, functions: Mapping[str, Function]) -> None:
        self.context = context
        self.functions = functions
        self.steps = 0
        self.depth = 0

    def text(self, text: str) -> str:
        if LEFT not in text:
            return text
        self.enter()
        result = _Body(self, parse(text, self.functions), self.context).expanded()
        self.depth -= 1
        return result

    def enter(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise TemplateFault("exceeded maximum template depth")

    def step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TemplateFault("it takes too many steps")


class _Body:
    """One template with its ``.`` and its variables."""

    def __init__(self, run: _Run, template: Template, dot: object) -> None:
        self.run = run
        self.template = template
        self.dot = dot
        self.variables: list[list[Any]] = [["$", dot]]
        self.done: list[str] = []
        self.length = 0

    def expanded(self) -> str:
        self.walk_all(self.template.nodes, self.dot)
        return "".join(self.done)[:LONGEST]

    def write(self, text: str) -> None:
        """Adds ``text`` to the result, unless that is already longer than LONGEST: the rest would be cut."""
        if self.length <= LONGEST:
            self.done.append(text)
            self.length += len(text)

    # Actions

    def walk_all(self, nodes: Sequence[Node], dot: object) -> None:
        for node in nodes:
            self.run.step()
            self.walk(node, dot)

    def walk(self, node: Node, dot: object) -> None:
        if node.kind == "text":
            self.write(node.value)
        elif node.kind == "action" and node.pipe:
            value = self.pipe(node.pipe, dot)
            if not node.pipe.variables:
                self.write("<no value>" if value is None else printed(value))
        elif node.kind == "template":
            self.call_template(node, dot)
        elif node.kind == "break":
            raise _Break
        elif node.kind == "continue":
            raise _Continue
        elif node.pipe:
            known = len(self.variables)
            if node.kind == "range":
                self.loop(node, node.pipe, dot)
            else:
                value = self.pipe(node.pipe, dot)
                inner = value if node.kind == "with" and is_true(value) else dot
                self.walk_all(node.body if is_true(value) else node.otherwise, inner)
            del self.variables[known:]

    def loop(self, node: Node, pipe: Pipe, dot: object) -> None:
        value = self.pipe(pipe, dot)
        if isinstance(value, dict):
            rounds = sorted(value.items())
        elif isinstance(value, int) and not isinstance(value, bool):
            if len(pipe.variables) > 1:
                raise TemplateFault(f"can't use {value} to iterate over more than one variable")
            rounds = [(None, index) for index in range(min(value, MOST_STEPS + 1))]
        elif value is None:
            rounds = []
        else:
            raise TemplateFault(f"range can't iterate over {printed(value)}")
        known = len(self.variables)
        for key, item in rounds:
            for name, part in zip(pipe.variables, (key, item) if len(pipe.variables) > 1 else (item,)):
                self.set(name, part)
            try:
                self.run.step()
                self.walk_all(node.body, item)
            except _Break:
                break
            except _Continue:
                pass
            finally:
                del self.variables[known:]
        if not rounds:
            self.walk_all(node.otherwise, dot)

    def call_template(self, node: Node, dot: object) -> None:
        nodes = self.template.defined.get(node.value)
        if nodes is None:
            raise TemplateFault(f'template "{node.value}" not defined')
        self.run.enter()
        inner = self.pipe(node.pipe, dot) if node.pipe else None
        body = _Body(self.run, Template(nodes, self.template.defined), inner)
        self.write(body.expanded())
        self.run.depth -= 1

    # Pipelines

    def set(self, name: str, value: object) -> None:
        for variable in reversed(self.variables):
            if variable[0] == name:
                variable[1] = value
                return
        raise TemplateFault(f"undefined variable: {name}")

    def pipe(self, pipe: Pipe, dot: object) -> Any:
        value: Any = _MISSING
        for command in pipe.commands:
            self.run.step()
            value = self.command(command, dot, value)
        for name in pipe.variables:
            if pipe.assigns:
                self.set(name, value)
            else:
                self.variables.append([name, value])
        return value

    def command(self, terms: list[Term], dot: object, final: object) -> Any:
        first = terms[0]
        if first.kind == "name":
            return self.function(first.value, terms[1:], dot, final)
        if first.kind in ("field", "variable", "chain"):
            return self.fields(first, dot, terms[1:], final)
        if len(terms) > 1 or final is not _MISSING:
            raise TemplateFault(f"can't give argument to non-function {first.shown}")
        if first.kind == "nil":
            raise TemplateFault("nil is not a command")
        return self.argument(first, dot)

    def argument(self, term: Term, dot: object) -> Any:
        if term.kind in ("string", "number", "bool"):
            return term.value
        if term.kind == "nil":
            return None
        if term.kind == "dot":
            return dot
        if term.kind == "pipe":
            return self.pipe(term.value, dot)
        if term.kind == "name":
            return self.function(term.value, [], dot, _MISSING)
        return self.fields(term, dot, [], _MISSING)

    def fields(self, term: Term, dot: object, arguments: list[Term], final: object) -> Any:
        receiver, names = dot, term.value
        if term.kind == "variable":
            receiver = next(value for name, value in reversed(self.variables) if name == term.value[0])
            names = term.value[1:]
            if not names and (arguments or final is not _MISSING):
                raise TemplateFault(f"can't give argument to non-function {term.shown}")
        elif term.kind == "chain":
            start, names = term.value
            if start.kind == "nil":
                raise TemplateFault("indirection through explicit nil")
            receiver = self.argument(start, dot)
        for index, name in enumerate(names):
            last = index == len(names) - 1
            receiver = self.field(receiver, name, dot, arguments if last else [], final if last else _MISSING)
        return receiver

    def field(self, receiver: object, name: str, dot: object, arguments: list[Term], final: object) -> Any:
        if receiver is None:
            raise TemplateFault(f'nil data; no entry for key "{name}"')
        if receiver is self.run.context and name == "Expand":
            return self.called(Function(self.run.text, 1, texts=1), name, arguments, dot, final)
        given = bool(arguments) or final is not _MISSING
        if isinstance(receiver, Record) and name in receiver.fields:
            if given:
                raise TemplateFault(f"{name} has arguments but cannot be invoked as function")
            return receiver.fields[name]
        if isinstance(receiver, dict):
            if given:
                raise TemplateFault(f"{name} is not a method but has arguments")
            if name not in receiver:
                raise TemplateFault(f'map has no entry for key "{name}"')
            return receiver[name]
        raise TemplateFault(f"can't evaluate field {name} in type {type_of(receiver)}")

    # Functions

    def function(self, name: str, arguments: list[Term], dot: object, final: object) -> Any:
        function = self.run.functions[name]
        if name not in ("and", "or"):
            return self.called(function, name, arguments, dot, final)
        self.check_count(function, name, len(arguments) + (final is not _MISSING))
        value = None
        for term in arguments:
            value = self.argument(term, dot)
            if is_true(value) == (name == "or"):
                return value
        return value if final is _MISSING else final

    def check_count(self, function: Function, name: str, count: int) -> None:
        if count < function.fixed or count > function.fixed and not function.more:
            least = "at least " if function.more else ""
            raise TemplateFault(f"wrong number of args for {name}: want {least}{function.fixed} got {count}")

    def called(self, function: Function, name: str, terms: list[Term], dot: object, final: object) -> Any:
        self.check_count(function, name, len(terms) + (final is not _MISSING))
        values = []
        for index, term in enumerate(terms):
            text = function.texts < 0 or index < function.texts
            if text and term.kind in ("number", "bool"):
                raise TemplateFault(f"expected string; found {term.shown}")
            values.append(self.argument(term, dot))
        if final is not _MISSING:
            values.append(final)
        for value in values if function.texts < 0 else values[: function.texts]:
            if not isinstance(value, str):
                what = "invalid value; expected string" if value is None else "wrong type for value; expected string"
                raise TemplateFault(what if value is None else f"{what}; got {type_of(value)}")
        return function.call(*values)
