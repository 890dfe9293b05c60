"""Files that are broken in every way, through ansible-playbook: an error with a place, soon, and nothing is changed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

SECONDS = 10  # for one task

GOOD = "services:\n  web:\n    image: busybox\n"
BOMB = (
    "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
    + "".join(f"a{n}: &a{n} [{', '.join(f'*a{n - 1}' for _ in range(9))}]\n" for n in range(1, 12))
    + GOOD
)
KEYS = (
    "command",
    "ports",
    "environment",
    "volumes",
    "networks",
    "deploy",
    "healthcheck",
    "labels",
    "logging",
    "configs",
)


def wrong_everywhere():
    values = ["7", "true", "[[1]]", "{a: {b: [c]}}", "'text'", "1.5", "[null]", "{a: null, 1: 2}"]
    services = []
    for number, value in enumerate(values):
        body = "".join(f"    {key}: {value}\n" for key in KEYS)
        services.append(f"  s{number}:\n    image: {value}\n{body}")
    return "services:\n" + "".join(services) + "networks: 7\nvolumes: text\nconfigs: [1]\nsecrets: {a: [b]}\n"


#: name: (files, options, whether a line can be named, a text of the message)
CASES = {
    "binary": ({"compose.yml": b"\x7fELF\x02\x01\x01\x00\xff\xfe\x00\x80services"}, {}, False, "compose.yml"),
    "recursive anchor": ({"compose.yml": "services: &a\n  web: *a\n"}, {}, True, "compose.yml"),
    "recursive merge": ({"compose.yml": "services:\n  web: &a\n    image: x\n    <<: *a\n"}, {}, True, "compose.yml"),
    "bomb": ({"compose.yml": BOMB}, {}, False, "compose.yml"),
    "deep": ({"compose.yml": "services: " + "[" * 20000}, {}, False, "compose.yml"),
    "ten megabytes": ({"compose.yml": GOOD + "x-a: " + "a" * 10_000_000 + "\nservices: 1\n"}, {}, False, "compose.yml"),
    "ten megabytes of services": (
        {"compose.yml": "services:\n" + "".join(f"  s{n}:\n    imge: busybox\n" for n in range(400_000))},
        {},
        False,
        "compose.yml",
    ),
    "wrong types": ({"compose.yml": wrong_everywhere()}, {}, True, "compose.yml:"),
    "services is a list": ({"compose.yml": "services: [web]\n"}, {}, True, "compose.yml:1"),
    "text": ({"compose.yml": "hello\n"}, {}, True, "compose.yml"),
    "empty": ({"compose.yml": ""}, {}, False, "compose.yml"),
    "nothing": ({"compose.yml": "---\n"}, {}, False, "compose.yml"),
    "a tag of Python": ({"compose.yml": "services: !!python/object/apply:os.system [id]\n"}, {}, True, "compose.yml:1"),
    "a key twice": ({"compose.yml": "services:\n  web: {image: a}\n  web: {image: b}\n"}, {}, True, "compose.yml:3"),
    "a tab": ({"compose.yml": "services:\n\tweb: {image: a}\n"}, {}, True, "compose.yml:2"),
    "missing": ({}, {}, False, "compose.yml"),
    "a folder": ({"compose.yml/x": ""}, {}, False, "compose.yml"),
    "extends cycle": (
        {"compose.yml": "services:\n  a: {extends: {service: b}}\n  b: {extends: {service: a}}\n"},
        {},
        True,
        "compose.yml:",
    ),
    "extends cycle of files": (
        {
            "compose.yml": "services:\n  a: {extends: {file: other.yml, service: a}}\n",
            "other.yml": "services:\n  a: {extends: {file: compose.yml, service: a}}\n",
        },
        {},
        True,
        ".yml:",
    ),
    "include cycle": (
        {"compose.yml": "include: [other.yml]\n", "other.yml": "include: [compose.yml]\n"},
        {},
        True,
        ".yml:",
    ),
    "include of itself": ({"compose.yml": "include: [compose.yml]\n" + GOOD}, {}, True, "compose.yml:1"),
    "depends_on cycle": (
        {
            "compose.yml": "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n",
        },
        {},
        True,
        "compose.yml:",
    ),
    "long name": ({"compose.yml": GOOD.replace("web", "w" * 64)}, {}, True, "compose.yml:2"),
    "long stack": ({"compose.yml": GOOD}, {"name": "s" * 64}, False, ""),
    "undefined network": ({"compose.yml": GOOD + "    networks: [nowhere]\n"}, {}, True, "compose.yml:4"),
    "undefined secret": ({"compose.yml": GOOD + "    secrets: [nothing]\n"}, {}, True, "compose.yml:4"),
    "missing env_file": ({"compose.yml": GOOD + "    env_file: nothing.env\n"}, {}, True, "compose.yml:4"),
    "missing config": ({"compose.yml": GOOD + "configs:\n  a: {file: nothing}\n"}, {}, True, "compose.yml:5"),
    "bad variable": ({"compose.yml": GOOD.replace("busybox", "${A")}, {}, True, "compose.yml:3"),
    "required variable": ({"compose.yml": GOOD.replace("busybox", "${A?give it}")}, {}, True, "give it"),
    "a list as a variable": ({"compose.yml": GOOD}, {"variables": {"A": [1, 2]}}, False, "variables.A"),
    "variables are a list": ({"compose.yml": GOOD}, {"variables": [1]}, False, "variables"),
    "a definition that is a number": ({}, {"src": None, "definition": 7}, False, "definition"),
    "a definition with a wrong type": ({}, {"src": None, "definition": {"services": {"web": 7}}}, False, "definition"),
    "nothing given": ({}, {"src": None}, False, "src"),
}


@pytest.fixture(scope="module")
def played(bed, tmp_path_factory):
    """All cases in one ansible-playbook, each a task whose error is ignored: the output of each, and its result."""
    folder = tmp_path_factory.mktemp("bad-input")
    player = Player(folder, {"m1": bed.node("m1").docker_host})
    tasks = []
    for number, (case, (files, options, _has_line, _text)) in enumerate(CASES.items()):
        for name, content in files.items():
            path = folder / f"case{number}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        task = {"name": "bad-input", "src": f"case{number}/compose.yml", "rollout": {"wait": False}, **options}
        module = {key: value for key, value in task.items() if value is not None}
        tasks.append({"name": case, "compose_stack": module, "ignore_errors": True})
    before = state(bed)
    run = player.play(*tasks, verbosity=3)
    # What tests before this one have made may still go.
    assert not [one for kind, held in state(bed).items() for one in held if one not in before[kind]]
    parts = run.output.split("TASK [")
    outputs = {part.partition("]")[0]: part for part in parts[1:]}
    return {line["task"]: (line, outputs[line["task"]]) for line in run.lines}


@pytest.mark.parametrize("case", CASES)
def test_bad_input(case, played):
    _files, _options, has_line, text = CASES[case]
    line, output = played[case]
    result = line["result"]
    assert line["status"] == "failed", output[-3000:]
    assert result.get("error_code"), str(result)[:2000]
    assert text in result["msg"], result["msg"][:2000]
    assert "Traceback" not in output
    assert len(result["msg"]) < 100_000
    if has_line:
        assert any(problem["file"] and problem["line"] for problem in result["problems"]), result["problems"][:5]
    assert line["seconds"] < SECONDS


def state(bed):
    """Everything that the Swarm holds, with versions."""
    kinds = ("services", "networks", "configs", "secrets")
    objects = {kind: bed.node("m1").api("GET", f"/{kind}") for kind in kinds}
    return {
        kind: sorted((o.get("ID") or o["Id"], str(o.get("Version"))) for o in held if o.get("Scope") != "local")
        for kind, held in objects.items()
    }
