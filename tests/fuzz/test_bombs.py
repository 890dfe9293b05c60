"""Small files that would become large, and large ones that would take long: each is answered soon, with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import fuzzing
import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

ONE = "services: {a: {image: x}}\n"
BIG = "x" * 1_000_000
EMOJI = "\U0001f4a3" * 200_000


@dataclass
class Bomb:
    """A Compose file, the files beside it, and the codes that it may be refused with ("": it may be taken)."""

    name: str
    text: Any
    codes: str = "too_large"
    files: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.name


def doubling(count: int, pattern: str) -> str:
    """Lines of which each is made of the one before, twice."""
    return "\n".join([pattern % (0, "xxxxxxxxxx"), *(pattern % (n + 1, f"${{A{n}}}" * 2) for n in range(count))])


def listed(pattern: str, count: int) -> str:
    return "[" + ",".join(pattern.replace("#", str(number)) for number in range(count)) + "]"


def aliases(width: int, levels: int, kind: str) -> str:
    wrap = ("[", "]") if kind == "list" else ("{", "}")
    lines = [f"x-0: &a0 {wrap[0]}{', '.join(f'k{n}: x' if kind == 'map' else 'x' for n in range(width))}{wrap[1]}"]
    for level in range(1, levels):
        items = [f"k{n}: *a{level - 1}" if kind == "map" else f"*a{level - 1}" for n in range(width)]
        lines.append(f"x-{level}: &a{level} {wrap[0]}{', '.join(items)}{wrap[1]}")
    return "\n".join(lines) + "\n" + ONE


SERVICES = "services:\n"
MANY_EXTENDS = SERVICES + f"  base: {{image: x, environment: {listed('A#=' + 'x' * 1000, 100)}}}\n"
MANY_EXTENDS += "".join(f"  s{n}: {{extends: base}}\n" for n in range(3000))
DEEP = "[" * 90 + "]" * 90

NESTED = {f"/p/{name}.yml": "include: " + listed(f"{after}.yml", 8) for name, after in ("bc", "cd", "de")}
NESTED["/p/e.yml"] = ONE
CHAIN = "".join(f"  s{n}: {{extends: s{n - 1}, volumes: ['v{n}:/v{n}']}}\n" for n in range(1, 4000))

BOMBS = [
    Bomb("dotenv, doubling", ONE, files={"/p/x.env": doubling(40, "A%d=%s")}, options={"env_files": ["/p/x.env"]}),
    Bomb("dotenv, quoted", ONE, files={"/p/x.env": doubling(40, 'A%d="%s"')}, options={"env_files": ["/p/x.env"]}),
    Bomb(
        "dotenv, defaults",
        ONE,
        files={"/p/x.env": doubling(40, "A%d=${NONE:-%s}")},
        options={"env_files": ["/p/x.env"]},
    ),
    Bomb(
        "dotenv, wide characters",
        ONE,
        files={"/p/x.env": f"A={EMOJI}\n" + "\n".join(f"B{n}=$A$A$A" for n in range(300))},
        options={"env_files": ["/p/x.env"]},
    ),
    Bomb(
        "dotenv of a service",
        "services: {a: {image: x, env_file: [{path: x.env}]}}",
        files={"/p/x.env": doubling(40, "A%d=%s")},
    ),
    Bomb(
        "dotenv of an include",
        "include: [{path: b.yml}]\n" + ONE,
        files={"/p/.env": doubling(40, "A%d=%s"), "/p/b.yml": ONE},
    ),
    Bomb(
        "labels of a file", "services: {a: {image: x, label_file: x.env}}", files={"/p/x.env": doubling(40, "A%d=%s")}
    ),
    Bomb("names of the stack", "x-env:\n" + doubling(40, "  A%d: '%s'") + "\n" + ONE),
    Bomb("names of the stack, listed", "x-env:\n" + doubling(40, "  - A%d=%s") + "\n" + ONE),
    Bomb("one text", f"services: {{a: {{image: x, command: '{'$BIG' * 1500}'}}}}", options={"variables": {"BIG": BIG}}),
    Bomb(
        "many texts",
        f"services: {{a: {{image: x, environment: {listed('A#=$BIG', 1500)}}}}}",
        options={"variables": {"BIG": BIG}},
    ),
    Bomb(
        "many bare names",
        SERVICES + "".join(f"  s{n}: {{image: x, environment: [BIG]}}\n" for n in range(1500)),
        options={"variables": {"BIG": BIG}},
    ),
    Bomb(
        "secrets of one variable",
        ONE + "secrets:\n" + "".join(f"  s{n}: {{environment: BIG}}\n" for n in range(1500)),
        options={"variables": {"BIG": BIG}},
    ),
    Bomb(
        "configs of one file",
        ONE + "configs:\n" + "".join(f"  s{n}: {{file: big}}\n" for n in range(1500)),
        files={"/p/big": BIG},
    ),
    Bomb(
        "configs of one text",
        f"x-a: &a {BIG}\n{ONE}configs:\n" + "".join(f"  s{n}: {{content: *a}}\n" for n in range(1500)),
    ),
    Bomb(
        "name of the project",
        "name: '" + "$BIG" * 1500 + "'\n" + ONE,
        options={"variables": {"BIG": BIG}, "name": None},
    ),
    Bomb("aliases of a text", f"x-a: &a {BIG}\nservices: {{a: {{image: x, environment: [{'*a, ' * 1500}]}}}}"),
    Bomb("aliases of a text as words", f"x-a: &a {BIG}\nservices: {{a: {{image: x, command: [{'*a, ' * 1500}]}}}}"),
    Bomb("laughs, lists", aliases(10, 10, "list")),
    Bomb("laughs, maps", aliases(10, 10, "map")),
    Bomb(
        "laughs, merge keys",
        "x-0: &a0 {"
        + ", ".join(f"k{n}: {{a: b}}" for n in range(500))
        + "}\nservices:\n"
        + "".join(f"  s{n}: {{image: x, labels: {{<<: *a0}}}}\n" for n in range(3000)),
        "too_large type",
    ),
    Bomb("laughs, lists of merge keys", "x-0: &a0 {a: b}\nx-1: {<<: [" + "*a0, " * 400_000 + "]}\n" + ONE),
    Bomb("one service extended often", MANY_EXTENDS),
    Bomb(
        "a chain of extends",
        SERVICES + "  s0: {image: x}\n" + CHAIN,
    ),
    Bomb(
        "one env file of many services",
        SERVICES + "".join(f"  s{n}: {{image: x, env_file: x.env}}\n" for n in range(1500)),
        files={"/p/x.env": "\n".join(f"A{n}={'x' * 60_000}" for n in range(15))},
    ),
    Bomb("ports, one range", "services: {a: {image: x, ports: ['1-65535:1-65535']}}", ""),
    Bomb("ports, many ranges", f"services: {{a: {{image: x, ports: {listed('1-65535:1-65535', 60)}}}}}"),
    Bomb("ports, long form", f"services: {{a: {{image: x, ports: {listed('{target: 80, published: 1-65535}', 60)}}}}}"),
    Bomb(
        "ports, extended",
        SERVICES + "  a: {image: x, ports: ['1-65535']}\n" + "".join(f"  s{n}: {{extends: a}}\n" for n in range(50)),
    ),
    Bomb("many values", "x-a: [" + "0," * 3_000_000 + "]\n" + ONE),
    Bomb("many lists", "x-a: [" + "[]," * 3_000_000 + "]\n" + ONE),
    Bomb("many services", SERVICES + "".join(f"  s{n}: {{image: x}}\n" for n in range(100_000))),
    Bomb("many broken services", SERVICES + "".join(f"  s{n}: 1\n" for n in range(100_000)), "too_large type more"),
    Bomb("many variables", ONE, "too_large", {"/p/x.env": "A\n" * 499_000}, {"env_files": ["/p/x.env"]}),
    Bomb("many statements in a line", ONE, "", {"/p/x.env": 'A="x"' * 190_000}, {"env_files": ["/p/x.env"]}),
    Bomb("many words", f"services: {{a: {{image: x, command: '{'ab ' * 3_000_000}'}}}}"),
    Bomb("many expressions", f"services: {{a: {{image: x, environment: {{A: '{'{{ generate_user }}' * 400_000}'}}}}}}"),
    Bomb("deep lists", "x-a: " + "[" * 5_000_000, "too_deep"),
    Bomb("deep maps", "x-a: " + "{a: " * 1_000_000, "too_deep"),
    Bomb("deep blocks", "".join(" " * n + "a:\n" for n in range(3000)), "too_deep"),
    Bomb(
        "deep places",
        f"services: {{a: {{image: x, labels: {DEEP}, ports: {DEEP}, build: {DEEP}}}}}",
        "type port too_deep",
    ),
    Bomb("deep defaults", "services: {a: {image: '" + "${A:-" * 200_000 + "}" * 200_000 + "'}}", "interpolation"),
    Bomb("deep names", "x-env:\n" + "".join(f"  A{n}: '${{B:-${{A{n + 1}}}}}'\n" for n in range(5000)) + ONE, ""),
    Bomb("directives", "".join(f"%TAG !a{n}! b\n" for n in range(300_000)) + "---\n" + ONE, "yaml_syntax"),
    Bomb("an open expression", "x-a: '{{ generate_" + "a" * 5_000_000 + "'\n" + ONE, ""),
    Bomb("many open expressions", "x-a: '" + "{{ generate_a" * 300_000 + "'\n" + ONE, ""),
    Bomb("colons", "x-a: [" + "{A:}, " * 20_000 + "]\n" + ONE, "yaml_syntax too_large"),
    Bomb("a huge number", {"services": {"a": {"image": 10**100_000}}}, "range type"),
    Bomb("many huge numbers", {"services": {"a": {"image": "x", "command": [10**5000] * 5000}}}, "range type more"),
    Bomb("a long key", {"services": {"a" * 5_000_000: {"image": [], "ports": [[]] * 500}}}, "type name_too_long more"),
    Bomb(
        "many long keys",
        {"services": {"a" * 1_000_000 + str(n): {"image": []} for n in range(20)}},
        "type name_too_long",
    ),
    Bomb("one text, many times", {"services": {"a": {"image": "x", "command": [BIG] * 5000}}}),
    Bomb("one list, many times", {"services": {"a": {"image": "x", "x-a": [["x"] * 1000] * 5000}}}),
    Bomb("includes of includes", "include: " + listed("b.yml", 8), "too_many_files", NESTED),
    Bomb(
        "one large file, included often",
        "include: " + listed("b.yml", 400),
        "too_large",
        {"/p/b.yml": "#" * 9_000_000 + "\n" + ONE},
    ),
    Bomb("a circle of includes", "include: [b.yml]\n", "include_cycle", {"/p/b.yml": "include: [compose.yml]\n"}),
]


def door(bomb: Bomb) -> None:
    files = MemoryFiles({"/p/compose.yml": "", **bomb.files})
    request = CompileRequest([Source("/p/compose.yml", bomb.text)], **{"name": "shop", **bomb.options})
    try:
        compile_stack(request, files)
        found = {""}
    except ComposeError as error:
        found = {problem.code for problem in error.problems}
        for problem in error.problems:
            assert problem.file.startswith("/p/"), problem
            assert problem.line or not isinstance(bomb.text, str), problem
        assert len(str(error)) < 2_000_000
    assert found <= set(bomb.codes.split(" ")), found


@pytest.mark.parametrize("part", range(3))
def test_bombs(part):
    fuzzing.try_each(BOMBS[part::3], door)
