"""Templates of Swarm: our results are those of a real Engine (tests/unit/cases/swarm_templates.json), and are fast."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.expand import expand
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.scan import TemplateFault
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.templates import fault_of

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cases"))
from swarm_templates import ANSWERS, NEWER, TEMPLATES

SAID = json.loads(ANSWERS.read_text(encoding="utf-8"))


def test_each_template_has_a_recorded_answer():
    assert set(SAID) == set(TEMPLATES)


def test_each_is_accepted_if_the_engine_accepts_it():
    refused = {text: fault_of(text) for text in TEMPLATES}
    wrong = [text for text in TEMPLATES if bool(refused[text]) != (bool(SAID[text]) and text not in NEWER)]
    assert [(text, refused[text], SAID[text]) for text in wrong] == []


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{{.Service.Name}}.{{.Task.Slot}}@{{.Node.Hostname}}", "servicename.1@nodeHostname"),
        ('a {{- /* c */ -}} b{{if eq .Task.Slot "1"}}x{{else}}y{{end}}', "abx"),
        ('{{"{{"}} x }}', "{{ x }}"),
        ('{{join "-" .Task.Slot .Node.ID}}', "1-nodeid"),
        ("{{range $i := 3}}{{if eq $i 1}}{{continue}}{{end}}{{$i}}{{end}}", "02"),
    ],
)
def test_expansion(text, made):
    assert expand(text) == made


@pytest.mark.parametrize(
    "text",
    [
        "{{range 1000000000000}}{{end}}",
        '{{define "x"}}{{template "x"}}{{end}}{{template "x"}}',
        "{{" + "(" * 5000 + "1" + ")" * 5000 + "}}",
        "{{if 1}}" * 5000 + "{{end}}" * 5000,
        '{{$x := "aaaaaaaaaa"}}' + "{{$x = print $x $x}}" * 1000,
        "{{range 100}}{{range 100}}{{range 100}}x{{end}}{{end}}{{end}}",
        '{{printf "%999999999d" 1}}',
        "{{" * 10000,
        '{{$x := "' + "a" * 100_000 + '"}}{{print' + " $x" * 10_000 + "}}",
        '{{$x := "' + "a" * 100_000 + '"}}{{join "-"' + " $x" * 10_000 + "}}",
        '{{$x := "' + "a" * 100_000 + '"}}{{printf "' + "%s" * 10_000 + '"' + " $x" * 10_000 + "}}",
        "{{" + "1" * 100_000 + "_}}",
        '{{"' + "\\n" * 100_000 + '"}}',
    ],
    ids=str.__len__,
)
def test_endless_and_huge_templates_end(text):
    fault_of(text)


PIECES = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    " ",
    ".",
    ".Task",
    ".Slot",
    "$x",
    ":=",
    "=",
    "|",
    "(",
    ")",
    '"a"',
    "`",
    "'a'",
    "1",
    "0x",
]
PIECES += [
    "if ",
    "end",
    "else",
    "range ",
    "with ",
    "define ",
    "template ",
    "nil",
    "true",
    "print ",
    "eq ",
    "/*",
    "*/",
    "\\",
    "é",
    ",",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_text_is_judged(pieces):
    try:
        expand("".join(pieces))
    except TemplateFault as fault:
        assert "\n" not in str(fault)
