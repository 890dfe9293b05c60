"""A run in a fork is the same as one of the real command."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

import forks
from playbook import Player, python

#: What a process of the run sees of its own: environment, folder, parents, streams, settings.
LOOK = """
- hosts: swarm_managers
  gather_facts: false
  tasks:
    - ansible.builtin.command: sh -c 'pwd; env | grep -v "^_=" | sort; cat /srv/mark'
      register: seen
    - ansible.builtin.debug:
        msg:
          - "{{ lookup('ansible.builtin.config', 'DEFAULT_LOCAL_TMP') | dirname }}"
          - "{{ lookup('ansible.builtin.config', 'DEFAULT_FORKS') }}"
          - "{{ lookup('ansible.builtin.env', 'MARK') }}"
          - "{{ lookup('ansible.builtin.pipe', 'pwd') }}"
    - ansible.builtin.fail: {msg: "{{ seen.stdout }}"}
"""


@pytest.fixture
def player(tmp_path):
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "mark").write_text("mine")
    return Player(tmp_path, {"m1": "unix:///nowhere", "m2": "unix:///nowhere"}, {"look.yml": LOOK})


def both(player, monkeypatch, **how):
    """The run in a fork, and that of the real command."""
    runs = []
    for chosen in ("1", "0"):
        monkeypatch.setenv("STACKWRIGHT_FORKS", chosen)
        environment = {"MARK": "some", "ANSIBLE_FORKS": "3"}
        mounts = {"/srv": player.folder / "srv"}
        runs.append(player.playbook(player.folder / "look.yml", mounts=mounts, environment=environment, **how))
    return runs


def test_a_fork_does_what_the_command_does(player, monkeypatch):
    fork, command = both(player, monkeypatch)

    def seen(run):
        lines = [(line["host"], line["task"], line["status"], line["result"].get("msg")) for line in run.lines]
        return sorted(
            (host, task, status, [line for line in str(msg).splitlines() if not line.startswith(own)])
            for host, task, status, msg in lines
        )

    # What differs between two runs of the command, and what the shell that mounts for it sets.
    own = ("STACKWRIGHT_", "PWD=", "OLDPWD=", "SHLVL=")
    assert fork.code == command.code == 2, fork.output + command.output
    for mine, theirs in zip(seen(fork), seen(command), strict=True):
        assert mine[:3] == theirs[:3]
        assert set(mine[3]) ^ set(theirs[3]) == set()
    assert any("MARK=some" in str(line) and "mine" in str(line) for line in seen(fork))
    assert fork.output.splitlines()[0:3] == command.output.splitlines()[0:3]


def test_a_fork_reads_its_settings_again(player, monkeypatch):
    fork, command = both(player, monkeypatch, limit="m1")
    said = [run.of(task="ansible.builtin.debug")[0]["msg"] for run in (fork, command)]
    assert said[0] == said[1] == [str(player.folder / ".ansible" / "tmp"), 3, "some", str(player.folder)]


def test_a_program_that_starts_it_by_its_name_gets_a_fork(player):
    look = {"msg": "{{ lookup('ansible.builtin.env', 'MARK') }} {{ lookup('ansible.builtin.pipe', PARENT) }}"}
    parent = {"PARENT": "tr '\\0' ' ' </proc/$PPID/cmdline"}
    play = player.written([{"ansible.builtin.debug": look, "vars": parent}, {"ansible.builtin.fail": None}])
    environment = {**player.usual(), "MARK": "some"}
    with forks.command() as folder:
        environment["PATH"] = f"{folder}:{environment['PATH']}"
        command = ["ansible-playbook", "-i", "inventory.yml", "--limit", "m1", play.name]
        done = subprocess.run(command, cwd=player.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "Failed as requested" in done.stdout + done.stderr, done
    assert f"some {sys.executable} {forks.__file__}" in done.stdout, done


@pytest.mark.parametrize(
    ("change", "can"),
    [
        ({}, True),
        ({"DOCKER_HOST": "x"}, True),
        ({"ANSIBLE_FORKS": "1"}, True),
        ({"ANSIBLE_LOG_PATH": "x"}, False),
        ({"ANSIBLE_PIPELINING": "0"}, True),
        ({"ANSIBLE_FORCE_COLOR": "1"}, False),
        ({"LC_ALL": "C"}, False),
    ],
)
def test_only_what_a_fork_reads_again_may_differ(player, change, can):
    usual = player.usual()
    assert forks.can_run(["/x/ansible-playbook"], {**usual, **change}, usual) is can
    assert not forks.can_run(["setpriv", "/x/ansible-playbook"], usual, usual)


def test_an_environment_that_is_used_often_has_forks_of_its_own(player):
    """With all that the real command reads of it at its start; a fork of another environment does not know it."""
    player.write("own/wave.py", "WHERE = 'of the test'\n")
    seen = player.write("own.py", "#!/usr/bin/python\nimport json, wave\nprint(json.dumps({'msg': wave.WHERE}))\n")
    play = {"hosts": "m1", "gather_facts": False, "tasks": [{"ansible.builtin.script": {"cmd": str(seen)}}]}
    play["tasks"][0]["ansible.builtin.script"]["executable"] = python()
    path, log = player.write("own.yml", yaml.safe_dump([play])), player.folder / "log"
    own = {"ANSIBLE_LOG_PATH": str(log), "PYTHONPATH": str(player.folder / "own")}
    runs = [player.playbook(path, environment=own, verbosity=1) for _number in range(forks.OFTEN)]
    assert forks.at_start({**player.usual(), **own}) in forks._servers
    assert {run.last["stdout_lines"][0] for run in runs} == {'{"msg": "of the test"}'}
    assert len({run.output for run in runs}) == 1
    lines = [line.partition("| ")[2] for line in log.read_text().splitlines()]
    assert lines == lines[: len(lines) // 3] * 3
    assert player.playbook(path).code == 2 and log.read_text().count("PLAY RECAP") == 3


def test_a_run_that_takes_too_long_is_ended_with_all_it_started(player):
    path = player.write("long.yml", LOOK.replace("cat /srv/mark", "echo $$ >pid; exec sleep 600"))
    command, environment, _results = player.command(path, limit="m1")
    with pytest.raises(subprocess.TimeoutExpired):
        forks.run(command, player.folder, environment, 0.01)
    deadline = time.monotonic() + 60
    while (player.folder / "pid").exists() and _lives(int((player.folder / "pid").read_text() or 0)):
        assert time.monotonic() < deadline


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return pid > 0


def test_a_run_that_is_killed_gives_the_signal(player):
    path = player.write("long.yml", LOOK.replace("cat /srv/mark", "kill -KILL $(ps -o ppid= -p $PPID)"))
    command, environment, _results = player.command(path, limit="m1")
    with open(os.devnull, "wb") as nothing:
        fork = forks.Fork(command, player.folder, environment, nothing.fileno(), nothing.fileno())
        os.kill(fork.pid, signal.SIGKILL)
        assert fork.wait(60) == -signal.SIGKILL


def test_a_run_that_has_ended_before_anybody_looks(tmp_path, monkeypatch):
    real = socket.socket.makefile

    def at_the_end(stream, *how, **more):
        end = select.poll()
        end.register(stream, select.POLLRDHUP)
        assert end.poll(60_000)
        return real(stream, *how, **more)

    monkeypatch.setattr(socket.socket, "makefile", at_the_end)
    assert forks.run(["ansible-playbook", "--version"], tmp_path, dict(os.environ), timeout=60).returncode == 0
