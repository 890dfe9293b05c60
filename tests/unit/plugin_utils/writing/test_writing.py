"""The writer of YAML and Compose files: our reader and PyYAML read the same values back."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import read_yaml
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import to_plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.compose_file import compose_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.scalars import Octal, text_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.yaml_text import Comment, Style, yaml_text

SHARED = Path(__file__).resolve().parents[5] / "shared"
#: The corpus has 1,100 files; a sample is enough for each run.
SAMPLE = 1 if os.environ.get("STACKWRIGHT_LONG") == "1" else 12

#: Texts that some reader of YAML takes for something else.
HOSTILE = [
    "1.10", "1e3", "0x1F", "0o17", "017", "1_000", ".5", "5.", "+1", "-1", "22:22", "1:30:00", "2026-01-01", "0b1",
    "2026-01-01T10:00:00Z", "yes", "No", "ON", "off", "y", "N", "true", "False", "null", "NULL", "~", "", ".inf",
    "-.INF", ".nan", "NaN", "=", "<<", "-", "--", "---", "--- a", "...", "- a", "-a", "? a", "?a", ": a", ":a", "a:",
    "a: b", "a:b", "a #b", "a#b", "#a", "a ", " a", "a\t", "\ta", "'", '"', "''", "a'b", 'a"b', "\\", "\\n", "a\\",
    "&a", "*a", "!a", "!!str a", "|", ">", "%a", "@a", "`a`", "[a]", "{a}", "{{ a }}", "a, b", "$A", "${A:-b: c}",
    "a\nb", "a\nb\n", "a\n\nb", "\na", "a\n", "\n", "a\nb\n\n", " a\nb", "a\n b", "a\n\tb", "a \nb", "a\r\nb", "\r",
    "\x85", "\u2028", "\ufeffa", "\x07", "\x1b[31m", "é", "😀", "日本", "\u202e", "\xa0", "a\xa0#b", "x" * 3000,
    "a\u3000b", "\u3000", "a \u3000", "'a'", "key: |\n  x\n", "0", "00", "08", "0.0", "1.", "1,000", "12e03", "0x",
    "_1", "1__0", "5432:5432", "80/tcp", "10s", "1d", "1GB", "a" * 1100, "0777", "+.inf", "-0", "1e", "e1", "!", "(a",
]  # fmt: skip


def read(text):
    report = Report()
    tree = to_plain(read_yaml(text, "written.yml", report))
    assert not report.problems and not report.notices, (text, report.problems, report.notices)
    return tree


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_hostile_text_is_the_same_text_wherever_it_stands(text):
    tree = {
        "a": text,
        "b": {text: text},
        "c": [text, [text, {text: text}], {"d": text, "e": [text]}],
        "command": [text],
    }
    for style in (Style(), Style(flow=lambda path: True)):
        written = yaml_text(tree, style)
        assert read(written) == tree
        assert yaml.safe_load(written) == tree
        assert written.isprintable() or "\x1b" not in written


TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from([*HOSTILE, " ", ":", "#", "\n", "-", "a"]), max_size=4).map("".join),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=20),
)
SCALARS = st.one_of(TEXTS, st.integers(-(2**63), 2**64 - 1), st.booleans(), st.none(), st.floats(allow_nan=False))
TREES = st.dictionaries(
    TEXTS,
    st.recursive(
        SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4))
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@given(TREES)
def test_any_tree_reads_back(tree):
    written = yaml_text(tree, Style(flow=lambda path: path[-1] == "a"))
    assert read(written) == tree
    assert yaml.safe_load(written) == tree


@pytest.mark.slow
@given(TREES, TEXTS.filter(lambda text: text.isprintable()))
def test_comments_change_no_value(tree, words):
    places = {(key,): Comment((words, ""), words) for key in tree}
    first = next(iter(tree.values()))
    if isinstance(first, (list, dict)):
        inner = first if isinstance(first, dict) else range(len(first))
        places.update({(next(iter(tree)), key): Comment((words,), words) for key in inner})
    written = yaml_text(tree, Style({**places, (): Comment((words,))}))
    assert read(written) == tree
    if words.strip():
        assert f"# {words}".rstrip() in written


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"], ids=ascii)
def test_what_yaml_cannot_hold_is_refused(text):
    with pytest.raises(ValueError):
        yaml_text({"a": text})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("nginx:1.27-alpine", "nginx:1.27-alpine"),
        ("postgres_data:/var/lib/postgresql", "postgres_data:/var/lib/postgresql"),
        ("${DOMAIN:-example.com}", "${DOMAIN:-example.com}"),
        ("curl -f http://localhost:80/", "curl -f http://localhost:80/"),
        ("1.10", '"1.10"'),
        ("no", '"no"'),
        ('say "hi"', 'say "hi"'),
        ('"hi"', "'\"hi\"'"),
        ("30s", "30s"),
        ("a: b", '"a: b"'),
    ],
)
def test_quotes_stand_only_where_they_are_needed(text, written):
    assert text_of(text) == written


def project(text, path="/project/compose.yml", **more):
    given = {"reader": LocalFiles(), "variables": {}, "name": "shop", **more}
    return load([Source(path, text)], **given)


SHOP = """\
services:
  web:
    image: nginx:1.27
    ports: ["8080:80", "127.0.0.1:53:53/udp", {target: 9000, published: 9000, mode: host}]
    command: ["nginx", "-g", "daemon off;"]
    environment: {PRICE: "5$$", V: "1.10", LINES: "a\\nb\\n"}
    depends_on: [db]
    volumes: ["data:/data:ro", "/srv/site:/site", {type: tmpfs, target: /tmp}]
    configs: [{source: site, mode: 0440}, site]
    healthcheck: {test: "curl -f localhost", interval: 5s}
    restart: "no"
  db: {image: "postgres:16", networks: [default, {}]}
