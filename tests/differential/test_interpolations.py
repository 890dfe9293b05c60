"""Generated texts with variables, replaced here and by `docker compose config`: equal, or both refuse.

STACKWRIGHT_LONG=1 makes 5,000 of them. A batch is one call of Compose (compare_compose.wanted).
"""

import json
import os
import random

import compare_compose
import pytest

pytestmark = pytest.mark.skipif(
    not compare_compose.BINARY.exists(), reason="docker-compose is not there: run tests/tools/fetch_compose.sh"
)
BATCH = 100
COUNT = 5000 if os.environ.get("STACKWRIGHT_LONG") == "1" else 300
VARIABLES = {"A": "a", "EMPTY": "", "DOLLAR": "$A", "LONG_1": "x y", "BRACE": "}", "_B": "${A}"}

# A variable over several lines is docker's (differences.md), so there are none.
NAMES = ["A", "EMPTY", "UNSET", "DOLLAR", "LONG_1", "BRACE", "_B", "a"]
PLAIN = ["", "x", "É", '{"a":1}', "{a", "x y", "^foo$", "$$", "$", "}", "{", "{}", "{{.Node.Hostname}}", ":", "-", "?", "+", "'", '"', "\\", "#", "é", "$(x)", "$1", "%"]  # fmt: skip  # noqa: E501
SIGNS = ["", "", ":-", "-", ":+", "+", ":?", "?", ":", "=", "/", "-$", ":-$$", "!"]
KNOWN = ["", "", ":-", "-", ":+", "+"]


def expression(chance, depth=0):
    kind, name = chance.random(), chance.choice(NAMES)
    if kind < 0.25:
        return "$" + name
    if kind < 0.32:
        return "$$" + chance.choice(["", "{"]) + name + chance.choice(["", "}"])
    sign = chance.choice(SIGNS if chance.random() < 0.2 else KNOWN)
    rest = text(chance, depth + 1) if sign and depth < 3 else ""
    end = "}" if chance.random() < 0.99 else ""
    return "${" + chance.choice([""] * 30 + [" "]) + name + sign + rest + end


def text(chance, depth=0):
    parts = range(chance.choice([1, 1, 2] if depth else [1, 2, 2, 3, 4]))
    return "".join(expression(chance, depth) if chance.random() < 0.55 else chance.choice(PLAIN) for _part in parts)


def compose_file(folder, texts):
    lines = ["services:"]
    for index, value in enumerate(texts):
        lines.append(f"  s{index}: {{image: x, labels: {{L: {json.dumps(value)}}}}}")
    (folder / "compose.yml").write_text("\n".join(lines))
    return [folder / "compose.yml"]


def label(tree, index):
    return tree["services"][f"s{index}"]["labels"]["L"]


def theirs(folder, texts):
    tree = compare_compose.ask_compose(compose_file(folder, texts), VARIABLES).tree
    return None if tree is None else [label(tree, index) for index in range(len(texts))]


def ours(folder, written):
    answer = compare_compose.ask_ours(compose_file(folder, [written]), VARIABLES)
    return None if answer.tree is None else label(answer.tree, 0)


def test_texts_become_what_compose_makes_of_them(tmp_path):
    chance = random.Random(os.environ.get("STACKWRIGHT_FUZZ_SEED", "interpolations"))
    differences, refused = [], 0
    for _batch in range(COUNT // BATCH):
        got = {written: ours(tmp_path, written) for written in (text(chance) for _text in range(BATCH))}
        wanted = compare_compose.wanted(got, lambda texts: theirs(tmp_path, texts))
        refused += list(wanted.values()).count(None)
        differences += [
            f"{written!r}: Compose {wanted[written]!r}, ours {value!r}"
            for written, value in got.items()
            if value != wanted[written]
        ]
    print(f"{COUNT} texts, {refused} refused by Compose")
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:60])
    assert refused < COUNT / 2
