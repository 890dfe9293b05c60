"""Every form of a secret is masked; other texts stay readable."""

from __future__ import annotations

import ast
import json
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

from secret_forms import FORMS, READABLE, SENTENCES, sown

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import plain_text
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import mask, masked_message, masked_text

PLUGINS = Path(__file__).parents[4] / "plugins"
NAMES = [name for name, _text in FORMS]


def hits(text, pieces):
    return [piece for piece in pieces if piece in text]


@pytest.mark.slow
@pytest.mark.parametrize("form", NAMES)
def test_no_form_of_a_secret_is_left(form):
    for seed in range(8):
        text, pieces = sown(seed, form)
        plain = plain_text(text)
        quoted = "\n".join(f"    | {line}" for line in plain.splitlines())
        for around in (plain, f"line before\n{plain}\nline after", quoted):
            shown = masked_text(around)
            assert not hits(shown, pieces), shown
            assert masked_text(shown) == shown, "a second pass changes it"


@pytest.mark.parametrize("form", NAMES)
def test_nor_in_a_value_or_a_command_of_a_plan(form):
    text, pieces = sown(1, form)
    text = plain_text(text)
    for path in ("TaskTemplate.ContainerSpec.Env.SETTING", "Labels.com.example.note"):
        assert not hits(mask("service", "web", path, text), pieces)
    assert not hits(str(mask("service", "web", "TaskTemplate.ContainerSpec.Args", ["sh", "-c", text])), pieces)


@pytest.mark.parametrize("form", NAMES)
def test_nor_where_a_text_stands_in_json(form):
    text, pieces = sown(2, form)
    shown = masked_text(json.dumps({"note": plain_text(text)}))
    assert not hits(shown, pieces), shown


@pytest.mark.parametrize("text", READABLE)
def test_what_is_no_secret_stays_readable(text):
    assert masked_message(text) == text
    if text not in SENTENCES:
        assert masked_text(text) == text
        assert mask("service", "web", "TaskTemplate.ContainerSpec.Env.SETTING", text) == text


def our_sentences():
    """File and text of each message in the code and the schemas; X replaces the inserted values."""
    for path in sorted(PLUGINS.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
        for node in nodes:
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in parts)
            if not path.name.startswith("secret_") and " " in text and "\n" not in text and node not in docstrings:
                yield f"{path.name}:{getattr(node, 'lineno', 0)}", text
    for path in PLUGINS.rglob("*.schema.json"):
        yield from ((path.name, line.strip()) for line in path.read_text().splitlines() if '"description"' in line)


@pytest.mark.slow
def test_what_we_say_ourselves_is_never_hidden():
    found = list(our_sentences())
    assert len(found) > 2000
    assert not [(where, text) for where, text in found if masked_message(text) != text]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["mysql", "-u", "root", "-phunter"], ["mysql", "-u", "root", "-p********"]),
        (["redis-cli", "-a", "hunter", "ping"], ["redis-cli", "-a", "********", "ping"]),
        (["/usr/bin/mysql", "-p", "hunter"], ["/usr/bin/mysql", "-p", "********"]),
        (["curl", "-u", "me:hunter2", "http://a"], ["curl", "-u", "me:********", "http://a"]),
        (["httpd", "-f", "-p", "8000"], ["httpd", "-f", "-p", "8000"]),
        (["mkdir", "-p", "/srv/Data2x"], ["mkdir", "-p", "/srv/Data2x"]),
        (["run", "-u", "1000:1000"], ["run", "-u", "1000:1000"]),
        (["x", "--password", "$DB_PASSWORD"], ["x", "--password", "$DB_PASSWORD"]),
    ],
)
def test_commands_in_parts(command, shown):
    assert mask("service", "web", "TaskTemplate.ContainerSpec.Args", command) == shown


def test_nor_where_all_forms_stand_in_one_text():
    for seed in range(5):
        found = [sown(seed, form) for form in NAMES]
        whole = masked_text("\n".join(plain_text(text) for text, _pieces in found))
        assert not hits(whole, [piece for _text, pieces in found for piece in pieces]), whole


PARTS = [
    "password: ", 'password="', "password=\\\"", "{\"secret\": {", '"token": [', "-p ", "-pA1 ", "mysql -p x ", "\\",
    "\\\"", "'",
    "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\\n", "AAAA\n",
    "A" * 61 + "\n", "PRIVATE KEY", "\"a b ", "| ", "--user=a:b ",
    "<password>", "<a b", "key=\"password\" value=\"", "name: token\n", "token: |\n  x\n",
    "password = x ", "key=a;", "key=a ",
    "a://b:c/", "a://b:c@", "http://aaaaaaaaaaaaaaaaaaaa", "bearer ", "eyJaaaaaaaaa.", "$2y$", "pass:",
    "login a password ",
    "identified by '", "user:pw | ", "-u a:b ", "token ", "\x1b[", "\x1b]8;;", "\x9d", "a", "A", "9", "_", "=", ":",
    "\n", " ",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_a_long_text_takes_time_in_proportion(part):
    def work(size):
        text = (part * (size // len(part) + 1))[:size]
        start = time.process_time()
        masked_text(plain_text(text))
        masked_message(text)
        return time.process_time() - start

    assert work(10_000) < 40 * max(work(1_000), 0.0005)