volumes: {data: {}}
configs: {site: {content: "x$$y"}}
""".replace(", {}]", "]")

WRITTEN = """\
# made by a test

services:
  web:
    image: nginx:1.27
    command: ["nginx", "-g", "daemon off;"]
    environment:
      PRICE: 5$$
      V: "1.10"
      LINES: |
        a
        b
    configs:
      - source: site
        mode: 0440
      - site
    ports:
      - "8080:80"
      - 127.0.0.1:53:53/udp
      - target: 9000
        published: "9000"
        mode: host
    volumes:
      - data:/data:ro
      - /srv/site:/site
      - type: tmpfs
        target: /tmp
    depends_on:
      - db
    healthcheck:
      test: curl -f localhost
      interval: 5s
    restart: "no"

  db:
    image: postgres:16
    networks:
      - default

volumes:
  data:

configs:
  site:
    content: x$$y
"""


def test_a_project_becomes_a_file_that_people_read():
    tree = project(SHOP).tree
    written = compose_text(tree, interpolated=True, header=["made by a test"])
    assert written == WRITTEN
    again = project(written)
    assert to_plain(again.tree) == to_plain(tree)
    assert again.contents == project(SHOP).contents
    assert compose_text(again.tree, interpolated=True, header=["made by a test"]) == WRITTEN


def test_writing_changes_nothing_in_the_project():
    one = project(SHOP).tree
    before = to_plain(one)
    compose_text(one, interpolated=True)
    assert to_plain(one) == before


def test_what_was_read_keeps_its_variables():
    report = Report()
    tree = read_yaml(
        "services: {web: {image: 'nginx:${TAG}', environment: [A, 'B=$$x'], ports: ['${P}:80']}}", "f", report
    )
    written = compose_text(tree, interpolated=False)
    assert "image: nginx:${TAG}\n" in written and "- B=$$x\n" in written and "- ${P}:80\n" in written


def test_a_mode_is_octal_for_every_reader():
    written = yaml_text({"mode": Octal(0o440), "none": Octal(0)})
    assert yaml.safe_load(written) == read(written) == {"mode": 0o440, "none": 0}


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the corpus (../shared) is not on this machine")
@pytest.mark.parametrize("part", range(4))
def test_the_corpus_written_and_loaded_again_is_the_same_project(part):
    files = sorted(path for pattern in ("*.yml", "*.yaml") for path in (SHARED / "corpus").rglob(pattern))[::SAMPLE]
    compared, different = 0, []
    for file in files[part::4]:
        more = {"variables": {"HOME": "/home/somebody"}, "name": "p", "profiles": ["*"]}
        try:
            first = load([Source(str(file))], reader=LocalFiles(), **more)
        except ComposeError:
            continue
        if first.values:
            continue
        written = compose_text(first.tree, interpolated=True)
        try:
            again = load([Source(str(file), written)], reader=LocalFiles(), **more)
        except ComposeError as error:
            different.append(f"{file}: {error.problems[0]}")
            continue
        compared += 1
        if to_plain(again.tree) != to_plain(first.tree) or again.contents != first.contents:
            different.append(str(file))
    assert different == []
    assert compared >= 400 / SAMPLE / 4
