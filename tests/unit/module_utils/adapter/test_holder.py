import json
import os
import subprocess
import sys

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import process_identity as holder
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import describe


def me(**other):
    return {**this_run("deploy", "release 7", 1795226401.0), **other}


def test_a_run_says_who_it_is_and_is_not_gone():
    mine = me()
    json.dumps(mine)
    assert mine["who"] == f"{mine['user']}@{mine['host']}"
    assert mine["pid"] == os.getpid()
    assert mine["run"] != me()["run"]
    assert not is_gone(mine)
    where = f"(process {os.getpid()} on {mine['host']})"
    assert describe(mine).endswith(f'{where} since 2026-11-21 02:00:01 UTC: deploy "release 7"')


def test_who_asked_at_another_machine_is_told_with_the_host_where_the_process_is():
    told = describe({"who": "ann@laptop", "host": "m3", "pid": 641, "operation": "deploy"})
    assert told == "ann@laptop (process 641 on m3): deploy"
    assert describe({"who": "ann@laptop", "pid": 641}) == "ann@laptop (process 641)", "of a run of an earlier version"


def test_an_ended_process_of_this_machine_is_gone():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_gone(me(pid=ended.pid))


def test_a_process_id_that_was_given_again_is_another_process():
    assert is_gone(me(started="1"))


def test_a_process_that_its_parent_has_not_taken_leave_of_is_gone():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(me(pid=ended.pid, started=""))
    ended.wait()


@pytest.mark.parametrize(
    "other",
    [
        {"boot": "another machine"},
        {"boot": ""},
        {"boot": None},
        {"pid_ns": "pid:[1]"},
        {"pid_ns": ""},
        {"pid": 0},
        {"pid": -1},
        {"pid": True},
        {"pid": "4242"},
        {"pid": 10**30},
    ],
)
def test_what_cannot_be_known_from_here_is_not_gone(other):
    assert not is_gone(me(**{"pid": 2**22 + 1, **other}))


def test_a_system_without_proc_knows_nothing(monkeypatch):
    monkeypatch.setattr(holder, "BOOT", "/nowhere")
    monkeypatch.setattr(holder, "NAMESPACE", "/nowhere/{}")
    monkeypatch.setattr(holder, "STAT", "/nowhere/{}")
    mine = me()
    assert (mine["boot"], mine["pid_ns"], mine["started"]) == ("", "", "")
    assert not is_gone(mine)


def test_anything_can_be_in_a_lock():
    assert describe({}) == "an unknown run (its labels can't be read)"
    for nonsense in (None, 1e300, -5, "x", [], float("nan")):
        assert describe(
            {"who": nonsense, "since": nonsense, "pid": nonsense, "operation": nonsense, "message": nonsense}
        )
    assert describe({"who": "a\nb" * 1000}) == ("a b" * 1000)[:200]
