"""Generated env files, read here and by `docker compose config`: equal, or both refuse.

STACKWRIGHT_LONG=1 makes 5,000 of them.

A batch of files is one call of Compose, with a service for each (compare_compose.wanted).
"""

import os
import random

import compare_compose
import pytest

pytestmark = pytest.mark.skipif(
    not compare_compose.BINARY.exists(), reason="docker-compose is not there: run tests/tools/fetch_compose.sh"
)
BATCH = 100
COUNT = 5000 if os.environ.get("STACKWRIGHT_LONG") == "1" else 200
VARIABLES = {"GIVEN": "from-outside", "EMPTY": "", "N1": "won"}

NAMES = ["N1", "N2", "n_3", "N.4", "N-5", "N6[0]", "_N7", "éN8"]
PIECES = [
    "a", "b c", "#", " #", "# x", "\t#", "'", '"', "''", '""', "\\", "\\n", "\\t", "\\$", "\\\\", '\\"', "\\'", "\\x",
    "$", "$$", "$GIVEN", "${GIVEN}", "${EMPTY:-d}", "${EMPTY-d}", "${UNSET:-x}", "${UNSET}", "$N1", "${N2}", "$(x)",
    "=", ":", "==", " ", "  ", "\t", "é", "😀", "\xa0", "{", "}", "[", ",", "%", "!", "`x`", "export", "=#s", "a#b",
    "\v", "\f", "\x85", "\\u0041", "\\0", "\\101", "\\a", "\\e", "\r", "\\0303\\0251", "\\0777", "\\07", "\\c",
]  # fmt: skip
EQUALS = ["=", "=", "=", "=", "= ", " =", " = ", ":", ": ", "=\t"]
BEGIN = ["", "", "", "", "", " ", "\t", "export ", "export\t", "export  "]
REST = ["", "", "", "", " # c", " #c", "#c", " ", "\t", "\r", " x"]


def line(chance):
    kind = chance.random()
    if kind < 0.05:
        return chance.choice(["", "  ", "# comment", "  # comment", "\t", "#"])
    name = chance.choice(NAMES)
    if kind < 0.1:
        return chance.choice(BEGIN) + name + chance.choice(["", "", " ", " # c"])
    value = "".join(chance.choice(PIECES) for _piece in range(chance.choice([0, 1, 1, 2, 2, 3, 5])))
    quote = chance.choice(["", "", "", "'", '"', "'", '"'])
    if quote:
        if chance.random() < 0.8:
            value = value.replace(quote, "\\" + quote) if chance.random() < 0.5 else value.replace(quote, "")
        if chance.random() < 0.15:
            value += "\nsecond line"
    return chance.choice(BEGIN) + name + chance.choice(EQUALS) + quote + value + quote + chance.choice(REST)


def raw_line(chance):
    kind = chance.random()
    if kind < 0.15:
        return chance.choice(["", "  ", "# comment", "  # comment", "#", "N1", "N2 "])
    value = "".join(chance.choice(PIECES) for _piece in range(chance.choice([0, 1, 2, 3, 5])))
    return chance.choice(["", "", "", " ", "\t"]) + chance.choice(NAMES) + "=" + value + chance.choice(REST)


def env_file(chance, make):
    lines = [make(chance) for _line in range(chance.choice([1, 1, 2, 3]))]
    # Of a bare name on a last line without an end, Compose makes a variable without a name (differences.md).
    end = "" if "=" in lines[-1] and lines[-1][-1:].isalnum() and not {"'", '"'} & {*lines[-1]} else "\n"
    return chance.choice(["\n", "\n", "\n", "\r\n"]).join(lines) + end


def ours(folder, text, style):
    tree = compare_compose.ask_ours([compose_file(folder, [text], style)], VARIABLES).tree
    return None if tree is None else environment(tree, 0)


def theirs(folder, texts, style):
    tree = compare_compose.ask_compose([compose_file(folder, texts, style)], VARIABLES).tree
    return None if tree is None else [environment(tree, index) for index in range(len(texts))]


def compose_file(folder, texts, style):
    lines = ["services:"]
    for index, text in enumerate(texts):
        (folder / f"{index}.env").write_bytes(text.encode())
        lines.append(f"  s{index}: {{image: x, env_file: [{{path: {index}.env{style}}}]}}")
    (folder / "compose.yml").write_text("\n".join(lines))
    return folder / "compose.yml"


def environment(tree, index):
    return tree["services"][f"s{index}"].get("environment") or {}


@pytest.mark.parametrize(("style", "make"), [("", line), (", format: raw", raw_line)], ids=["compose", "raw"])
def test_env_files_are_read_as_compose_reads_them(style, make, tmp_path):
    chance = random.Random(os.environ.get("STACKWRIGHT_FUZZ_SEED", "env files"))
    differences, refused = [], 0
    for _batch in range(COUNT // BATCH):
        got = {text: ours(tmp_path, text, style) for text in (env_file(chance, make) for _file in range(BATCH))}
        wanted = compare_compose.wanted(got, lambda texts: theirs(tmp_path, texts, style))
        # Of what follows a closed quote Compose makes a variable without a name (differences.md); here it is refused.
        wanted = {text: None if value and "" in value else value for text, value in wanted.items()}
        refused += list(wanted.values()).count(None)
        differences += [f"{t!r}: Compose {wanted[t]!r}, ours {got[t]!r}" for t in got if got[t] != wanted[t]]
    print(f"{COUNT} files, {refused} refused by Compose")
    assert not differences, "\n".join(differences[:40])
    assert refused < COUNT / 2
