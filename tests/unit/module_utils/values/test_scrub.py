"""Values are removed from external texts."""

import base64
import json

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.scrub import scrubber

NASTY = 'pa"ss\\wo\nrd {{x}} é'


def test_all_forms_of_a_value_go():
    scrub = scrubber([NASTY, "hunter2"])
    texts = [
        f"before {NASTY} after",
        json.dumps({"a": NASTY}),
        json.dumps({"a": NASTY}, ensure_ascii=False),
        base64.b64encode(NASTY.encode()).decode(),
        'env A=pa"ss\\wo\nrd {{"{{"}}x}} é',
        "hunter2hunter2",
    ]
    for text in texts:
        left = scrub(text)
        assert "********" in left
        assert "rd" not in left.replace("before", "").replace("after", "")
        assert "hunter2" not in left


def test_plain_data_is_copied_and_its_keys_stay():
    data = {"hunter2": ["x hunter2", {"a": ("hunter2", 1, None, True)}]}
    assert scrubber(["hunter2"])(data) == {"hunter2": ["x ********", {"a": ("********", 1, None, True)}]}
    assert data["hunter2"][0] == "x hunter2"


def test_of_a_value_with_lines_each_long_one_goes():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nab\n-----END KEY-----\n"
    left = scrubber([key])(["| MIIEvQIBADANBgkq", "| ab"])
    assert left == ["| ********", "| ab"]


def test_the_longer_one_first():
    assert scrubber(["pass", "password1"])("password1 pass") == "******** ********"


def test_short_values_are_let_be():
    assert scrubber(["a", "on", ""])("on a day") == "on a day"
