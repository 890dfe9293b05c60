"""The chain of an audit: every alteration is found, with its line."""

import json
import random

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.chain import begun, head_of, problems, written

KEY = b"a key of the operator"


def chain(count, key=b"", name="c", former=""):
    line, head = begun(name, {"who": "ann"}, former, key)
    lines = [line]
    for number in range(count):
        line, head = written({"event": "change", "stack": f"shop-{number}", "who": "änn"}, head, key)
        lines.append(line)
    return lines


def text(lines):
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("key", [b"", KEY])
def test_a_chain_that_nobody_touched(key):
    lines = chain(20, key)
    assert problems(text(lines), key) == []
    assert problems(text(lines), key, head_of(lines[-1]).digest) == []
    assert problems("") == []


def altered(lines, dice):
    """Alters the lines in one of many ways."""
    number = dice.randrange(1, len(lines) - 1)
    line = lines[number]
    data = json.loads(line)
    kind = dice.choice(
        ["byte", "field", "removed", "twice", "moved", "inserted", "spaces", "added", "order", "resealed"]
    )
    if kind == "byte":
        at = dice.randrange(len(line))
        lines[number] = line[:at] + chr((ord(line[at]) - 31) % 95 + 32) + line[at + 1 :]
    elif kind == "field":
        lines[number] = line.replace(data["stack"], "other")
    elif kind == "removed":
        del lines[number : number + dice.randrange(1, 3)]
    elif kind == "twice":
        lines.insert(number, line)
    elif kind == "moved":
        lines[number], lines[number + 1] = lines[number + 1], line
    elif kind == "inserted":
        lines.insert(number, chain(1, name="forged")[dice.randrange(2)])
    elif kind == "spaces":
        lines[number] = line.replace(", ", ",")
    elif kind == "added":
        lines[number] = line[:-1] + ', "z": 1}'
    elif kind == "order":
        lines[number] = json.dumps(dict(reversed(data.items())))
    else:  # a line with a digest of its own, as who knows the format could write it
        lines[number] = written({"event": "change", "stack": "other"}, head_of(lines[number - 1]))[0]
    return kind


def test_each_of_many_alterations_is_found():
    dice = random.Random(18)
    kinds = set()
    for _number in range(300):
        lines = chain(12)
        before = list(lines)
        kinds.add(altered(lines, dice))
        last = head_of(before[-1]).digest
        assert lines == before or problems(text(lines), last=last) != [], "an alteration that is not found"
    assert len(kinds) == 10


def test_lines_cut_off_the_end_show_by_the_last_digest():
    lines = chain(5)
    assert problems(text(lines[:-2])) == []
    assert problems(text(lines[:-2]), last=head_of(lines[-1]).digest) == [
        {"line": 4, "problem": "the last lines are missing"}
    ]


def test_a_chain_that_somebody_made_anew_lacks_the_key():
    assert problems(text(chain(3)), KEY)[0]["line"] == 1
    assert problems(text(chain(3, b"another key of theirs")), KEY) != []


def test_the_problem_says_what_and_where():
    lines = chain(6)
    del lines[3:5]
    assert problems(text(lines)) == [{"line": 4, "problem": "2 lines before it are missing"}]
    assert problems(text(chain(2)) + "{") == [
        {"line": 4, "problem": "the last line is not complete"},
        {"line": 4, "problem": "this is not a line of an audit"},
    ]


def test_a_new_chain_follows_the_line_before():
    lines = chain(2)
    good = [*lines, *chain(2, name="d", former=head_of(lines[-1]).digest)]
    assert problems(text(good)) == []
    assert problems(text([*lines, *chain(2, name="d")])) == [
        {"line": 4, "problem": "a new chain begins here, and does not follow the line before"}
    ]


@pytest.mark.parametrize(
    "line", ["", "null", "[]", "5", '"x"', "{}", "[" * 100000, '{"chain": 1, "number": 1, "digest": 1}']
)
def test_whatever_stands_there_is_told(line):
    assert problems(f"{line}\n") != []
    with pytest.raises((ValueError, RecursionError)):
        head_of(line)


@pytest.mark.slow
def test_the_work_grows_with_the_lines_only():
    """10,000 lines; the time is measured by hand (docs/guides/audit.md)."""
    assert problems(text(chain(10_000))) == []


def test_a_digest_that_is_no_text_is_an_altered_line():
    lines = chain(2)
    lines[1] = json.dumps({**json.loads(lines[1]), "digest": "\ud800"}, sort_keys=True)
    assert [one["line"] for one in problems(text(lines))] == [2, 3]
