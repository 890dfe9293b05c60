"""env_overrides through ansible-playbook, seen from within the containers; and where Swarm expands templates."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

BRACES = "x {{ y }} {{.Node.Hostname}} {{{ z"
#: As values/value_references.py escapes it (its unit tests hold the same two texts).
ESCAPED = 'x {{"{{"}} y }} {{"{{"}}.Node.Hostname}} {{"{{"}}{ z'
COMPOSE = """\
services:
  web:
    image: {image}
    command: [sh, -c, exec sleep 1d, "{{{{.Node.Hostname}}}}"]
    stop_grace_period: 1s
    labels: {{l: "{{{{.Node.Hostname}}}}"}}
    environment:
      LEVEL: file
      GONE: file
      ESCAPED: '{escaped}'
    env_file: web.env
    deploy: {{endpoint_mode: dnsrr}}
  worker:
    image: {image}
    command: [sleep, 1d]
    stop_grace_period: 1s
    environment: {{LEVEL: file}}
    deploy: {{endpoint_mode: dnsrr}}
"""
NASTY = {
    "QUOTES": "'\"`\\",
    "DOLLAR": "$HOME ${LEVEL} $$",
    "COMMENT": "a # b",
    "LINES": "one\ntwo\r\n\tthree\n",
    "WORDS": "käse 漢字 😀",
    "EQUALS": "a=b=c",
    "EMPTY": "",
    "LONG": "0123456789" * 10_000,
}


@pytest.fixture
def player(bed, swarm, tmp_path):
    files = {
        "compose.yml": COMPOSE.format(image=bed.images["busybox"], escaped=ESCAPED),
        "web.env": "FROM_FILE=file\n",
    }
    return Player(tmp_path, {"m1": bed.node("m1").docker_host}, files)


@pytest.fixture
def inside(bed, swarm):
    """The environment of a service's container, as its first process has it."""

    def ask(service):
        node = bed.node("m1")
        name = f"{swarm.name}_{service}"
        ids = node.cli(["docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={name}"])
        found = ids.stdout.split()
        assert len(found) == 1
        # The test bed reads text, which would make one newline of \r\n.
        text = node.cli(["docker", "exec", found[0], "sh", "-c", "tr '\\r' '\\001' </proc/1/environ"]).stdout
        return dict(entry.split("=", 1) for entry in text.replace("\1", "\r").rstrip("\0").split("\0"))

    return ask


def test_overrides_are_what_the_containers_see(player, inside, swarm, bed):
    def deploy(overrides, **how):
        options = {"name": swarm.name, "src": "compose.yml", "env_overrides": overrides}
        return player.play({"compose_stack": options}, **how)

    overrides = {
        "stack": {"LEVEL": "stack", "GONE": None, "FROM_FILE": "stack"},
        "services": {"web": {"LEVEL": "service", **NASTY}},
    }
    run = deploy(overrides)
    assert run.code == 0, run.output
    web, worker = inside("web"), inside("worker")
    assert {key: web[key] for key in NASTY} == NASTY
    assert (web["LEVEL"], web["FROM_FILE"], "GONE" in web) == ("service", "stack", False)
    assert (worker["LEVEL"], worker["FROM_FILE"], "EMPTY" in worker) == ("stack", "stack", False)
    # What the manager escapes where Swarm expands templates comes out as it was.
    assert web["ESCAPED"] == BRACES
    spec = bed.node("m1").cli(["docker", "service", "inspect", f"{swarm.name}_web"]).stdout
    assert spec.count('"{{.Node.Hostname}}"') == 2
    ids = bed.node("m1").cli(
        ["docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={swarm.name}_web"]
    )
    shown = bed.node("m1").cli(["docker", "inspect", ids.stdout.strip()]).stdout
    assert shown.count('"{{.Node.Hostname}}"') == 3  # labels, and twice the arguments: neither was expanded

    again = deploy(overrides)
    assert (again.code, again.last["changed"]) == (0, False)

    overrides["services"]["web"]["LEVEL"] = None
    check = deploy(overrides, check=True)
    assert check.last["changed"]
    assert [operation["key"] for operation in check.last["plan"]] == ["web"]
    assert deploy(overrides).code == 0
    assert "LEVEL" not in inside("web")


def test_a_wrong_override_changes_nothing(player, swarm):
    options = {"name": swarm.name, "src": "compose.yml", "env_overrides": {"services": {"wbe": {"A": "hunter2"}}}}
    run = player.play({"compose_stack": options}, verbosity=3)
    assert run.last["error_code"] == "invalid_compose"
    assert "services.wbe: the files have no such service (available: web, worker)" in run.last["msg"]
    assert not run.last["changed"]
