"""No output contains control characters or secrets, whatever their origin."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFilterError, AnsibleLookupError
from ansible.plugins.action import ActionBase

sys.path.insert(0, str(Path(__file__).parents[1]))

from secret_forms import FORMS, sown

from ansible_collections.stackwright.swarm.plugins.filter import compose_render, stack_hash
from ansible_collections.stackwright.swarm.plugins.lookup import stack_value
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import module as run
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    ComposeError,
    EngineError,
    Problem,
    StackwrightError,
    plain_text,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.detached.job_folder import create
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown, shown_line
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.readable import is_credential
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction

#: Texts with control sequences of terminals, by origin, between text that must stay.
ESCAPES = {
    "colour": ("\x1b[31mred\x1b[0m", "red"),
    "8-bit control": ("\x9b31mred", "red"),
    "clear": ("a\x1b[2J\x1b[Hb", "ab"),
    "title": ("a\x1b]0;evil\x07b", "ab"),
    "link": ("\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\", "text"),
    "clipboard": ("a\x1b]52;c;aGk=\x07b", "ab"),
    "device control": ("a\x1bP1$q\x1b\\b", "ab"),
    "without an end": ("a\x1b]8;;evil b", "a\\x1b]8;;evil b"),
    "one in another": ("\x1b[\x1b[31m31mx", "\\x1b[31mx"),
    "reset": ("a\x1bcb", "ab"),
    "bell": ("a\x07b", "a\\x07b"),
    "backspace": ("ab\x08\x08", "ab\\x08\\x08"),
    "return": ("good\rbad", "good\\rbad"),
    "delete": ("a\x7fb", "a\\x7fb"),
    "nul": ("a\x00b", "a\\x00b"),
    "direction": ("a\u202eb\u2066c\u2069\u200fd", "a\\u202eb\\u2066c\\u2069\\u200fd"),
    "other lines": ("a\u2028b\u2029c\x85d\x0be", "a\\u2028b\\u2029c\\x85d\\x0be"),
    "no width": ("a\u200bb\ufeffc\u2060d", "a\\u200bb\\ufeffc\\u2060d"),
    "half a character": ("a\ud800b\udcff", "a\\ud800b\\udcff"),
    "tags": ("a\U000e0041b", "a\\U000e0041b"),
}
KEPT = ["Grüße\tund\nZeilen", "日本語　テキスト", "naïve — “quoted” … 🚀", "a\r\nb"]
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff]")


@pytest.mark.parametrize("name", ESCAPES)
def test_what_a_terminal_acts_on(name):
    text, plain = ESCAPES[name]
    assert plain_text(text) == plain
    assert shown({text: [text, (text,)]}) == {plain: [plain, [plain]]}
    assert str(StackwrightError(text, hint="Do.")) == f"{plain} Do."
    assert str(Problem("wrong", key=text, file=text, line=3)) == f"{plain}:3: {plain}: wrong"


@pytest.mark.parametrize("text", KEPT)
def test_what_people_write_stays(text):
    assert plain_text(text) == text.replace("\r\n", "\n")
    assert "\n" not in shown_line(text) and "\t" not in shown_line(text)


def everything(seed=1):
    """Returns a text with every form of a secret and every escape, and the pieces that must not be shown."""
    found = [sown(seed, form) for form, _text in FORMS if form not in COLONS]
    texts = [text for text, _pieces in found] + [text for text, _plain in ESCAPES.values()]
    return texts, {piece for _text, pieces in found for piece in pieces}


#: After a bare NAME: our messages continue with a sentence; text from others is masked where it is read.
COLONS = {
    "go struct", "go map", "yaml", "yaml indented", "yaml item", "yaml quoted", "yaml words", "yaml flow", "yaml block",
    "yaml name and value", "log line", "log generated", "log words",
    "log words of a key", "header", "redis.conf", "mysql", "-pSECRET", "-p SECRET", "-a",
    "sshpass", "pem in one line", "pem without its end",
}  # fmt: skip


def clean(data, pieces):
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
    assert not [piece for piece in pieces if piece in text], text
    assert not FORBIDDEN.search(text.replace("\\n", "")), text


@pytest.fixture
def ended(monkeypatch):
    """Runs a module's work in this process. Returns its output, and its lines in the system's log."""

    def module(work, args=None, options=None):
        from ansible.module_utils import basic

        given = {"_ansible_remote_tmp": "/nowhere", "_ansible_check_mode": False, **(args or {})}
        logged, printed = [], []
        monkeypatch.setattr(run.Module, "_log_to_syslog", lambda self, text: logged.append(text))
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "_load_params", lambda self: setattr(self, "params", dict(given)))
        monkeypatch.setattr("builtins.print", lambda text="", *a, **k: printed.append(text))
        with pytest.raises(SystemExit):
            run.run_module(options or {"commit_message": {"type": "str"}, "state": {"choices": ["a"]}}, work)
        return json.loads(printed[-1]), logged

    return module


def raising(error):
    def work(*_given):
        raise error

    return work


def test_a_module_that_ends_well(ended):
    texts, pieces = everything()
    result, logged = ended(
        lambda *_given: {"changed": False, "lines": texts, **dict.fromkeys(texts, 1), "facts": {"a": "\x1b"}},
        {"commit_message": "\n".join(text for text in texts if "\ud800" not in text)},
    )
    assert result.pop("facts") == {"a": "\x1b"}, "what goes to the action plugin has to stay as it is"
    clean(result, pieces)
    clean("".join(logged), pieces)
    assert "Invoked with" in logged[0] and "commit_message" in logged[0]


def test_a_module_that_fails(ended):
    texts, pieces = everything()
    for text in texts:
        error = EngineError(f"The Engine refused: {text}", "conflict", f"See {text}.", details={"said": [text]})
        result, _logged = ended(raising(error))
        assert result["failed"] and result["error_code"] == "conflict"
        clean(result, pieces)


def test_a_module_with_a_wrong_option(ended):
    texts, pieces = everything()
    for text in texts:
        if "\ud800" in text:
            continue  # JSON from the controller can't hold it
        result, _logged = ended(raising(AssertionError), {"state": text})
        assert result["failed"]
        clean(result, pieces)


def test_an_option_that_is_secret_as_a_whole(ended):
    word = "a b token=c1 d"
    result, logged = ended(
        lambda *_given: {"changed": True, "said": f"it is {word}."},
        {"it": word},
        {"it": {"type": "str", "no_log": True}},
    )
    assert result["changed"] is True
    assert "a b" not in json.dumps([result, logged]) and " d" not in result["said"]


def test_a_line_of_progress(tmp_path):
    job = create(str(tmp_path / "jobs"))
    texts, pieces = everything()
    for text in texts:
        job.say(text)
    lines = job.lines(0)[0]
    assert len(lines) == len(texts)
    clean(lines, pieces)


def action(act, no_log=False):
    made = object.__new__(type("Action", (PipedAction,), {"act": act}))
    made._task = SimpleNamespace(no_log=no_log, action="stackwright.swarm.compose_stack")
    return made


@pytest.fixture(autouse=True)
def base(monkeypatch):
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp=None, task_vars=None: {})


def test_an_action_that_ends():
    texts, pieces = everything()
    clean(
        action(lambda self, result, variables: {"msg": texts[0], "warnings": texts, "diff": {"before": texts}}).run(),
        pieces,
    )


@pytest.mark.parametrize("kind", [AnsibleError, AnsibleConnectionFailure, StackwrightError])
def test_an_action_that_raises(kind):
    texts, pieces = everything()
    for text in texts:
        with pytest.raises(AnsibleConnectionFailure if kind is AnsibleConnectionFailure else AnsibleError) as raised:
            action(raising(kind(f"it said:\n{text}"))).run()
        clean(str(raised.value), pieces)


def test_a_connection_that_is_lost_after_changes_says_that_there_were_some():
    lost = AnsibleConnectionFailure("it said:\nnothing")
    lost.changed = True
    result = action(raising(lost)).run()
    assert (result["unreachable"], result["changed"], result["error_code"]) == (True, True, "host_unreachable")


def test_no_log_says_that_something_failed_and_no_more():
    told = {"failed": True, "msg": "s_web failed:\n    | hunter2 of the log", "error_code": "health_gate_failed"}
    result = action(lambda *_given: {**told, "warnings": ["hunter2"], "exception": "hunter2"}, no_log=True).run()
    assert result["full_msg"] == told["msg"]
    printed = {name: result[name] for name in ("msg", "warnings", "exception", "deprecations") if name in result}
    assert "hunter2" not in str(printed)
    assert "health_gate_failed" in printed["msg"]


@pytest.mark.parametrize("kind", [AnsibleError, AnsibleConnectionFailure, StackwrightError])
def test_no_log_hides_the_message_of_an_exception(kind):
    """Ansible prints an exception that leaves the action, even with no_log."""
    result = action(raising(kind("it said hunter2")), no_log=True).run()
    assert result["full_msg"] == "it said hunter2" and "hunter2" not in result["msg"]
    assert result["unreachable" if kind is AnsibleConnectionFailure else "failed"]


def test_every_action_and_every_module_goes_through_the_edge():
    plugins = Path(__file__).parents[2] / "plugins"
    for path in (plugins / "action").glob("*.py"):
        found = importlib.import_module(f"ansible_collections.stackwright.swarm.plugins.action.{path.stem}")
        assert found.ActionModule.run is PipedAction.run, path
    for path in (plugins / "module_utils").rglob("*.py"):
        # glance.py only repeats output that was filtered when it was recorded.
        assert path.name == "glance.py" or "AnsibleModule(" not in path.read_text(), path


def test_filters_and_lookups():
    bad = "\x1b]0;x\x07\u202e"
    for broken in (f"services: {{web: [{bad}", f"services: {{'{bad}': {{}}}}", {"services": {f"a{bad}": {}}}):
        with pytest.raises(AnsibleFilterError) as raised:
            compose_render.compose_render(broken, name="shop")
        clean(str(raised.value), [])
    with pytest.raises(AnsibleFilterError) as raised:
        stack_hash.stack_hash(f"sh{bad}op")
    clean(str(raised.value), [])
    lookup = object.__new__(stack_value.LookupModule)
    lookup.set_options = lambda **_given: None
    lookup.get_option = {"name": f"sh{bad}op", "project": None, "environment": None}.get
    with pytest.raises(AnsibleLookupError) as raised:
        lookup.run(["stack/A"])
    clean(str(raised.value), [])


def test_all_problems_of_a_file():
    error = ComposeError([Problem("is no key", key=f"services.we\nb\x1b[31m{n}", file="a\u202e.yml") for n in range(3)])
    assert len(str(error).splitlines()) == 4
    clean(str(error).replace("\n", ""), [])


def test_headers_of_routes():
    assert is_credential("X-Api-Key") and is_credential("Cookie") and is_credential("X-Backend", "Bearer abc123DEF456")
    assert not is_credential("X-Frame-Options", "DENY") and not is_credential("X-Backend", "https://b.example.com")
